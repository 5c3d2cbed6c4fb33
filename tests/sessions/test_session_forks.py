"""What a fork of nox does for a session of `nox -j`, here in the same process."""

from __future__ import annotations

import io
import threading
from collections.abc import Sequence
from typing import Any, Self

import pytest
from nox import tasks

from tests.support.inprocess import InProcess
from tests.support.platform_sessions import PLATFORM
from tradai_tasks.sessions.core.parallel import session_forks
from tradai_tasks.settings.load import parse_toml
from tradai_tasks.workspace.locks import lock_file


class Ended:
    """A process that has ended."""

    def __init__(self, status: int) -> None:
        self.pid, self.returncode, self.stdout = 0, status, io.BytesIO()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None: ...


class InThisProcess:
    """Stands in for the server: it does the work at once, with the manifest as it was."""

    forgets = False
    turns = threading.Lock()  # forks have a manifest each, which threads share

    def __init__(self, work: Any) -> None:
        self.work, (self.manifest,) = work, work.args
        others = [one for one in self.manifest._all_sessions if one.name != "lint"]
        self.queue = others if self.forgets else [*self.manifest._queue]

    def start(self, argv: Sequence[str], cwd: str | None) -> Ended:
        with self.turns:
            self.manifest._queue, self.manifest._consumed = [*self.queue], []
            return Ended(self.work(argv))

    def close(self) -> None: ...


def _in_this_process(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("discover_manifest", "_load_and_exec_nox_module"):
        monkeypatch.setattr(tasks, name, getattr(tasks, name))  # restores it
    monkeypatch.setattr(session_forks, "may_fork", lambda: True)
    monkeypatch.setattr(session_forks, "ForkServer", InThisProcess)


@pytest.mark.parametrize(("forgets", "status"), [(False, 0), (True, 1)])
def test_a_fork_runs_its_session_and_is_no_success_without(
    run: InProcess, monkeypatch: pytest.MonkeyPatch, forgets: bool, status: int
) -> None:
    _in_this_process(monkeypatch)
    monkeypatch.setattr(InThisProcess, "forgets", forgets)
    ran = run.files(PLATFORM)("-j", "2", "-s", "lint", "--", "--fix")
    assert ran.status == status, ran.log
    assert bool(ran.starting("ruff")) is not forgets


def test_forks_read_no_lock_that_has_been_read(
    run: InProcess, monkeypatch: pytest.MonkeyPatch
) -> None:
    read: list[str] = []

    def parse(content: bytes, file: str) -> Any:
        read.append(file)
        return parse_toml(content, file)

    _in_this_process(monkeypatch)
    monkeypatch.setattr(lock_file, "parse_toml", parse)
    monkeypatch.setenv("TRADAI_TASKS_MARKERS", "")  # restores it
    lock_file.parse_lock_file.cache_clear()
    ran = run.files(PLATFORM)("-j", "2", "-s", "test")
    assert len(ran.starting("uv", "sync")) == 2
    assert read == ["uv.lock"]


def test_nox_starts_its_own_processes_where_there_is_no_room_for_a_server(
    run: InProcess, monkeypatch: pytest.MonkeyPatch
) -> None:
    def no_room(_: object) -> None:
        raise OSError

    monkeypatch.setattr(session_forks, "may_fork", lambda: True)
    monkeypatch.setattr(session_forks, "ForkServer", no_room)
    assert run.files(PLATFORM)("-j", "2", "-s", "inventory").status == 0
