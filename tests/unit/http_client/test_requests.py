"""What may be asked, by which address, with whose credentials, and how often."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable

import httpx
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.support.hostile_server import hostile_server
from tests.support.project import DictTree
from tests.support.waits import waits
from tradai_tasks.errors import (
    AwsEndpointError,
    ModelRegistryError,
    RegistryError,
    SettingsError,
    StoppedError,
)
from tradai_tasks.http_client.address import address_fault, basic, bearer, is_loopback_name
from tradai_tasks.http_client.client import HttpClient
from tradai_tasks.http_client.limits import AnswerError, Limits, parsed_json
from tradai_tasks.http_client.retry import TransientError, retried, seconds_asked_for
from tradai_tasks.release.clients.aws import Aws
from tradai_tasks.release.clients.mlflow_http import address_of
from tradai_tasks.release.clients.registry_http import RegistrySession
from tradai_tasks.settings.load import load_settings

Answer = Callable[[httpx.Request], httpx.Response]


def client(answer: Answer, base: str = "https://a.example/x/", **given: object) -> HttpClient:
    return HttpClient(
        base,
        authorization=lambda: "Basic marked",
        transport=httpx.MockTransport(answer),
        **given,  # type: ignore[arg-type]  # as it takes them
    )


# --- addresses -----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "url",
    ["https://a.example", "http://localhost:5000/x", "http://127.0.0.1", "http://[::1]:80/",
     "http://127.8.9.1/x", "https://me:word@a.example/"],
)  # fmt: skip
def test_addresses_that_may_be_used(url: str) -> None:
    assert address_fault(url) is None


@pytest.mark.parametrize(
    "url",
    ["http://a.example", "ftp://127.0.0.1", "file:///etc/passwd", "", "a.example", "//a.example",
     "https://", "http://127.0.0.1.a.example/", "http://localhost.a.example", "http://0.0.0.0/",
     "http://127.0.0.1@a.example/", "https://[::1", "https://a:marked", "https://a b/",
     "https://a\\@b.example/", "https://a.example/\n", "http://2130706433/", "HTTP://A.EXAMPLE",
     "https://é.example/", "http://u:ma/rked@127.0.0.1/", "javascript:alert(1)"],
)  # fmt: skip
def test_addresses_that_may_not(url: str) -> None:
    fault = address_fault(url)
    assert fault
    assert "marked" not in fault


@given(st.text())
def test_any_text_is_an_address_or_is_not(text: str) -> None:
    for scheme in ("", "https://", "http://", "https://u:p@"):
        fault = address_fault(scheme + text)
        assert fault is None or fault.isprintable()


@pytest.mark.parametrize(
    "url", ["https://xn--a/", "https://[v1.x]/", f"https://a.example/{'x/' * 40_000}"]
)
def test_what_only_the_http_library_refuses_is_refused_in_words(url: str) -> None:
    with pytest.raises(AnswerError, match="no web address that can be read"):
        HttpClient(url)
    moved = httpx.MockTransport(lambda _: httpx.Response(302, headers={"Location": url}))
    with pytest.raises(AnswerError, match="redirects"):
        HttpClient("https://a.example", transport=moved).request("GET", "/")

    def answer(request: httpx.Request) -> httpx.Response:
        return httpx.Response(401, headers={"WWW-Authenticate": f'Bearer realm="{url}"'})

    session = RegistrySession("127.0.0.1:5", transport=httpx.MockTransport(answer), patience=0)
    with pytest.raises(RegistryError, match=r"127\.0\.0\.1:5: wants credentials sent to"):
        session.send("GET", "/v2/", "web")


def test_what_is_this_machine() -> None:
    assert all(map(is_loopback_name, ("localhost", "127.0.0.1", "127.1.2.3", "::1", "[::1]")))
    assert not any(map(is_loopback_name, ("", "localhost.x", "10.0.0.1", "::2", "127.1", "a")))


def test_headers_of_credentials() -> None:
    assert basic("me", "pä:ss") == "Basic bWU6cMOkOnNz"
    assert bearer("t0ken") == "Bearer t0ken"
    assert [bearer(one) for one in ("", "a b", "a\n", "ä", "a\r\nX: y")] == [None] * 5


@pytest.mark.parametrize(
    "uri",
    ["https://me:mar/ked@host.example", "https://me:mar:ked@host.example:ked",
     "http://me:marked@host.example", "https://me:marked@[::1", "https://me:mar#ked@host.example",
     "https://me:mar?ked@host.example", "https://me:mar\nked@host.example", "mysql://me:marked@h",
     "https://me:marked@host.example:99999", "https://me:märked@host.example"],
)  # fmt: skip
def test_an_mlflow_address_is_refused_without_a_part_of_its_password(uri: str) -> None:
    with pytest.raises(ModelRegistryError, match=r"^MLFLOW_TRACKING_URI: ") as caught:
        address_of({"MLFLOW_TRACKING_URI": uri}, None)
    said = str(caught.value)
    assert not any(part in said for part in ("mar", "ked", "märked", "me:"))


def test_an_mlflow_token_that_no_header_can_hold() -> None:
    env = {"MLFLOW_TRACKING_URI": "https://h.example", "MLFLOW_TRACKING_TOKEN": "mar\nked"}
    with pytest.raises(ModelRegistryError, match="MLFLOW_TRACKING_TOKEN: has char") as caught:
        address_of(env, None)
    assert "ked" not in str(caught.value)


@pytest.mark.parametrize("key", ["upload-url", "simple-url"])
@pytest.mark.parametrize("url", ["http://index.example/", "http://localhost.example/", "file:///x"])
def test_an_index_by_http_is_refused_in_the_settings(key: str, url: str) -> None:
    urls = {"upload-url": "https://a.example/", "simple-url": "http://127.0.0.1:8080/simple"}
    lines = "".join(f'{name} = "{value}"\n' for name, value in {**urls, key: url}.items())
    tree = DictTree({"tradai-tasks.toml": f"[publish.index]\n{lines}"})
    with pytest.raises(SettingsError, match=f"publish.index.{key}: '{url}' does not match"):
        load_settings(tree)


def test_a_stand_in_for_aws_by_http(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_ENDPOINT_URL", "http://aws.example")
    with pytest.raises(AwsEndpointError, match="its endpoint for sts is an http address"):
        Aws(region="eu-central-1").client("sts")
    monkeypatch.setenv("AWS_ENDPOINT_URL", "http://127.0.0.1:5000")
    assert Aws(region="eu-central-1").client("sts")


# --- redirects -----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("place", "said"),
    [
        ("http://a.example/y", "redirects from https to http"),
        ("http://127.0.0.1/y", "redirects from https to http"),
        ("ftp://a.example/", "redirects to 'ftp', which is not https"),
        ("https://u:p@a.example/", "redirects to an address with a user or password in it"),
        ("https://[::1", "redirects to what is no web address"),
        ("/x/again", "redirects more than 5 times"),
    ],
)
def test_redirects_that_are_not_followed(place: str, said: str) -> None:
    def answer(request: httpx.Request) -> httpx.Response:
        return httpx.Response(302, headers={"Location": place})

    with pytest.raises(AnswerError, match=said):
        client(answer).request("GET", "page")


@pytest.mark.parametrize("place", ["https://b.example/y", "https://a.example:444/y"])
def test_credentials_stay_with_their_origin(place: str) -> None:
    seen: list[tuple[str, str | None]] = []

    def answer(request: httpx.Request) -> httpx.Response:
        seen.append((str(request.url), request.headers.get("Authorization")))
        if str(request.url) == place:
            return httpx.Response(302, headers={"Location": "https://a.example:443/x/end"})
        return (
            httpx.Response(302, headers={"Location": place})
            if len(seen) == 1
            else (httpx.Response(200, text="whole"))
        )

    found = client(answer).request("GET", "page")
    assert found.content == b"whole"
    assert seen == [
        ("https://a.example/x/page", "Basic marked"),
        (place, None),
        ("https://a.example/x/end", "Basic marked"),
    ]


def test_what_changes_something_is_not_sent_elsewhere() -> None:
    seen: list[tuple[str, str, bytes]] = []

    def answer(request: httpx.Request) -> httpx.Response:
        seen.append((request.method, str(request.url), request.content))
        place = "https://a.example/y" if len(seen) == 1 else "https://b.example/"
        return httpx.Response(307, headers={"Location": place})

    assert client(answer).request("PUT", "page", content=b"x").status_code == 307
    assert seen == [
        ("PUT", "https://a.example/x/page", b"x"),
        ("PUT", "https://a.example/y", b"x"),
    ]


def test_no_credentials_by_http() -> None:
    def answer(request: httpx.Request) -> httpx.Response:
        return httpx.Response(200)

    with pytest.raises(AnswerError, match="an http address of another machine"):
        client(answer, "http://a.example/")
    with pytest.raises(AnswerError, match="wants credentials by http"):
        client(answer, "http://a.example/", plain_http=True).request("GET", "")
    with pytest.raises(AnswerError, match="an http address of another machine"):
        client(answer).request("GET", "http://a.example/")


# --- trying again --------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "seconds"),
    [
        ("7", 7), (" 7 ", 7), ("999999999", 999999999), ("²", 0), ("٣", 0), ("-1", 0), ("1e9", 0),
        ("NaN", 0), ("inf", 0), ("9" * 400, 0), ("1.5", 0), ("", 0), ("7\n", 7), ("soon", 0),
        ("Thu, 01 Jan 1970 00:00:20 GMT", 10), ("Thu, 01 Jan 1970 00:00:20 -0000", 10),
        ("Thu, 01 Jan 1970 00:00:00 GMT", 0), ("Thu, 99 Xyz 1970 00:00:20 GMT", 0),
        ("Fri, 31 Dec 99999 23:59:59 GMT", 0), ("Thu, 01 Jan 1970 00:00:20 +9999999999", 0),
        ("a" * 100_000, 0), ("\x00", 0),
    ],
)  # fmt: skip
def test_what_a_server_asks_for(text: str, seconds: float) -> None:
    assert seconds_asked_for({"Retry-After": text}, now=10.0) == seconds


@given(st.text(max_size=80))
def test_no_header_ends_in_an_error(text: str) -> None:
    assert seconds_asked_for({"Retry-After": text}, now=10.0) >= 0


def test_waits_end_when_the_work_is_stopped() -> None:
    stop = threading.Event()
    threading.Timer(0.2, stop.set).start()

    def fails() -> None:
        raise TransientError("x", wait=60)

    begun = time.monotonic()
    with pytest.raises(StoppedError):
        retried(fails, patience=600, stop=stop)
    assert time.monotonic() - begun < 10


def test_a_request_ends_when_the_work_is_stopped() -> None:
    stop = threading.Event()
    threading.Timer(0.2, stop.set).start()
    with hostile_server() as server:
        server.how = "silence"
        asking = HttpClient(server.url, limits=Limits(idle=30, whole=30), stop=stop)
        begun = time.monotonic()
        with pytest.raises(StoppedError):
            asking.request("GET", "/")
        assert time.monotonic() - begun < 10
        asking.close()


def test_patience_bounds_all_waits_together() -> None:
    slept: list[float] = []

    def fails() -> None:
        raise TransientError("x", wait=1e9)

    with waits(slept), pytest.raises(TransientError):
        retried(fails, patience=0.5, tries=3)
    assert len(slept) == 2
    assert all(one <= 0.5 for one in slept)


def test_documents() -> None:
    assert parsed_json(b'{"a": [1, null]}') == {"a": [1, None]}
    for content in (b"", b"{", b"[" * 100_000, b'"\xff"', b"NaN", b"[1] x", b"[" + b"1," * 10**6):
        with pytest.raises(ValueError, match="JSON"):
            parsed_json(content)
