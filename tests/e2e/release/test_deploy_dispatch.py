"""What is released of a commit without a tag, on real clones."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from tests.support.real import git, write
from tradai_tasks.errors import (
    BadTagError,
    DirtyTreeError,
    UnknownTagError,
    WrongCommitError,
)
from tradai_tasks.release.deploy.dispatch import dispatch
from tradai_tasks.release.engine.step import Release
from tradai_tasks.release.tags.tag_references import tagged
from tradai_tasks.release.tags.tag_validation import tree_holds
from tradai_tasks.vcs.git import Git


@pytest.fixture
def home(tmp_path: Path) -> Path:
    home = write(tmp_path / "it", {"a": "1"})
    git(home, "init", "-q", "-b", "main")
    git(home, "add", "-A")
    git(home, "commit", "-qm", "One")
    return home


def made(home: Path, version: str | None = None) -> Release:
    return dispatch(Git.open(home), home, os.environ, version)


def test_a_version_is_computed_once_and_handed_down(home: Path) -> None:
    short = git(home, "rev-parse", "--short=7", "HEAD")
    assert made(home).tag.text == f"v0.0.0-g{short}"
    git(home, "tag", "v1.2.0")
    git(home, "checkout", "-q", "-b", "later")
    git(home, "commit", "-q", "--allow-empty", "-m", "Two")
    git(home, "tag", "v9.0.0")
    git(home, "checkout", "-q", "main")
    found = made(home)  # a tag that is not behind the commit says nothing about it
    assert found.tag.text == f"v1.2.0-g{short}"
    assert found.commit == git(home, "rev-parse", "HEAD")
    assert made(home, found.tag.text) == found
    tree_holds(Git.open(home), found, untracked=True)
    git(home, "commit", "-q", "--allow-empty", "-m", "Three")
    for version in (found.tag.text, "v1.2.0", "v1.2.0-gzzzzzzz"):
        with pytest.raises(WrongCommitError, match="is not of the commit that is checked out"):
            made(home, version)
    with pytest.raises(WrongCommitError, match="moved"):
        tree_holds(Git.open(home), found, untracked=True)
    with pytest.raises(BadTagError):
        made(home, "$(touch x)")


def test_what_is_not_committed_is_in_no_version(home: Path) -> None:
    for number in range(7):
        (home / f"new{number}").write_text("")
    with pytest.raises(DirtyTreeError) as raised:
        made(home)
    assert str(raised.value) == (
        "uncommitted changes in new0, new1, new2, new3, new4 and 2 more; commit, stash or ignore "
        "them first, since the version names a commit"
    )


def test_a_shallow_clone_without_tags_cannot_tell(home: Path, tmp_path: Path) -> None:
    git(home, "tag", "v1.2.0")
    git(home, "commit", "-q", "--allow-empty", "-m", "Two")
    clone = tmp_path / "clone"
    git(tmp_path, "clone", "-q", "--depth=1", "--no-tags", home.as_uri(), str(clone))
    with pytest.raises(UnknownTagError, match="git fetch --tags --unshallow"):
        made(clone)
    head = git(clone, "rev-parse", "HEAD")
    assert made(clone, f"v1.2.0-g{head[:9]}").commit == head


def test_what_git_takes_for_a_commit_is_no_tag(home: Path) -> None:
    repository = Git.open(home)
    head = git(home, "rev-parse", "HEAD")
    git(home, "tag", "-a", "-m", "x", "v1.2.0")
    assert tagged(repository, "v1.2.0") == head
    name = f"v1.2.0-g{head[:7]}"
    assert repository.commit(f"refs/tags/{name}") == head  # as `git describe` writes it
    assert tagged(repository, name) is None
