"""Each client against a server that does its worst: one line, in bounded time."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from types import ModuleType
from unittest import mock

import pytest

from tests.support.dists import dist
from tests.support.hostile_server import WAYS, Hostile, hostile_server
from tests.support.waits import waits
from tradai_tasks.docs import link_sources as sources
from tradai_tasks.docs.link_sources import answers
from tradai_tasks.errors import (
    CommentError,
    IndexAuthError,
    IndexUnavailableError,
    ModelRegistryError,
    RegistryError,
    TasksError,
)
from tradai_tasks.http_client.address import Credentials
from tradai_tasks.http_client.limits import Limits
from tradai_tasks.http_client.retry import in_haste
from tradai_tasks.infra.pull_request_comment import PullRequest, post
from tradai_tasks.release.clients import mlflow_http as mlflow_client
from tradai_tasks.release.clients import registry_http as registry_session
from tradai_tasks.release.clients.mlflow_api import MlflowServer
from tradai_tasks.release.clients.mlflow_http import client_of
from tradai_tasks.release.clients.package_index import PackageIndex
from tradai_tasks.release.clients.registry import Registry
from tradai_tasks.release.clients.registry_http import RegistrySession
from tradai_tasks.release.libraries.twine_upload import upload

SECONDS = 1.0  # in which an answer must be whole


@pytest.fixture(autouse=True)
def _no_waits() -> Iterator[None]:
    with waits():
        yield


@pytest.fixture(scope="module")
def servers() -> Iterator[tuple[Hostile, Hostile]]:
    with hostile_server() as one, hostile_server() as other:
        one.other = other.url
        yield one, other


@pytest.fixture
def hostile(servers: tuple[Hostile, Hostile]) -> Hostile:
    for one in servers:
        one.requests.clear()
        one.how = "empty"
    return servers[0]


def seconds(server: Hostile) -> float:
    """The time for an answer: short where the server uses it up, else enough for any machine."""
    slow = ("dripping", "silence", "endless-informational")
    return SECONDS if server.how.startswith(slow) else 20.0


@contextmanager
def limited(module: ModuleType, server: Hostile) -> Iterator[None]:
    found = module._LIMITS
    made = Limits(idle=seconds(server), whole=seconds(server), most=found.most)
    with mock.patch.object(module, "_LIMITS", made):
        yield


def ask_index(server: Hostile) -> object:
    index = PackageIndex(
        f"{server.url}/simple/",
        lambda: Credentials(username="me", password="marked"),
        timeout=seconds(server),
    )
    try:
        return index.files("a")
    finally:
        index.close()


def ask_registry(server: Hostile) -> object:
    with limited(registry_session, server):
        session = RegistrySession(
            server.host,
            credentials=lambda: Credentials("me", "marked"),
            patience=0.2,
        )
    try:
        return Registry(session).image("web", "1"), Registry(session).tags("web")
    finally:
        session.close()


def ask_mlflow(server: Hostile) -> object:
    env = {"MLFLOW_TRACKING_URI": server.url.replace("//", "//me:marked@")}
    with limited(mlflow_client, server):
        client = client_of(env, None, patience=0.2)
    try:
        return MlflowServer(client=client).aliases("a")
    finally:
        client.client.close()


def ask_github(server: Hostile) -> object:
    request = PullRequest(api=server.url, repository="a/b", number=1, token="marked", is_job=False)
    return post(request, "x", timeout=seconds(server) / 2)


CLIENTS: dict[str, Callable[[Hostile], object]] = {
    "index": ask_index,
    "registry": ask_registry,
    "mlflow": ask_mlflow,
}
# answers that an honest server gives too, where a client makes something of them
HONEST = {("mlflow", "other-json"), ("mlflow", "name-is-no-text")}


@pytest.mark.parametrize("client", CLIENTS)
@pytest.mark.parametrize("how", WAYS)
def test_an_answer_is_refused_in_one_line_and_in_time(
    hostile: Hostile, how: str, client: str
) -> None:
    hostile.how = how
    begun = time.monotonic()
    if (client, how) in HONEST:
        assert CLIENTS[client](hostile) == {}
        return
    with pytest.raises(TasksError) as caught:
        CLIENTS[client](hostile)
    said = str(caught.value)
    # some are asked for again, as what may pass is; one alone would take a minute
    assert time.monotonic() - begun < 30
    assert said.isprintable()
    assert "marked" not in said
    assert not said.startswith("::")
    assert hostile.host in said
    kinds = (IndexAuthError, IndexUnavailableError, RegistryError, ModelRegistryError)
    assert isinstance(caught.value, kinds)


@pytest.mark.parametrize("how", ["dripping-status", "dripping-headers", "dripping-body"])
def test_a_dripping_answer_is_given_up_when_its_time_is_over(hostile: Hostile, how: str) -> None:
    hostile.how = how
    begun = time.monotonic()
    with pytest.raises(IndexUnavailableError, match="answers too slowly: not whole after 1 s"):
        ask_index(hostile)
    assert time.monotonic() - begun < 10
    assert len(hostile.requests) == 1


@pytest.mark.parametrize("how", ["dripping-headers", "dripping-body"])
def test_in_haste_a_dripping_server_is_asked_once_and_not_for_long(
    hostile: Hostile, how: str
) -> None:
    """A person waits for a plan, which asks one registry for several images."""
    hostile.how = how
    session = RegistrySession(hostile.host, credentials=lambda: Credentials("me", "marked"))
    begun = time.monotonic()
    try:
        with in_haste(0.2):
            for name in ("web", "api"):
                # on a busy machine no byte may come in time
                with pytest.raises(RegistryError, match=r"not whole|timed out"):
                    Registry(session).image(name, "1")
    finally:
        session.close()
    assert time.monotonic() - begun < 10
    assert len(hostile.requests) == 1


@pytest.mark.parametrize("how", ["gzip-bomb", "many-values", "deep-json", "html", "dripping-body"])
def test_a_comment_is_given_up(hostile: Hostile, how: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("tradai_tasks.http_client.retry._FIRST", 0.01)
    hostile.how = how if how in WAYS else "no-utf-8"
    with pytest.raises(CommentError) as caught:
        ask_github(hostile)
    assert "\n" not in str(caught.value)
    assert "marked" not in str(caught.value)


def test_credentials_do_not_follow_a_redirect(
    servers: tuple[Hostile, Hostile], hostile: Hostile
) -> None:
    hostile.how = "other-host"
    other = servers[1]
    for ask in CLIENTS.values():
        with pytest.raises(TasksError):
            ask(hostile)
    assert other.requests
    assert other.authorizations == []


@pytest.mark.parametrize("how", ["realm-host", "realm-port", "realm-file", "realm-none"])
def test_a_realm_on_another_host_or_port_gets_no_password(
    servers: tuple[Hostile, Hostile], hostile: Hostile, how: str
) -> None:
    hostile.how = how
    with pytest.raises(RegistryError, match="wants credentials sent to"):
        ask_registry(hostile)
    assert servers[1].requests == []
    assert len(hostile.requests) == 1


def test_a_realm_that_the_settings_name_is_asked(
    servers: tuple[Hostile, Hostile], hostile: Hostile
) -> None:
    hostile.how = "realm-port"
    session = RegistrySession(
        hostile.host,
        credentials=lambda: Credentials("me", "marked"),
        token_hosts=[servers[1].host],
        patience=0,
    )
    with pytest.raises(RegistryError, match="no JSON object"):
        Registry(session).image("web", "1")
    session.close()
    assert len(servers[1].authorizations) == 1


def test_an_index_of_another_machine_is_asked_by_https_alone() -> None:
    with pytest.raises(IndexUnavailableError, match="an http address of another machine"):
        PackageIndex("http://index.example/simple", lambda: None)


def test_an_uploads_answer_is_bounded_too(hostile: Hostile, tmp_path: Path) -> None:
    file = dist(tmp_path, "alpha").path
    known = Credentials(username="me", password="marked")
    for how, said in (
        ("gzip-bomb", "answers with more than 1 MB"),
        ("dripping-headers", "answers too slowly"),
        ("circle", "HTTP 302"),
        ("commands", r"HTTP 400 \x3a:add-mask::x"),
        ("escapes", "HTTP 418 [2Jx"),
    ):
        hostile.how = how
        outcome = upload(file, f"{hostile.url}/", known, timeout=seconds(hostile))
        assert said in outcome.shown
        assert not outcome.is_stored
    assert upload_refused(file, known)


def upload_refused(file: Path, known: Credentials) -> bool:
    with pytest.raises(TasksError, match="an http address of another machine"):
        upload(file, "http://index.example/", known, timeout=SECONDS)
    return True


@pytest.mark.parametrize(
    ("how", "said"),
    [
        ("circle", "redirects more than 5 times"),
        ("to-file", "redirects to 'file', which is not https"),
        ("silence", "does not answer"),
        ("endless-body", ""),  # something is there
    ],
)
def test_a_link_of_a_page(hostile: Hostile, how: str, said: str) -> None:
    hostile.how = how
    with limited(sources, hostile):
        assert answers(hostile.url).startswith(said)


def test_what_refuses_the_password_says_so(hostile: Hostile) -> None:
    hostile.how = "realm-host"
    with pytest.raises(IndexAuthError, match=r"refuses to show what it has \(HTTP 401\)"):
        ask_index(hostile)
