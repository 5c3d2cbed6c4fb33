"""The commit range outside CI: of a branch and the work tree."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.support.commit_ranges import paths, ranged
from tests.support.repos import Repo
from tradai_tasks.affected.revisions.changed_paths import changed_paths
from tradai_tasks.affected.revisions.commit_range import commit_range
from tradai_tasks.vcs.git import Git


@pytest.fixture
def laptop(origin: Repo, tmp_path: Path) -> Repo:
    return origin.clone(tmp_path / "laptop")


def test_a_branch_is_compared_with_the_default_branch_and_the_work_tree_counts(
    origin: Repo, laptop: Repo
):
    laptop.switch("feature")
    laptop.write({"staged": "s", "untracked": "u", "m1": "changed", "ignored": "i"})
    laptop.git("add", "staged")
    laptop.write({".git/info/exclude": "ignored\n"})
    found = ranged(laptop)
    assert (found.base, found.head) == (origin.sha("start"), laptop.head)
    assert found.worktree
    assert found.why == "merge base of HEAD and origin/main, and the work tree"
    assert paths(laptop, found) == ["f1", "f2", "m1", "staged", "untracked"]


def test_the_default_branch_is_compared_with_its_upstream(origin: Repo, laptop: Repo):
    laptop.commit({"local": "l"})
    found = ranged(laptop)
    assert found.base == origin.sha("main")
    assert found.why == "merge base of HEAD and origin/main, and the work tree"
    assert paths(laptop, found) == ["local"]


def test_the_default_branch_without_upstream_is_its_work_tree(origin: Repo):
    origin.write({"new": "n"})
    found = ranged(origin)
    assert (found.base, found.head) == (origin.head, origin.head)
    assert found.why == "HEAD and the work tree: main is the default branch and has no upstream"
    assert paths(origin, found) == ["new"]


@pytest.mark.parametrize("with_remote", [True, False])
def test_a_ci_that_gives_no_event_and_has_nothing_of_its_own_selects_everything(
    origin: Repo, laptop: Repo, with_remote
):
    repo = laptop if with_remote else origin
    found = ranged(repo, {**repo.env, "CI": "true"})
    assert found.everything
    assert "CI gave no event" in found.why
    repo.write({"new": "n"})
    assert not ranged(repo, {**repo.env, "CI": "true"}).everything


def test_a_detached_head_is_compared_with_the_default_branch(origin: Repo, laptop: Repo):
    laptop.git("checkout", "--quiet", "--detach", "origin/feature")
    found = ranged(laptop)
    assert found.base == origin.sha("start")


def test_a_shallow_laptop_is_deepened(origin: Repo, tmp_path: Path):
    clone = origin.clone(tmp_path / "clone", "--depth=1", "--no-single-branch")
    clone.git("checkout", "--quiet", "feature")
    clone.commit({"local": "never pushed"})
    before = clone.git("for-each-ref")
    found = ranged(clone)
    assert found.base == origin.sha("start")
    assert clone.git("for-each-ref") == before
    assert paths(clone, found) == ["f1", "f2", "local"]


@pytest.mark.parametrize("name", ["master", "main"])
def test_the_remotes_main_or_master_serves_where_its_head_is_unknown(tmp_path: Path, name):
    origin = Repo.init(tmp_path / "origin", branch=name)
    origin.commit({"a": "a"})
    clone = origin.clone(tmp_path / "clone")
    clone.git("remote", "set-head", "origin", "--delete")
    clone.switch("feature", "HEAD")
    clone.commit({"b": "b"})
    found = ranged(clone)
    assert found.base == origin.head
    assert found.why == f"merge base of HEAD and origin/{name}, and the work tree"


def test_the_configured_initial_branch_serves_last(tmp_path: Path):
    repo = Repo.init(tmp_path / "repo", branch="trunk")
    first = repo.commit({"a": "a"})
    repo.switch("feature", "trunk")
    repo.commit({"b": "b"})
    assert ranged(repo).everything
    assert ranged(repo).why == (
        "everything: no event: no default branch found; name a commit to compare with by --base"
    )
    repo.git("config", "init.defaultBranch", "trunk")
    assert ranged(repo).base == first


def test_a_remote_of_another_name_serves_when_it_is_the_only_one(origin: Repo, laptop: Repo):
    laptop.git("remote", "rename", "origin", "upstream")
    laptop.switch("feature", "upstream/feature")
    assert ranged(laptop).why == "merge base of HEAD and upstream/main, and the work tree"


def test_a_workspace_in_a_subfolder_sees_paths_from_there(tmp_path: Path):
    repo = Repo.init(tmp_path / "repo")
    repo.commit({"python/a.py": "a", "docs/d.md": "d", "pythonic": "p"})
    repo.write({"python/a.py": "b", "docs/d.md": "e", "pythonic": "q", "python/new": "n"})
    git = Git.open(repo.path / "python", repo.env)
    found = commit_range(git, repo.env)
    changed = changed_paths(git, found)
    assert [c.path for c in changed] == ["../docs/d.md", "../pythonic", "a.py", "new"]


@pytest.mark.parametrize("folder", ["line\nfeeds\n", "\n", "\u00e9 [x]*"])
def test_a_workspace_in_a_folder_of_any_name(tmp_path: Path, folder):
    for top, inner in ((tmp_path / folder, "."), (tmp_path / "plain", folder)):
        repo = Repo.init(top)
        repo.commit({f"{inner}/a.py": "a"})
        repo.write({f"{inner}/a.py": "b", f"{inner}/new": "n"})
        git = Git.open(top / inner, repo.env)
        assert git.top == top
        changed = changed_paths(git, commit_range(git, repo.env))
        assert [c.path for c in changed] == ["a.py", "new"]
        assert [entry.path for entry in git.tree(repo.head)] == ["a.py"]
