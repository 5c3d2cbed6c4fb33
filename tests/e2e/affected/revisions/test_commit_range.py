"""The commit range of merge queues, tags and given revisions, and bad input."""

from __future__ import annotations

import json
import os
from pathlib import Path

import pytest

from tests.support.commit_ranges import paths, pull_request, push, ranged
from tests.support.repos import Repo
from tradai_tasks.affected.revisions.commit_range import CommitRange
from tradai_tasks.errors import NotARepositoryError, ToolMissingError, UnknownRevisionError
from tradai_tasks.vcs.git import Git
from tradai_tasks.vcs.git_records import NO_COMMIT


@pytest.mark.parametrize("depth", [0, 1])
def test_a_merge_group_is_compared_with_its_base(origin: Repo, tmp_path: Path, depth):
    base, head = origin.sha("start"), origin.sha("feature")
    clone = origin.checkout_action(tmp_path / "clone", head, "refs/heads/feature", depth=depth)
    env = clone.event("merge_group", {"merge_group": {"base_sha": base, "head_sha": head}})
    found = ranged(clone, env)
    assert (found.base, found.head) == (base, head)
    assert found.why == "merge group: its base and its head"


def test_a_merge_group_of_no_commit_selects_everything(origin: Repo):
    group = {"base_sha": origin.head, "head_sha": origin.head}
    assert ranged(origin, origin.event("merge_group", {"merge_group": group})).everything


def test_a_merge_group_whose_base_is_gone_selects_everything(origin: Repo, tmp_path: Path):
    clone = origin.clone(tmp_path / "clone")
    event = {"merge_group": {"base_sha": "cd" * 20, "head_sha": origin.sha("feature")}}
    assert ranged(clone, clone.event("merge_group", event)).everything


def test_a_platform_tag_selects_everything(origin: Repo, tmp_path: Path):
    clone = origin.clone(tmp_path / "clone")
    env = clone.event("push", {}, ref="refs/tags/v1.2.0", ref_name="v1.2.0", ref_type="tag")
    found = ranged(clone, env, slugs=["momentum"])
    assert found.everything
    assert found.why == "everything: tag v1.2.0 releases the platform"


def test_a_strategy_tag_selects_that_strategy(origin: Repo, tmp_path: Path):
    clone = origin.clone(tmp_path / "clone")
    env = clone.event("push", {}, ref="refs/tags/momentum-v1.0.0", ref_type="tag")
    found = ranged(clone, env, slugs=["momentum"])
    assert found == CommitRange(
        base=None,
        head=clone.head,
        why="tag momentum-v1.0.0 releases strategy momentum",
        strategy="momentum",
    )


@pytest.mark.parametrize(
    "name", ["schedule", "workflow_dispatch", "workflow_run", "release", "Strange; event"]
)
def test_events_that_name_no_change_select_everything(origin: Repo, name):
    found = ranged(origin, origin.event(name, {}))
    assert found.everything
    assert found.head == origin.head
    assert "names no change to compare" in found.why


def test_an_event_whose_file_is_missing_selects_everything(origin: Repo):
    env = {**origin.env, "GITHUB_EVENT_NAME": "push", "GITHUB_EVENT_PATH": "/nowhere/event.json"}
    found = ranged(origin, env)
    assert found.everything
    assert found.why == "everything: event push: there is no event file (GITHUB_EVENT_PATH)"


def test_a_given_base_overrides_the_event_and_the_work_tree_counts(origin: Repo):
    origin.write({"new": "n"})
    env = origin.event("schedule", {})
    found = ranged(origin, env, base="feature")
    assert (found.base, found.head) == (origin.sha("start"), origin.head)
    assert found.worktree
    assert found.why == "merge base of HEAD and feature, and the work tree (--base)"
    assert paths(origin, found) == ["m3", "new"]


def test_a_given_head_leaves_the_work_tree_out(origin: Repo):
    origin.write({"new": "n"})
    found = ranged(origin, head="feature")
    assert (found.base, found.head) == (origin.sha("start"), origin.sha("feature"))
    assert found.why == "--head feature: merge base with main"
    assert paths(origin, found) == ["f1", "f2"]
    both = ranged(origin, base="start", head="feature")
    assert both.base == origin.sha("start")
    assert both.why == "merge base of feature and start (--base, --head)"
    assert not both.worktree


def test_a_given_head_on_the_default_branch_selects_everything(origin: Repo):
    found = ranged(origin, head="start")
    assert found.everything
    assert not found.worktree


@pytest.mark.parametrize(
    "revision", ["nothing", "", "-n", "--upload-pack=x", "v1..v2", "a b", "ab" * 20, "x\0y"]
)
@pytest.mark.parametrize("option", ["base", "head"])
def test_an_unknown_revision_is_one_clear_line(origin: Repo, revision, option):
    with pytest.raises(UnknownRevisionError) as caught:
        ranged(origin, **{option: revision})
    assert str(caught.value) == (
        f"--{option} {revision!r}: no such commit, branch or tag in this clone; "
        f"check the name, or fetch it first"
    )


def test_a_given_commit_that_a_shallow_clone_lacks_is_fetched(origin: Repo, tmp_path: Path):
    clone = origin.clone(tmp_path / "clone", "--depth=1")
    found = ranged(clone, base=origin.sha("feature"))
    assert found.base == origin.sha("start")


def test_a_given_base_without_common_history_selects_everything(origin: Repo):
    origin.git("checkout", "--quiet", "--orphan", "other")
    origin.commit({"o": "o"})
    found = ranged(origin, base="main")
    assert found.everything
    assert found.why == (
        "everything: --base main: no merge base with HEAD: they have no common ancestor"
    )


def test_a_branch_without_commits_selects_everything(tmp_path: Path):
    repo = Repo.init(tmp_path / "repo")
    repo.write({"new": "n"})
    found = ranged(repo)
    assert found == CommitRange(
        base=None,
        head=NO_COMMIT,
        why="everything: the branch has no commit yet",
        everything=True,
        worktree=True,
    )
    assert paths(repo, found) == ["new"]
    with pytest.raises(
        UnknownRevisionError, match=r"^HEAD: the branch has no commit yet; make one"
    ):
        ranged(repo, base="HEAD")


def test_no_git_is_one_clear_line(origin: Repo):
    with pytest.raises(ToolMissingError) as caught:
        Git.open(origin.path, {**origin.env, "PATH": ""})
    assert str(caught.value) == "git: not found on PATH; install git"


def test_no_repository_is_one_clear_line(tmp_path: Path, origin: Repo):
    env = {**origin.env, "GIT_CEILING_DIRECTORIES": str(tmp_path.parent)}
    with pytest.raises(NotARepositoryError) as caught:
        Git.open(tmp_path, env)
    assert str(caught.value) == (
        f"{tmp_path}: not in a git repository; run in a clone, or make one with: git init"
    )
    with pytest.raises(NotARepositoryError, match="no such folder"):
        Git.open(tmp_path / "nowhere", env)
    bare = Repo(tmp_path)
    bare.git("clone", "--quiet", "--bare", origin.url, "bare")
    with pytest.raises(NotARepositoryError, match="a git repository without a work tree"):
        Git.open(tmp_path / "bare", env)


def test_a_repository_of_another_owner_is_one_clear_line(origin: Repo):
    if os.geteuid() != 0:
        pytest.skip("only root can give files away")
    env = {**origin.env, "GIT_TEST_ASSUME_DIFFERENT_OWNER": "1"}
    with pytest.raises(NotARepositoryError) as caught:
        Git.open(origin.path, env)
    assert "another user owns it" in str(caught.value)
    assert "safe.directory" in str(caught.value)


def test_a_repository_that_git_cannot_read_is_one_clear_line(origin: Repo):
    (origin.path / ".git" / "config").write_text("[core\n")
    with pytest.raises(NotARepositoryError, match="git cannot read it: fatal: bad config"):
        Git.open(origin.path, origin.env)


def test_hostile_values_in_an_event_reach_no_command_line(origin: Repo):
    for before in ("--output=x", "main", 7, None, "AB" * 20):
        env = origin.event("push", push("feature", before, origin.sha("feature")))  # type: ignore[arg-type] # just so
        assert ranged(origin, env).everything
    event = pull_request(origin, "--x", origin.sha("feature"))
    event["pull_request"]["base"]["ref"] = "--upload-pack=touch x"
    found = ranged(origin, origin.event("pull_request", event))
    assert found.everything
    assert json.loads(json.dumps(found.why)) == (
        "everything: event pull_request: pull_request.base.ref is missing or no branch name"
    )
