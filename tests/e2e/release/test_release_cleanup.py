"""`release -- TAG --cleanup`, with a real clone and a real remote."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.support.inprocess import InProcess, Ran, run
from tests.support.repos import Repo

__all__ = ["run"]

TAG = "v0.0.0-test"


class Clone:
    """A clone with a test tag, here and at its remote."""

    def __init__(self, run: InProcess, there: Path) -> None:
        self.run = run
        self.repo = Repo.init(run.home)
        run.files(
            {
                "pyproject.toml": '[project]\nname = "a"\nversion = "1.0"\n',
                "src/a/__init__.py": "",
                ".gitignore": "__pycache__/\n.nox/\n",
            }
        )
        self.repo.commit({"README.md": "A\n"})
        self.there = Repo(there)
        self.repo.git("init", "--quiet", "--bare", str(there))
        self.repo.git("remote", "add", "origin", self.there.url)
        for tag in (TAG, "v1.0.0"):
            self.repo.git("tag", "--annotate", "--message", tag, tag)
        self.repo.git("push", "--quiet", "origin", "main", "--tags")

    def __call__(self, *args: str) -> Ran:
        return self.run("-s", "release", "--", *args, env=self.repo.env)

    def tags(self) -> tuple[str, str]:
        """The tags here and at the remote."""
        return self.repo.git("tag"), self.there.git("tag")


@pytest.fixture
def clone(run: InProcess, tmp_path_factory: pytest.TempPathFactory) -> Clone:
    return Clone(run, tmp_path_factory.mktemp("there") / "there.git")


def test_a_test_tag_is_deleted_here_and_at_the_remote_and_no_other(clone: Clone) -> None:
    ran = clone(TAG, "--cleanup")
    assert ran.status == 0
    assert f"{TAG}: deleted" in ran.log
    assert clone.tags() == ("v1.0.0", "v1.0.0")
    again = clone(TAG, "--cleanup")
    assert again.status == 0
    assert f"{TAG}: was gone already" in again.log
    assert again.out.count("gone already") == 2


def test_a_dry_run_says_what_it_would_delete(clone: Clone) -> None:
    clone.repo.git("push", "--quiet", "--delete", "origin", TAG)
    before = clone.tags()
    ran = clone(TAG, "--cleanup", "--dry-run")
    assert ran.status == 0
    assert (ran.out.count("delete"), ran.out.count("gone already")) == (1, 1)
    assert "nothing was done" in ran.log
    assert clone.tags() == before


def test_what_a_cut_off_run_left_is_deleted_by_the_next(clone: Clone) -> None:
    clone.repo.git("push", "--quiet", "--delete", "origin", TAG)
    assert clone(TAG, "--cleanup").status == 0
    assert clone.tags() == ("v1.0.0", "v1.0.0")


@pytest.mark.parametrize("tag", ["v1.0.0", "v0.0.0", "v0.0.1-test"])
def test_a_tag_that_is_no_test_tag_is_refused(clone: Clone, tag: str) -> None:
    before = clone.tags()
    ran = clone(tag, "--cleanup")
    assert ran.status != 0
    assert f"tag {tag}: --cleanup deletes test tags alone, such as v0.0.0-test" in ran.log
    assert clone.tags() == before


@pytest.mark.parametrize(
    "args", [("--cleanup",), (TAG, "--cleanup", "--status"), (TAG, "--cleanup", "--only", "images")]
)
def test_other_options_beside_it_are_refused(clone: Clone, args: tuple[str, ...]) -> None:
    before = clone.tags()
    ran = clone(*args)
    assert ran.status != 0
    assert "--cleanup: takes a test tag and no option but --dry-run" in ran.log
    assert clone.tags() == before


def test_a_remote_that_cannot_be_asked_is_an_error_and_nothing_is_deleted(clone: Clone) -> None:
    before = clone.tags()
    clone.repo.git("remote", "set-url", "origin", f"{clone.there.url}-gone")
    ran = clone(TAG, "--cleanup")
    assert ran.status != 0
    assert f"refs/tags/{TAG}: remote origin cannot be asked: " in ran.log
    assert clone.tags() == before


def test_a_remote_that_refuses_is_an_error_and_a_rerun_finishes(clone: Clone) -> None:
    hook = clone.there.path / "hooks" / "update"
    hook.parent.mkdir(exist_ok=True)
    hook.write_text("#!/bin/sh\nexit 1\n")
    hook.chmod(0o755)
    ran = clone(TAG, "--cleanup")
    assert ran.status != 0
    refused = f"refs/tags/{TAG}: remote origin did not delete it: git says: ! [remote rejected] "
    assert refused in ran.log
    assert TAG in clone.repo.git("tag").split()
    hook.unlink()
    assert clone(TAG, "--cleanup").status == 0
    assert clone.tags() == ("v1.0.0", "v1.0.0")


def test_a_clone_without_a_remote_loses_its_own_tag(clone: Clone) -> None:
    clone.repo.git("remote", "remove", "origin")
    assert clone(TAG, "--cleanup").status == 0
    assert clone.repo.git("tag") == "v1.0.0"
