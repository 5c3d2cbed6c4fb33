"""A loopback Lambda, and the images that its functions are given."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.support.lambda_api import Lambda, lambda_server
from tests.support.released_images import Registry


@pytest.fixture
def registry() -> Registry:
    return Registry("tradai/lambda-gaps")


@pytest.fixture(scope="session")
def server() -> Iterator[Lambda]:
    with lambda_server() as made:
        yield made


@pytest.fixture
def api(server: Lambda, monkeypatch: pytest.MonkeyPatch) -> Lambda:
    server.reset()
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "AKIDEXAMPLE")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "marked-secret")
    monkeypatch.delenv("AWS_PROFILE", raising=False)
    monkeypatch.setenv("AWS_ENDPOINT_URL_LAMBDA", server.url)
    return server
