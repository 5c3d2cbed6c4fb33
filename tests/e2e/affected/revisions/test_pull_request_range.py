"""The commit range of a pull request."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.support.commit_ranges import paths, pull_request, ranged
from tests.support.repos import Repo


@pytest.mark.parametrize("depth", [0, 1, 2])
def test_a_merge_checkout_is_compared_with_its_first_parent(origin: Repo, tmp_path: Path, depth):
    merged = origin.merge_ref(7, "feature", "main")
    ref = "refs/pull/7/merge"
    clone = origin.checkout_action(tmp_path / "clone", merged, ref, depth=depth)
    event = pull_request(origin, origin.sha("start"), origin.sha("feature"))
    env = clone.event("pull_request", event, ref=ref, sha=merged, base_ref="main")
    found = ranged(clone, env)
    assert (found.base, found.head) == (origin.sha("main"), merged)
    assert paths(clone, found) == ["f1", "f2"]
    assert found.why == "pull request #7 into main: merge commit and its first parent"
    assert not found.everything
    assert not found.worktree


def test_a_merge_ref_that_is_newer_than_the_event_is_still_seen_as_one(
    origin: Repo, tmp_path: Path
):
    stale = origin.sha("feature~1")
    merged = origin.merge_ref(7, "feature", "main")
    clone = origin.checkout_action(tmp_path / "clone", merged, "refs/pull/7/merge")
    event = pull_request(origin, origin.sha("start"), stale)
    env = clone.event("pull_request", event, ref="refs/pull/7/merge", sha=merged)
    assert ranged(clone, env).base == origin.sha("main")


@pytest.mark.parametrize("depth", [0, 1])
def test_a_checkout_of_the_head_is_compared_with_the_merge_base(
    origin: Repo, tmp_path: Path, depth
):
    head = origin.sha("feature")
    clone = origin.checkout_action(tmp_path / "clone", head, "refs/heads/feature", depth=depth)
    env = clone.event("pull_request", pull_request(origin, origin.sha("main"), head))
    found = ranged(clone, env)
    assert (found.base, found.head) == (origin.sha("start"), head)
    assert found.why == "pull request #7 into main: merge base with origin/main"


def test_a_head_that_is_itself_a_merge_of_main_is_no_merge_checkout(origin: Repo, tmp_path: Path):
    origin.switch("feature")
    origin.git("merge", "--quiet", "--no-edit", "main")
    head = origin.commit({"f3": "f3"})
    origin.git("reset", "--quiet", "--hard", "HEAD~1")
    head = origin.head
    clone = origin.checkout_action(tmp_path / "clone", head, "refs/heads/feature")
    env = clone.event("pull_request", pull_request(origin, origin.sha("start"), head))
    found = ranged(clone, env)
    assert found.base == origin.sha("main")
    assert paths(clone, found) == ["f1", "f2"]


def test_without_the_branch_the_commit_in_the_event_serves(origin: Repo, tmp_path: Path):
    head, base = origin.sha("feature"), origin.sha("main")
    clone = origin.clone(tmp_path / "clone", "--branch=feature", "--single-branch")
    clone.git("fetch", "--quiet", "origin", base)
    clone.git("remote", "remove", "origin")
    env = clone.event("pull_request", pull_request(origin, base, head))
    found = ranged(clone, env)
    assert found.base == origin.sha("start")
    assert found.why == f"pull request #7 into main: merge base with main at {base[:10]}"


def test_a_merged_request_whose_head_is_on_main_selects_everything(origin: Repo, tmp_path: Path):
    origin.git("merge", "--quiet", "--squash", "feature")
    squashed = origin.commit()
    clone = origin.clone(tmp_path / "clone")
    env = clone.event("pull_request", pull_request(origin, squashed, origin.sha("feature")))
    found = ranged(clone, env)
    assert found.everything
    assert found.why.endswith(f"{squashed[:10]} is on main at {squashed[:10]} already")


def test_a_merge_checkout_whose_parent_is_not_to_be_had_selects_everything(
    origin: Repo, tmp_path: Path
):
    merged = origin.merge_ref(7, "feature", "main")
    clone = origin.checkout_action(tmp_path / "clone", merged, "refs/pull/7/merge")
    clone.git("remote", "remove", "origin")
    env = clone.event(
        "pull_request", pull_request(origin, origin.sha("main"), origin.sha("feature"))
    )
    found = ranged(clone, env)
    assert found.everything
    assert found.why == (
        f"everything: pull request #7 into main: commit {origin.sha('main')[:10]} is not in this "
        f"clone, which has no remote to fetch it from"
    )


@pytest.mark.parametrize("depth", [0, 1])
def test_pull_request_target_takes_the_head_from_the_event(origin: Repo, tmp_path: Path, depth):
    base, head = origin.sha("main"), origin.sha("feature")
    clone = origin.checkout_action(tmp_path / "clone", base, "refs/heads/main", depth=depth)
    env = clone.event("pull_request_target", pull_request(origin, base, head))
    found = ranged(clone, env)
    assert (found.base, found.head) == (origin.sha("start"), head)


def test_pull_request_target_with_a_head_that_is_gone_selects_everything(
    origin: Repo, tmp_path: Path
):
    clone = origin.clone(tmp_path / "clone")
    env = clone.event("pull_request_target", pull_request(origin, origin.sha("main"), "ab" * 20))
    found = ranged(clone, env)
    assert found.everything
    why = "commit ababababab is not in this clone, and origin does not give it"
    assert found.why.endswith(f"{why} (it has no such commit)")


def test_a_pull_request_into_a_branch_that_is_not_to_be_had_selects_everything(
    origin: Repo, tmp_path: Path
):
    clone = origin.clone(tmp_path / "clone", "--branch=feature")
    event = pull_request(origin, "no id", clone.head)
    event["pull_request"]["base"]["ref"] = "gone"
    found = ranged(clone, clone.event("pull_request", event))
    assert found.everything
    assert found.why == (
        "everything: pull request #7 into gone: neither branch gone nor its commit in the event "
        "is to be had"
    )


def test_a_pull_request_of_unrelated_history_selects_everything(origin: Repo):
    origin.git("checkout", "--quiet", "--orphan", "other")
    head = origin.commit({"o": "o"})
    found = ranged(origin, origin.event("pull_request", pull_request(origin, "no id", head)))
    assert found.everything
    assert found.why == (
        "everything: pull request #7 into main: no merge base with main: "
        "they have no common ancestor"
    )
