"""What the release's tests share: an engine, an environment with freqtrade, a release."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.engine import engine, import_busybox
from tests.support.freqtrade import Strategies, strategies
from tests.support.real import Result, git
from tests.support.release_yard import Yard, release_yard
from tests.support.yard import BASE


@pytest.fixture(scope="module")
def docker_host(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The address of an engine that has a base image."""
    folder = tmp_path_factory.mktemp("engine")
    with engine(folder) as host:
        import_busybox(host, folder / "busybox", BASE)
        yield host


@pytest.fixture(scope="session")
def shared(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of the whole test run, which its workers have in common."""
    own = tmp_path_factory.getbasetemp()
    return own.parent if "PYTEST_XDIST_WORKER" in os.environ else own


@pytest.fixture(scope="session")
def _made(tmp_path_factory: pytest.TempPathFactory, shared: Path) -> Strategies:
    """The strategies' repository, whose momentum has its environment; made once a worker."""
    return strategies(tmp_path_factory.mktemp("backtest"), shared)


@pytest.fixture(scope="session")
def yard(tmp_path_factory: pytest.TempPathFactory, shared: Path) -> Iterator[Yard]:
    """The servers that a strategy is released to; tests leave it as they found it, or go on."""
    with release_yard(tmp_path_factory.mktemp("release"), shared) as made:
        yield made


@pytest.fixture(scope="session")
def first(yard: Yard) -> Result:
    """The one command that releases momentum 1.0.0; several files look at what it came to."""
    git(yard.home, "tag", "-a", "-m", "x", "momentum-v1.0.0")
    result = yard.release("momentum-v1.0.0")
    assert result.status == 0, result.text
    return result
