"""A loopback ECS, and the images that its services are given."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
import tenacity

from tests.support.ecs import Ecs, ecs_server
from tests.support.released_images import Registry


@pytest.fixture(autouse=True)
def _credentials(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "AKIDEXAMPLE")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "marked-secret")
    monkeypatch.delenv("AWS_PROFILE", raising=False)


@pytest.fixture
def registry() -> Registry:
    made = Registry("tradai/backend")
    made.images["latest"] = made.images["v1.2.0"]
    return made


@pytest.fixture(scope="session")
def server() -> Iterator[Ecs]:
    with ecs_server() as made:
        yield made


@pytest.fixture
def ecs(server: Ecs, registry: Registry, monkeypatch: pytest.MonkeyPatch) -> Ecs:
    server.reset(registry.resolve)
    monkeypatch.setenv("AWS_ENDPOINT_URL_ECS", server.url)
    return server


@pytest.fixture
def eight_looks(monkeypatch: pytest.MonkeyPatch) -> None:
    """Time is up after eight looks, however long they take."""
    monkeypatch.setattr(tenacity, "stop_after_delay", lambda _: tenacity.stop_after_attempt(8))
