"""The registry client against answers made up, where a real registry gives none of them."""

from __future__ import annotations

import base64
import hashlib
import json
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import httpx
import pytest

from tests.support.waits import waits
from tradai_tasks.errors import (
    LoginRefusedError,
    PushDeniedError,
    RegistryError,
    RepositoryMissingError,
)
from tradai_tasks.http_client.address import Credentials
from tradai_tasks.release.clients.registry import Registry, RemoteImage, TagRefusedError
from tradai_tasks.release.clients.registry_http import RegistrySession

OCI = "application/vnd.oci.image.manifest.v1+json"
INDEX = "application/vnd.oci.image.index.v1+json"
Answer = Callable[[httpx.Request], httpx.Response]


def digest(body: bytes) -> str:
    return f"sha256:{hashlib.sha256(body).hexdigest()}"


@contextmanager
def registry(
    answer: Answer, host: str = "reg.example", *, user: Credentials | None = None,
    patience: float = 60, slept: list[float] | None = None,
) -> Iterator[Registry]:  # fmt: skip
    session = RegistrySession(
        host,
        credentials=lambda: user,
        remedy="check them",
        patience=patience,
        token_hosts=["auth.example"],
        transport=httpx.MockTransport(answer),
    )
    with waits(slept):
        yield Registry(session)
    session.close()


def asked(path: str, **answers: httpx.Response) -> Answer:
    def answer(request: httpx.Request) -> httpx.Response:
        return answers.get(request.url.path.rsplit("/", 1)[-1], httpx.Response(404))

    return answer


def image(config: bytes, **more: object) -> bytes:
    return json.dumps({"schemaVersion": 2, "config": {"digest": digest(config)}, **more}).encode()


CONFIG = json.dumps(
    {"os": "linux", "architecture": "arm64", "variant": "v8", "config": {"Labels": {"a": "b"}}}
).encode()
MANIFEST = image(CONFIG)


def served(request: httpx.Request) -> httpx.Response:
    if request.url.path.endswith("/manifests/1"):
        return httpx.Response(200, content=MANIFEST, headers={"Content-Type": f"{OCI}; charset=x"})
    if request.url.path.endswith(f"/blobs/{digest(CONFIG)}"):
        return httpx.Response(200, content=CONFIG)
    return httpx.Response(404)


def test_an_image_with_its_labels_and_platform() -> None:
    with registry(served) as client:
        found = client.image("web", "1")
        assert found == RemoteImage(
            digest=digest(MANIFEST),
            media_type=OCI,
            manifest=MANIFEST,
            is_list=False,
            labels={"a": "b"},
            platform="linux/arm64/v8",
        )
        assert client.image("web", "2") is None
        assert client.digest("web", "2") is None
        assert client.digest("web", "1") == found.digest  # without the header that says it


def test_a_list_has_the_labels_of_the_platform_asked_for() -> None:
    entry = {
        "digest": "1",
        "platform": {"os": "linux", "architecture": "arm64", "variant": "v8"},
    }
    other = {"digest": "9", "platform": {"os": "linux", "architecture": "amd64"}}
    index = json.dumps({"manifests": [other, entry, {"digest": "attestation"}]}).encode()

    def answer(request: httpx.Request) -> httpx.Response:
        if request.url.path.endswith("/manifests/list"):
            return httpx.Response(200, content=index, headers={"Content-Type": INDEX})
        return served(request)

    with registry(answer) as client:
        for platform in ("linux/arm64", "linux/arm64/v8"):
            found = client.image("web", "list", platform=platform)
            assert found is not None
            assert (found.is_list, found.labels, found.platform) == (True, {"a": "b"}, None)
        for other_one in (None, "linux/s390x", "linux/amd64"):
            bare = client.image("web", "list", platform=other_one)
            assert bare is not None
            assert bare.labels == {}


@pytest.mark.parametrize(
    ("answer", "said"),
    [
        (httpx.Response(200, content=b"x", headers={"Content-Type": OCI}), "no JSON object"),
        (httpx.Response(200, content=b"[]", headers={"Content-Type": OCI}), "no JSON object"),
        (
            httpx.Response(200, content=b"{}", headers={"Content-Type": "text/html"}),
            "a manifest of an unknown kind, 'text/html'",
        ),
        (
            httpx.Response(
                200, content=b"{}", headers={"Content-Type": OCI, "Docker-Content-Digest": "md5:1"}
            ),
            "says md5:1, but its bytes are sha256:",
        ),
        (
            httpx.Response(418, json={"errors": [{"code": "TEA", "message": "a\npot"}]}),
            "TEA: a pot",
        ),
        (httpx.Response(418, text="plain"), "status 418: plain"),
        (httpx.Response(418), "status 418: I'm a teapot"),
    ],
)
def test_answers_that_no_registry_should_give(answer: httpx.Response, said: str) -> None:
    with registry(lambda _: answer) as client, pytest.raises(RegistryError) as error:
        client.image("web", "1")
    assert said in str(error.value)
    assert str(error.value).startswith("reg.example/web:1")
    assert "\n" not in str(error.value)


def test_a_configuration_of_other_bytes_is_refused() -> None:
    def answer(request: httpx.Request) -> httpx.Response:
        if "/blobs/" in request.url.path:
            return httpx.Response(200, content=b"{}")
        return served(request)

    with registry(answer) as client, pytest.raises(RegistryError, match="of another digest"):
        client.image("web", "1")


def test_an_image_without_a_configuration_has_no_labels() -> None:
    bare = httpx.Response(200, content=b"{}", headers={"Content-Type": OCI})
    with registry(lambda _: bare) as client:
        found = client.image("web", "1")
    assert found is not None
    assert found.labels == {}


def test_tags_of_all_pages() -> None:
    def answer(request: httpx.Request) -> httpx.Response:
        last = request.url.params.get("last", "")
        following = {"": "b", "b": "d"}.get(last, "")
        page = {"": ["a", "b"], "b": ["c", "d"], "d": None}[last]
        link = f'</v2/web/tags/list?last={following}&n=2>; rel="next"'
        headers = {"Link": link} if following else {}
        return httpx.Response(200, json={"tags": page}, headers=headers)

    with registry(answer) as client:
        assert client.tags("web") == ["a", "b", "c", "d"]
    with registry(lambda _: httpx.Response(404)) as client:
        assert client.tags("web") == []


@pytest.mark.parametrize(
    ("link", "said"),
    [
        ('<https://evil.example/v2/web>; rel="next"', "on another host, evil.example"),
        ('</v2/web/tags/list>; rel="next"', "does not end"),
    ],
)
def test_pages_that_lead_away_or_round_in_a_circle(link: str, said: str) -> None:
    def answer(_: httpx.Request) -> httpx.Response:
        return httpx.Response(200, json={"tags": ["a"]}, headers={"Link": link})

    with registry(answer) as client, pytest.raises(RegistryError, match=said):
        client.tags("web")


IMAGE = RemoteImage(
    digest=digest(MANIFEST), media_type=OCI, manifest=MANIFEST, is_list=False, labels={},
    platform=None,
)  # fmt: skip


def test_a_tag_is_moved_by_the_same_bytes() -> None:
    sent = []

    def answer(request: httpx.Request) -> httpx.Response:
        sent.append((request.method, request.url.path, request.headers["Content-Type"]))
        assert request.content == MANIFEST
        return httpx.Response(201)

    with registry(answer) as client:
        client.put("web", "latest", IMAGE)
    assert sent == [("PUT", "/v2/web/manifests/latest", OCI)]


@pytest.mark.parametrize(
    ("answer", "error"),
    [
        (httpx.Response(400, text="... because the repository is immutable."), TagRefusedError),
        (httpx.Response(405), TagRefusedError),
        (httpx.Response(409), TagRefusedError),
        (httpx.Response(400, text="manifest invalid"), RegistryError),
        (httpx.Response(404, text="name unknown"), RepositoryMissingError),
        (httpx.Response(403, text="denied"), PushDeniedError),
    ],
)
def test_a_tag_that_does_not_move(answer: httpx.Response, error: type[Exception]) -> None:
    with registry(lambda _: answer) as client, pytest.raises(error, match=r"reg\.example/web"):
        client.put("web", "latest", IMAGE)


BEARER = 'Bearer realm="https://auth.example/token",service="reg.example",scope="x"'
USER = Credentials("me", "s3cret")


def by_token(realm: str = BEARER, token: httpx.Response | None = None) -> tuple[Answer, list[str]]:
    seen: list[str] = []

    def answer(request: httpx.Request) -> httpx.Response:
        seen.append(f"{request.method} {request.url.host}{request.url.path}")
        if request.url.host == "auth.example":
            seen.append(request.url.params.get("scope", ""))
            seen.append(request.headers.get("Authorization", ""))
            return token or httpx.Response(200, json={"token": "t0ken"})
        if request.headers.get("Authorization") != "Bearer t0ken":
            return httpx.Response(401, headers={"WWW-Authenticate": realm})
        return served(request)

    return answer, seen


def test_a_token_is_got_once_for_each_repository() -> None:
    answer, seen = by_token()
    with registry(answer, user=USER) as client:
        assert client.image("web", "1") is not None
        assert client.image("web", "1") is not None
    basic = base64.b64encode(b"me:s3cret").decode()
    assert seen.count("GET auth.example/token") == 1
    assert "repository:web:pull" in seen
    assert f"Basic {basic}" in seen


def test_a_token_may_be_had_without_credentials() -> None:
    answer, seen = by_token(token=httpx.Response(200, json={"access_token": "t0ken"}))
    with registry(answer) as client:
        assert client.image("web", "1") is not None
    assert "Basic" not in " ".join(seen)


@pytest.mark.parametrize(
    ("token", "error", "said"),
    [
        (httpx.Response(401), LoginRefusedError, "login refused.*user 'me'.*check them"),
        (httpx.Response(200, json={}), RegistryError, "answers without a token"),
        (httpx.Response(404), RegistryError, "status 404"),
        (httpx.Response(503), RegistryError, r"auth\.example: status 503.*; tried for 0 s"),
    ],
)
def test_tokens_that_are_not_given(
    token: httpx.Response, error: type[Exception], said: str
) -> None:
    answer, _ = by_token(token=token)
    with (
        registry(answer, user=USER, patience=0) as client,
        pytest.raises(error, match=said) as raised,
    ):
        client.image("web", "1")
    assert "s3cret" not in str(raised.value)


@pytest.mark.parametrize("realm", ["http://auth.example/token", "ftp://auth.example", ""])
def test_credentials_are_sent_by_https_alone(realm: str) -> None:
    answer, seen = by_token(realm=f'Bearer realm="{realm}"')
    with registry(answer, user=USER) as client, pytest.raises(RegistryError, match="is not https"):
        client.image("web", "1")
    assert len(seen) == 1


def test_a_loopback_registry_speaks_http() -> None:
    schemes = []

    def answer(request: httpx.Request) -> httpx.Response:
        schemes.append(request.url.scheme)
        return httpx.Response(404)

    for host in ("127.0.0.1:5000", "reg.example"):
        with registry(answer, host) as client:
            client.image("web", "1")
    assert schemes == ["http", "https"]


def test_faults_that_pass_are_waited_for_as_the_registry_asks() -> None:
    answers = iter(
        [
            httpx.Response(429, headers={"Retry-After": "7"}),
            httpx.Response(503, headers={"Retry-After": "Wed, 21 Oct 2026 07:28:00 GMT"}),
            httpx.Response(429, headers={"Retry-After": "100000"}),
        ]
    )
    slept: list[float] = []

    def answer(request: httpx.Request) -> httpx.Response:
        found = next(answers, None)
        return served(request) if found is None else found

    with registry(answer, slept=slept) as client:
        assert client.image("web", "1") is not None
    assert slept[0] == 7
    assert 0 < slept[1] < 10
    assert 59 < slept[2] <= 60  # no longer than the patience


def test_a_registry_that_cannot_be_reached() -> None:
    def answer(request: httpx.Request) -> httpx.Response:
        raise httpx.ConnectError("refused", request=request)

    with registry(answer, patience=0) as client, pytest.raises(RegistryError) as error:
        client.image("web", "1")
    assert str(error.value) == (
        "reg.example: refused; tried for 0 s (images.patience); run the same again once it is up"
    )


def test_credentials_are_never_shown() -> None:
    assert "s3cret" not in repr(USER)
