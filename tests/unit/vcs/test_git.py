from __future__ import annotations

from pathlib import Path

import pytest

from tradai_tasks.errors import CommandFailedError, GitError
from tradai_tasks.process import Completed
from tradai_tasks.vcs import git_command, remotes
from tradai_tasks.vcs.git import Git
from tradai_tasks.vcs.git_records import is_object_id
from tradai_tasks.vcs.remotes import fetch_commits, remote_tip


def opened(prefix: str = "") -> Git:
    return Git(folder=Path(), top=Path(), prefix=prefix, hashed_by="sha1", env={"PATH": "/bin"})


@pytest.mark.parametrize(
    ("prefix", "path", "expected"),
    [
        ("", "a/b", "a/b"),
        ("python/", "python/a", "a"),
        ("python/", "docs/a", "../docs/a"),
        ("python/", "pythonic", "../pythonic"),
        ("a/b/", "a/c/d", "../c/d"),
        ("a/b/", "x", "../../x"),
        ("a/b/", "a", ".."),
    ],
)
def test_paths_are_seen_from_the_workspace_root(prefix, path, expected):
    assert opened(prefix).inside(path) == expected


@pytest.mark.parametrize(
    ("value", "expected"),
    [("a" * 40, True), ("0" * 64, True), ("A" * 40, False), ("a" * 41, False), (7, False)],
)
def test_object_ids_are_full_and_in_lower_case(value, expected):
    assert is_object_id(value) is expected


def test_a_blobs_id_is_the_one_that_git_gives():
    # echo hello | git hash-object --stdin
    assert opened().blob_id(b"hello\n") == "ce013625030ba8dba906f756967f9e9ca394464a"


def test_a_remote_that_does_not_answer_in_time_is_a_failure_in_words(monkeypatch):
    def slow(_, *argv, **options):
        if "config" in argv:
            return Completed(argv=argv, returncode=1, stdout=b"", stderr=b"")
        assert options["env"]["GIT_SSH_COMMAND"] == "ssh -o BatchMode=yes"
        raise CommandFailedError("git fetch: not done after 300 s; ended")

    for module in (git_command, remotes):
        monkeypatch.setattr(module, "run_git", slow)
    assert fetch_commits(opened(), "origin", ["a" * 40]) == "git fetch: not done after 300 s; ended"
    assert remote_tip(opened(), "origin", "main") is None


def test_ssh_settings_of_the_user_are_kept(monkeypatch):
    def configured(_, *argv, **options):
        assert "GIT_SSH_COMMAND" not in options["env"]
        return Completed(argv=argv, returncode=0, stdout=b"ssh -i key\n", stderr=b"")

    for module in (git_command, remotes):
        monkeypatch.setattr(module, "run_git", configured)
    assert fetch_commits(opened(), "origin", ["a" * 40]) is None


def test_a_status_of_a_form_that_is_not_known_is_an_error(monkeypatch):
    def newer(_, *argv, **options):
        return Completed(argv=argv, returncode=0, stdout=b"9 x y\0", stderr=b"")

    monkeypatch.setattr(git_command, "run_git", newer)
    with pytest.raises(GitError, match=r"^git status: cannot read '9 x y'; update tradai-tasks$"):
        opened().status()
