"""What git says of a tag, in real clones."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.support.real import clean_env, git, write
from tests.support.release_tags import TAG, repository
from tradai_tasks.errors import (
    DirtyTreeError,
    GitError,
    TasksError,
    WrongCommitError,
)
from tradai_tasks.release.tags import tag_validation as validate
from tradai_tasks.release.tags.tag_validation import check, look, release_of, still_holds
from tradai_tasks.vcs.git import Git
from tradai_tasks.workspace.tags import ReleaseTag, parse_tag


def tag(text: str = TAG) -> ReleaseTag:
    return parse_tag(text, ["momentum"])


@pytest.fixture
def home(tmp_path: Path) -> Path:
    made = repository(tmp_path / "strategies")
    git(made, "tag", "-a", "-m", "x", TAG)
    return made


def found(home: Path, branch: str | None = None) -> validate.Found:
    return look(Git.open(home, clean_env()), tag(), branch=branch, env={})


def test_an_annotated_and_a_bare_tag_name_their_commit(home: Path) -> None:
    head = git(home, "rev-parse", "HEAD")
    one = found(home)
    check(tag(), one, None)
    assert (one.commit, one.head, one.main, one.not_on_main) == (head, head, "main", None)
    assert one.time == int(git(home, "log", "-1", "--format=%ct"))
    git(home, "tag", "-d", TAG)
    assert found(home).commit is None
    git(home, "tag", TAG)
    assert found(home).commit == head
    git(home, "tag", "-d", TAG)
    git(home, "branch", TAG)  # a branch is no tag
    assert found(home).commit is None
    assert found(home).branches == (f"refs/heads/{TAG}",)


def test_a_commit_must_be_on_the_main_branch_of_the_remote(home: Path, tmp_path: Path) -> None:
    git(tmp_path, "clone", "-q", "--bare", str(home), "origin.git")
    clone = tmp_path / "clone"
    git(tmp_path, "clone", "-q", str(tmp_path / "origin.git"), "clone")
    assert found(clone).main == "origin/main"
    assert found(clone).source is None  # a path of this machine is nobody else's business
    git(clone, "remote", "set-url", "origin", "https://ci:token@git.example/quant/strategies.git")
    assert found(clone).source == "https://git.example/quant/strategies"
    write(clone, {"a.txt": "a"})
    git(clone, "add", "-A")
    git(clone, "commit", "-qm", "Not pushed")
    git(clone, "tag", "-f", TAG)
    said = found(clone)
    assert said.not_on_main is not None
    assert said.not_on_main.startswith("it branched off at ")
    git(clone, "push", "-q", str(tmp_path / "origin.git"), f"HEAD:refs/heads/{TAG}")
    git(clone, "update-ref", f"refs/remotes/origin/{TAG}", "HEAD")
    assert found(clone).branches == (f"refs/remotes/origin/{TAG}",)
    env = {"GITHUB_SERVER_URL": "https://ci.example", "GITHUB_REPOSITORY": "quant/s"}
    of_ci = look(
        Git.open(clone, clean_env()), tag(), branch="main", env={**env, "GITHUB_ACTIONS": "true"}
    )
    assert of_ci.source == "https://ci.example/quant/s"


def test_a_shallow_clone_of_just_the_tag_asks_the_remote(home: Path, tmp_path: Path) -> None:
    for number in range(3):
        git(home, "commit", "-q", "--allow-empty", "-m", f"Later {number}")
    git(tmp_path, "clone", "-q", "--bare", str(home), "origin.git")
    clone = tmp_path / "clone"
    git(tmp_path, "init", "-q", "clone")
    git(clone, "remote", "add", "origin", f"file://{tmp_path / 'origin.git'}")
    git(
        clone, "fetch", "-q", "--depth=1", "--no-tags", "origin", f"refs/tags/{TAG}:refs/tags/{TAG}"
    )
    git(clone, "checkout", "-q", "--detach", TAG)
    one = found(clone)
    assert (one.main, one.not_on_main) == ("origin/main", None)
    check(tag(), one, None)
    git(clone, "remote", "set-url", "origin", f"file://{tmp_path / 'nowhere.git'}")
    git(clone, "update-ref", "-d", "refs/remotes/origin/main")
    assert found(clone).main is None


def test_a_repository_that_is_broken_is_an_error(home: Path) -> None:
    (home / ".git" / "packed-refs").write_text("nonsense\n")
    with pytest.raises(TasksError) as caught:
        found(home)
    assert isinstance(caught.value, GitError)


def test_what_moves_while_gates_run_is_seen(home: Path) -> None:
    opened = Git.open(home, clean_env())
    made = release_of(tag(), found(home), home)
    still_holds(opened, made, untracked=True)
    write(home, {"left.txt": "x"})
    still_holds(opened, made, untracked=False)  # a gate beside may have it for a while
    with pytest.raises(DirtyTreeError, match=r"left\.txt changed while the gates ran"):
        still_holds(opened, made, untracked=True)
    (home / "left.txt").unlink()
    write(home, {"noxfile.py": "x"})
    with pytest.raises(DirtyTreeError):
        still_holds(opened, made, untracked=False)
    git(home, "checkout", "-q", ".")
    git(home, "commit", "-q", "--allow-empty", "-m", "Moved")
    with pytest.raises(WrongCommitError, match="the tag or HEAD moved while the gates ran"):
        still_holds(opened, made, untracked=False)
