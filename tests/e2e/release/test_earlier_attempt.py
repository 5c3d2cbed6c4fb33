"""A later attempt of a release's gates takes over what an earlier one has passed, and no more."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from tests.support.real import Result, git, nox, write
from tests.support.release_tags import FILES, TAG

# lint passes just before `again` is there, typecheck just after: which of them ran can be told
_NOXFILE = """\
import pathlib

import nox
import tradai_tasks

tradai_tasks.register(exclude=["lint", "typecheck"])
AGAIN = pathlib.Path("{again}")


@nox.session(venv_backend="none")
def lint(session: nox.Session) -> None:
    if AGAIN.exists():
        session.error("lint ran once more")


@nox.session(venv_backend="none")
def typecheck(session: nox.Session) -> None:
    home = pathlib.Path("build/release/{tag}")
    home.mkdir(parents=True, exist_ok=True)
    for gate in "typecheck", "test":
        record = (home / "lint.json").read_text().replace('"lint"', f'"{{gate}}"')
        (home / f"{{gate}}.json").write_text(record)
    if not AGAIN.exists():
        session.error("a server did not answer")
"""


class Attempts:
    """A tagged strategy, whose gates run on one machine after the other."""

    def __init__(self, folder: Path) -> None:
        self.home, self.folder, self.count = folder / "clone", folder, 0
        self.again = folder / "again"
        noxfile = _NOXFILE.format(again=self.again, tag=TAG)
        settings = "[release]\njobs = 1\n"  # a gate that fails ends those beside it
        write(self.home, {**FILES, "noxfile.py": noxfile, "tradai-tasks.toml": settings})
        git(self.home, "init", "-q", "-b", "main")
        self.commit("First")

    def commit(self, message: str) -> None:
        git(self.home, "add", "-A")
        git(self.home, "commit", "-q", "--allow-empty", "-m", message)
        git(self.home, "tag", "-f", TAG)

    def __call__(self) -> Result:
        """Run on another machine, with what the last attempt has handed over."""
        self.count += 1
        env = {"XDG_STATE_HOME": str(self.folder / f"state-{self.count}")}
        given = self.home / "build" / "release" / TAG
        if given.exists():
            shutil.copytree(given, self.folder / "earlier/evidence", dirs_exist_ok=True)
            shutil.rmtree(self.home / "build")
        argv = ["-s", "release", "--", TAG, "--only", "lint", "--only", "typecheck"]
        return nox(self.home, *argv, "--earlier", "../earlier", env=env)


@pytest.fixture
def attempts(tmp_path: Path) -> Attempts:
    return Attempts(tmp_path)


def test_what_has_passed_is_not_run_again(attempts: Attempts) -> None:
    first = attempts()
    assert first.status != 0
    assert "lint runs: evidence of lint: there is none in" in " ".join(first.log.split())
    assert "a server did not answer" in first.text
    attempts.again.touch()
    second = attempts()
    assert second.status == 0, second.text
    assert "lint has passed in an earlier attempt" in second.log
    assert "typecheck runs: " in second.log
    said = " ".join(second.log.split())
    assert "it did not pass" in said or "there is none in" in said
    # typecheck has written records of itself and of a gate that never ran
    assert "test: its record was not written by this release: removed" in first.log
    assert not (attempts.folder / "earlier/evidence/test.json").exists()
    assert "lint ran once more" not in second.text


@pytest.mark.parametrize("what", ["commit", "lock", "damaged"])
def test_evidence_of_anything_else_is_no_proof(attempts: Attempts, what: str) -> None:
    attempts()
    attempts.again.touch()
    if what == "damaged":
        file = attempts.home / "build/release" / TAG / "lint.json"
        file.write_text(file.read_text().replace('"passed"', '"skipped"'))
    else:
        lock = 'version = 1\n[[package]]\nname = "momentum"\nversion = "2"\n'
        more = {"strategies/momentum/uv.lock": lock} if what == "lock" else {}
        write(attempts.home, more)
        attempts.commit("Second")
    second = attempts()
    assert second.status != 0
    assert "lint runs: evidence of lint" in " ".join(second.log.split())
    assert "lint ran once more" in second.text
