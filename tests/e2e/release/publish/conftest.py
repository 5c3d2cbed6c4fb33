"""What the tests of publishing share: CodeArtifact on loopback, and nox in this process."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path

import pytest

from tests.support.codeartifact import State, codeartifact
from tests.support.inprocess import InProcess
from tests.support.published_libraries import Nox
from tests.support.real import Result


@pytest.fixture
def nox(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Nox:
    """nox in this process; all that the sessions start is real."""

    def call(home: Path, *args: str, env: Mapping[str, str] | None = None) -> Result:
        ran = InProcess(home, monkeypatch, capsys)(*args, env=env)
        return Result(ran.status, ran.out, ran.log)

    return call


@pytest.fixture
def aws() -> Iterator[State]:
    with codeartifact() as state:
        yield state
