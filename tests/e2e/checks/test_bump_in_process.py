"""`bump` with real git, and uv behind nox's recorded door."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import pytest

from tests.support.inprocess import InProcess, Ran, run
from tests.support.real import clean_env, edit, git
from tests.support.trees import project

__all__ = ["run"]

FILE = "strategies/momentum/pyproject.toml"
LOCK = (
    'version = 1\n\n[[package]]\nname = "momentum"\nversion = "{}"\nsource = {{ virtual = "." }}\n'
)


def pyproject(version: str) -> str:
    return project("momentum").replace('version = "1.0"', f'version = "{version}"')


@pytest.fixture
def repo(run: InProcess, monkeypatch: pytest.MonkeyPatch) -> InProcess:
    for name, value in clean_env().items():
        if name.startswith("GIT_"):
            monkeypatch.setenv(name, value)
    files = {FILE: pyproject("1.0.0"), "strategies/momentum/uv.lock": LOCK.format("1.0.0")}
    run.files({**files, ".gitignore": ".nox/\n__pycache__/\n"})
    git(run.home, "init", "-q", "-b", "main")
    git(run.home, "add", "-A")
    git(run.home, "commit", "-qm", "The strategies")
    return run


def relock(home: Path, version: str, name: str = "momentum") -> int:
    text = LOCK.format(version).replace("momentum", name)
    (home / "strategies/momentum/uv.lock").write_text(text)
    return 0


def bump(repo: InProcess, *args: str, locked: str = "1.1.0", name: str = "momentum") -> Ran:
    def script(argv: Sequence[str]) -> int:
        return relock(repo.home, locked, name) if "lock" in argv else 0

    return repo("-s", "bump", "--", *args, script=script)


def test_a_bump_edits_locks_commits_and_tags(repo: InProcess) -> None:
    ran = bump(repo, "momentum", "minor", "--tag")
    assert ran.status == 0, ran.log
    assert 'version = "1.1.0"' in (repo.home / FILE).read_text()
    assert git(repo.home, "log", "-1", "--format=%s") == "chore(momentum): bump version to 1.1.0"
    assert git(repo.home, "tag", "--list") == "momentum-v1.1.0"
    assert git(repo.home, "status", "--porcelain") == ""
    again = bump(repo, "momentum", "1.1.0", "--tag")
    assert again.status == 0
    assert "nothing to do" in again.log


def test_a_dry_run_prints_the_plan_and_does_nothing(repo: InProcess) -> None:
    before = git(repo.home, "rev-parse", "HEAD")
    ran = bump(repo, "momentum", "minor", "--dry-run")
    assert ran.status == 0, ran.log
    assert "1.1.0" in ran.out
    assert "nothing was done: this is a dry run" in ran.log
    assert git(repo.home, "rev-parse", "HEAD") == before


def test_a_lock_that_changes_more_or_cannot_be_made_is_put_back(repo: InProcess) -> None:
    ran = bump(repo, "momentum", "minor", name="other")
    assert ran.status != 0
    assert git(repo.home, "status", "--porcelain") == ""
    failing = repo("-s", "bump", "--", "momentum", "minor", script=lambda argv: int("lock" in argv))
    assert failing.status != 0
    assert (
        "bump: uv could not lock strategies/momentum, see above; nothing was changed" in failing.log
    )
    assert git(repo.home, "status", "--porcelain") == ""


def test_what_cannot_be_bumped_is_one_line(repo: InProcess) -> None:
    unknown = bump(repo, "momentun", "minor")
    assert "bump: 'momentun': no package of that name; did you mean 'momentum'" in unknown.log
    hook = repo.home / ".git/hooks/pre-commit"
    hook.write_text("#!/bin/sh\necho refused by a hook >&2\nexit 1\n")
    hook.chmod(0o755)
    hooked = bump(repo, "momentum", "minor")
    assert "refused by a hook" in hooked.log
    assert "git commit: exit status 1" in hooked.log
    hook.unlink()
    assert bump(repo, "momentum", "minor").status == 0  # it goes on from there
    edit(repo.home / FILE, "momentum", "momentum2")
    assert bump(repo, "momentum", "minor").status != 0
