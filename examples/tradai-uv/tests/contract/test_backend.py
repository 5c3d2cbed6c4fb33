"""What callers of the backend rely on, asked of the running service."""

import os
from collections.abc import Iterator

import httpx
import pytest

pytestmark = pytest.mark.contract

URL = os.environ.get("BACKEND_URL", f"http://127.0.0.1:{os.environ.get('BACKEND_PORT', '8000')}")
ROW = [1767225600000, 10.0, 12.0, 9.0, 11.0, 5.0]


@pytest.fixture(scope="module")
def backend() -> Iterator[httpx.Client]:
    # The container is up before the program in it listens: give the first request some time.
    transport = httpx.HTTPTransport(retries=5)
    with httpx.Client(base_url=URL, timeout=10.0, transport=transport) as client:
        yield client


def test_health_has_status_version_and_time(backend: httpx.Client) -> None:
    answer = backend.get("/health")
    assert answer.status_code == 200
    assert answer.json().keys() == {"status", "version", "time"}
    assert answer.json()["status"] == "ok"


def test_the_described_interface_has_what_callers_use(backend: httpx.Client) -> None:
    paths = backend.get("/openapi.json").json()["paths"]
    found = {f"{method} {path}" for path, methods in paths.items() for method in methods}
    assert {"get /health", "get /pairs", "get /candles", "post /candles"} <= found
    names = {parameter["name"] for parameter in paths["/candles"]["get"]["parameters"]}
    assert names >= {"pair", "timeframe", "source", "limit"}


def test_sending_candles_twice_keeps_them_once(backend: httpx.Client) -> None:
    batch = {"pair": "TEST/USDT", "timeframe": "1m", "rows": [ROW]}
    for _ in range(2):
        assert backend.post("/candles", json=batch).json() == {"saved": 1}
    answer = backend.get("/candles", params={"pair": "TEST/USDT", "timeframe": "1m"})
    assert answer.json() == batch


def test_refusals_say_why(backend: httpx.Client) -> None:
    unknown = backend.get("/candles", params={"pair": "NONE/USDT", "timeframe": "1m"})
    assert unknown.status_code == 404
    wrong = backend.get("/candles", params={"pair": "none", "timeframe": "1m"})
    assert wrong.status_code == 422
    assert "no pair" in wrong.json()["detail"]
