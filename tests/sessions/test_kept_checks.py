"""Type checks and bandit's scan, taken over while nothing that they read has changed."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import pytest

from tests.support.inprocess import InProcess, Ran
from tests.support.platform_sessions import CLEAN, PLATFORM, QUIET, ROOT, security_script
from tests.support.real import edit, write

SETTINGS = '[tool.tradai-tasks.results]\nreplay = "auto"\nenv = ["STATED"]\n'
LINES = {"typecheck": "typecheck of a, b: {} files unchanged", "security": "bandit: {} files unch"}
PULL = {"pull_request": {"base": {"ref": "main", "sha": "1" * 40}, "head": {"sha": "1" * 40}}}
MAIN = {"ref": "refs/heads/main", "before": "1" * 40, "after": "1" * 40}


class Checks:
    """A repository, a store of its own, and tools that find what they are told."""

    def __init__(self, run: InProcess, session: str) -> None:
        self.run = run.files({**PLATFORM, "pyproject.toml": ROOT + SETTINGS})
        self.session = session
        self.finds = False
        self.store = run.home.parent / f"{run.home.name}-store"

    def script(self, argv: Sequence[str]) -> int:
        if [Path(argv[0]).name, *argv[1:2]] == ["uv", "venv"]:  # as far as its digest looks at it
            write(Path(argv[4]), {"bin/python": "", "lib/python3/site-packages/one.pth": ""})
        fault = {"filename": "./libs/a/src/a/__init__.py", "line_number": 1, "test_id": "B1"}
        fault |= {"issue_severity": "HIGH", "issue_confidence": "HIGH", "issue_text": "no"}
        security_script({**QUIET, "results": [fault] * self.finds}, CLEAN)(argv)
        return int(argv[0] == "mypy" and self.finds)

    def __call__(self, *words: str, event: Any = None, name: str = "", **env: str) -> Ran:
        """Run the session, on an event of CI if one is given."""
        time.sleep(0.06)  # what was written just now may still be changing
        given = {"TRADAI_TASKS_CACHE": str(self.store), "TRADAI_TASKS_REPLAY": "", **env}
        if event is not None:
            file = self.run.home.parent / "event.json"
            file.write_text(json.dumps({**event, "repository": {"default_branch": "main"}}))
            ref = event.get("ref", "refs/pull/1/merge")
            given |= {"CI": "1", "GITHUB_EVENT_NAME": name, "GITHUB_EVENT_PATH": str(file)}
            given |= {"GITHUB_REF": ref}
        return self.run("-s", self.session, *words, script=self.script, env=given)

    def is_replayed(self, *words: str, **more: Any) -> bool:
        ran = self(*words, **more)
        assert ran.status == 0, ran.log
        tools = [*ran.starting("mypy"), *ran.starting("bandit")]
        said = "since it was green (" in ran.log
        assert said == (not tools), ran.log
        assert bool(ran.starting("pip-audit")) == (self.session == "security")  # in any case
        return said


@pytest.fixture(params=["typecheck", "security"])
def checks(run: InProcess, request: pytest.FixtureRequest) -> Checks:
    return Checks(run, request.param)


def test_what_is_read_decides(checks: Checks) -> None:
    home, code = checks.run.home, checks.run.home / "libs/a/src/a/__init__.py"
    assert not checks.is_replayed()
    assert checks.is_replayed()
    write(home, {"README.md": "A word.\n"})
    assert checks.is_replayed()
    changes: dict[str, Callable[[], object]] = {
        "code": lambda: code.write_text("one = 1\n"),
        "a new file": lambda: write(home, {"libs/a/src/a/more.py": "two = 2\n"}),
        "settings": lambda: write(
            home, {"pyproject.toml": ROOT + SETTINGS + "[tool.mypy]\nx = 1\n[tool.bandit]\n"}
        ),
        "what is installed": lambda: write(
            next((home / ".nox").glob("*/pyvenv.cfg")).parent,
            {"lib/python3/site-packages/two.pth": ""},
        ),
    }
    for what, change in changes.items():
        change()
        assert not checks.is_replayed(), what
        assert checks.is_replayed(), what
    assert not checks.is_replayed(STATED="1")
    assert not checks.is_replayed(TRADAI_TASKS_REPLAY="never")
    assert not checks.is_replayed("--", "--fresh")
    code.write_text("")
    write(home, {"libs/a/src/a/more.py": "two = 2\n"})


def test_who_replays_and_who_keeps(checks: Checks) -> None:
    assert not checks.is_replayed(event=PULL, name="pull_request")
    assert not checks.is_replayed(event=PULL, name="pull_request")  # which keeps nothing
    for _ in range(2):
        assert not checks.is_replayed(event=MAIN, name="push")
    assert checks.is_replayed(event=PULL, name="pull_request")
    assert not checks.is_replayed(event={"ref": "refs/tags/v1.0.0"}, name="push")
    assert not checks.is_replayed(event={}, name="schedule")


@pytest.mark.parametrize("event", [{}, {"ref": "refs/tags/v1.0.0"}, MAIN])
def test_a_result_that_proves_wrong_is_marked(checks: Checks, event: Any) -> None:
    assert not checks.is_replayed()
    checks.finds = True
    failed = checks(event=event, name="push" if event else "schedule")
    assert failed.status != 0
    assert "it failed, although it was green with the same inputs (key " in failed.log
    checks.finds = False
    for _ in range(2):
        assert not checks.is_replayed()


def test_what_failed_or_cannot_be_kept_is_run_again(checks: Checks) -> None:
    checks.finds = True
    for _ in range(2):
        assert checks().status != 0
    checks.finds = False
    write(checks.run.home, {"file": ""})
    edit(checks.run.home / "pyproject.toml", 'replay = "auto"', 'replay = "auto"\nstore = "file"')
    for _ in range(2):
        ran = checks()
        assert ran.status == 0
        assert "file: results cannot be read" in ran.log, ran.log


def test_arguments_of_a_user_are_not_taken_over(run: InProcess) -> None:
    checks = Checks(run, "typecheck")
    assert not checks.is_replayed()
    assert not checks.is_replayed("--", "--pretty")
    assert checks.is_replayed()
