"""What a fork of nox does for a session of `nox -j`, here in the same process."""

from __future__ import annotations

import io
from collections.abc import Sequence
from typing import Any, Self

import pytest
from nox import tasks

from tests.support.inprocess import InProcess
from tests.support.platform_sessions import PLATFORM
from tradai_tasks.sessions.core.parallel import session_forks


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

    def __init__(self, work: Any) -> None:
        self.work, (self.manifest,) = work, work.args
        others = [one for one in self.manifest._all_sessions if one.name != "lint"]
        self.queue = others if self.forgets else [*self.manifest._queue]

    def start(self, argv: Sequence[str], cwd: str | None) -> Ended:
        self.manifest._queue, self.manifest._consumed = [*self.queue], []
        return Ended(self.work(argv))

    def close(self) -> None: ...


@pytest.mark.parametrize(("forgets", "status"), [(False, 0), (True, 1)])
def test_a_fork_runs_its_session_and_is_no_success_without(
    run: InProcess, monkeypatch: pytest.MonkeyPatch, forgets: bool, status: int
) -> None:
    for name in ("discover_manifest", "_load_and_exec_nox_module"):
        monkeypatch.setattr(tasks, name, getattr(tasks, name))  # restores it
    monkeypatch.setattr(InThisProcess, "forgets", forgets)
    monkeypatch.setattr(session_forks, "may_fork", lambda: True)
    monkeypatch.setattr(session_forks, "ForkServer", InThisProcess)
    ran = run.files(PLATFORM)("-j", "2", "-s", "lint", "--", "--fix")
    assert ran.status == status, ran.log
    assert bool(ran.starting("ruff")) is not forgets


def test_nox_starts_its_own_processes_where_there_is_no_room_for_a_server(
    run: InProcess, monkeypatch: pytest.MonkeyPatch
) -> None:
    def no_room(_: object) -> None:
        raise OSError

    monkeypatch.setattr(session_forks, "may_fork", lambda: True)
    monkeypatch.setattr(session_forks, "ForkServer", no_room)
    assert run.files(PLATFORM)("-j", "2", "-s", "inventory").status == 0
