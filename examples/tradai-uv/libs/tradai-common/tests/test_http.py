from collections.abc import Callable

import httpx
import pytest

from tradai.common.http import HttpError, JsonClient, TransientHttpError
from tradai.common.retry import RetryPolicy

AT_ONCE = RetryPolicy(attempts=3, first_delay=0.0)


def client(answer: Callable[[httpx.Request], httpx.Response]) -> JsonClient:
    transport = httpx.MockTransport(answer)
    return JsonClient("http://backend", policy=AT_ONCE, transport=transport)


def test_get_and_post() -> None:
    def answer(request: httpx.Request) -> httpx.Response:
        sent = request.content.decode() or None
        return httpx.Response(200, json={"url": str(request.url), "sent": sent})

    with client(answer) as api:
        assert api.get("/candles", {"limit": 3})["url"] == "http://backend/candles?limit=3"
        assert api.post("/candles", [1])["sent"] == "[1]"


def test_a_busy_server_is_asked_again() -> None:
    statuses = iter([503, 429, 200])
    with client(lambda _: httpx.Response(next(statuses), json="done")) as api:
        assert api.get("/") == "done"


def test_a_server_out_of_reach_is_asked_again_then_given_up() -> None:
    calls = []

    def answer(request: httpx.Request) -> httpx.Response:
        calls.append(request)
        raise httpx.ConnectError("refused")

    with client(answer) as api, pytest.raises(TransientHttpError, match="refused"):
        api.get("/")
    assert len(calls) == 3


def test_a_refusal_is_final() -> None:
    calls = []

    def answer(request: httpx.Request) -> httpx.Response:
        calls.append(request)
        return httpx.Response(404, text="no such pair")

    with client(answer) as api, pytest.raises(HttpError, match="404: no such pair"):
        api.get("/")
    assert len(calls) == 1


def test_only_json_counts_as_an_answer() -> None:
    page = httpx.Response(200, text="<html>")
    with client(lambda _: page) as api, pytest.raises(HttpError, match="no JSON"):
        api.get("/")
