"""The commit range of a push."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.support.commit_ranges import paths, push, ranged
from tests.support.repos import ZEROS, Repo


@pytest.mark.parametrize("depth", [0, 1])
@pytest.mark.parametrize("forced", [False, None])
def test_a_push_is_compared_from_before_to_after(origin: Repo, tmp_path: Path, depth, forced):
    before, after = origin.sha("start"), origin.sha("feature")
    clone = origin.checkout_action(tmp_path / "clone", after, "refs/heads/feature", depth=depth)
    env = clone.event("push", push("feature", before, after, forced=forced))
    found = ranged(clone, env)
    assert (found.base, found.head) == (before, after)
    assert found.why == "push to feature: the commits before and after"
    assert paths(clone, found) == ["f1", "f2"]


@pytest.mark.parametrize("depth", [0, 1, 2])
def test_the_first_push_of_a_branch_is_compared_with_the_default_branch(
    origin: Repo, tmp_path: Path, depth
):
    after = origin.sha("feature")
    clone = origin.checkout_action(tmp_path / "clone", after, "refs/heads/feature", depth=depth)
    env = clone.event("push", push("feature", ZEROS, after, created=True))
    found = ranged(clone, env)
    assert (found.base, found.head) == (origin.sha("start"), after)
    assert found.why == "first push of feature: merge base with origin/main"


def test_the_first_push_of_the_default_branch_selects_everything(origin: Repo, tmp_path: Path):
    after = origin.sha("main")
    clone = origin.checkout_action(tmp_path / "clone", after, "refs/heads/main")
    found = ranged(clone, clone.event("push", push("main", ZEROS, after)))
    assert found.everything
    assert found.base is None
    assert found.why == "everything: first push of main, the default branch"


def test_a_new_branch_without_commits_of_its_own_selects_everything(origin: Repo, tmp_path: Path):
    after = origin.sha("start")
    clone = origin.clone(tmp_path / "clone")
    found = ranged(clone, clone.event("push", push("release", ZEROS, after)))
    assert found.everything
    assert found.why.endswith(f"{after[:10]} is on origin/main already")


@pytest.mark.parametrize("depth", [0, 1])
def test_a_forced_push_is_compared_with_what_both_have(origin: Repo, tmp_path: Path, depth):
    before = origin.sha("feature")
    origin.switch("feature", "feature~1")
    after = origin.commit({"f3": "f3"})
    clone = origin.checkout_action(tmp_path / "clone", after, "refs/heads/feature", depth=depth)
    env = clone.event("push", push("feature", before, after, forced=True))
    found = ranged(clone, env)
    assert (found.base, found.head) == (origin.sha("feature~1"), after)
    assert found.why == "forced push to feature: merge base of the commits before and after"


@pytest.mark.parametrize("depth", [0, 1])
def test_a_forced_push_whose_before_is_gone_is_compared_with_the_default_branch(
    origin: Repo, tmp_path: Path, depth
):
    origin.switch("feature", "start")
    after = origin.commit({"f3": "f3"})
    clone = origin.checkout_action(tmp_path / "clone", after, "refs/heads/feature", depth=depth)
    env = clone.event("push", push("feature", "cd" * 20, after, forced=True))
    found = ranged(clone, env)
    assert (found.base, found.head) == (origin.sha("start"), after)
    assert found.why.startswith("push to feature: commit cdcdcdcdcd is not in this clone, and ")
    assert found.why.endswith(": merge base with origin/main")


def test_a_forced_push_of_the_default_branch_whose_before_is_gone_selects_everything(
    origin: Repo, tmp_path: Path
):
    after = origin.sha("main")
    clone = origin.checkout_action(tmp_path / "clone", after, "refs/heads/main")
    env = clone.event("push", push("main", "cd" * 20, after, forced=True))
    found = ranged(clone, env)
    assert found.everything
    assert found.why.endswith(", the default branch")


def test_a_branch_set_back_is_compared_with_the_default_branch(origin: Repo, tmp_path: Path):
    before, after = origin.sha("feature"), origin.sha("feature~1")
    clone = origin.clone(tmp_path / "clone")
    env = clone.event("push", push("feature", before, after, forced=True))
    found = ranged(clone, env)
    assert (found.base, found.head) == (origin.sha("start"), after)
    assert "it went back to an earlier commit" in found.why


def test_the_default_branch_set_back_selects_everything(origin: Repo, tmp_path: Path):
    clone = origin.clone(tmp_path / "clone")
    before, after = origin.sha("main"), origin.sha("start")
    found = ranged(clone, clone.event("push", push("main", before, after, forced=True)))
    assert found.everything


def test_unrelated_histories_are_compared_with_the_default_branch(origin: Repo, tmp_path: Path):
    before = origin.sha("main")
    origin.git("checkout", "--quiet", "--orphan", "other")
    after = origin.commit({"o": "o"})
    clone = origin.clone(tmp_path / "clone")
    found = ranged(clone, clone.event("push", push("other", before, after)))
    assert found.everything
    assert "no merge base with origin/main: they have no common ancestor" in found.why


def test_a_push_of_no_commit_is_compared_with_the_default_branch(origin: Repo, tmp_path: Path):
    after = origin.sha("feature")
    clone = origin.checkout_action(tmp_path / "clone", after, "refs/heads/feature")
    found = ranged(clone, clone.event("push", push("feature", after, after, forced=False)))
    assert (found.base, found.head) == (origin.sha("start"), after)
    assert found.why == (
        "push to feature: the commits before and after are the same: merge base with origin/main"
    )
    main = origin.sha("main")
    clone = origin.clone(tmp_path / "other")
    assert ranged(clone, clone.event("push", push("main", main, main))).everything


def test_a_push_whose_after_is_gone_selects_everything(origin: Repo, tmp_path: Path):
    clone = origin.clone(tmp_path / "clone")
    env = clone.event("push", push("feature", origin.sha("start"), "cd" * 20))
    found = ranged(clone, env)
    assert found.everything
    assert found.head == clone.head


def test_a_deleted_branch_selects_everything(origin: Repo, tmp_path: Path):
    clone = origin.clone(tmp_path / "clone")
    env = clone.event("push", push("feature", origin.sha("feature"), ZEROS, deleted=True))
    found = ranged(clone, env)
    assert found.everything
    assert found.why == ("everything: branch feature was deleted, so there is nothing to compare")


def test_a_shallow_clone_of_a_shallow_remote_selects_everything(origin: Repo, tmp_path: Path):
    middle = origin.clone(tmp_path / "middle", "--depth=1", "--no-single-branch")
    after = middle.sha("origin/feature")
    middle.git("branch", "feature", "origin/feature")
    clone = middle.checkout_action(tmp_path / "clone", after, "refs/heads/feature")
    found = ranged(clone, clone.event("push", push("feature", ZEROS, after)))
    assert found.everything
    assert "the clone is shallow" in found.why


def test_a_shallow_clone_whose_remote_is_gone_selects_everything(origin: Repo, tmp_path: Path):
    clone = origin.clone(tmp_path / "clone", "--depth=1", "--no-single-branch")
    clone.git("checkout", "--quiet", "feature")
    clone.git("remote", "set-url", "origin", f"file://{tmp_path}/nowhere")
    found = ranged(clone)
    assert found.everything
    assert found.worktree
    why = "the clone is shallow and origin does not deepen it"
    assert found.why.endswith(f"{why} (there is no repository at its address)")
    clone.git("config", "--remove-section", "remote.origin")
    found = ranged(clone)
    assert "the clone is shallow and has no remote to deepen it" in found.why


def test_long_histories_are_deepened_in_steps(origin: Repo, tmp_path: Path):
    origin.switch("long", "start")
    commits = 40
    stream = ["commit refs/heads/long\ncommitter T <t@example.com> 1700000000 +0000\ndata 1\nx\n"]
    stream[0] += f"from {origin.sha('start')}\n"
    stream += [
        f"commit refs/heads/long\ncommitter T <t@example.com> {1700000001 + n} +0000\n"
        f"data 1\nx\nM 100644 inline deep\ndata {len(str(n))}\n{n}\n"
        for n in range(commits)
    ]
    origin.git("fast-import", "--quiet", "--force", stdin="\n".join(stream))
    after = origin.sha("long")
    clone = origin.checkout_action(tmp_path / "clone", after, "refs/heads/long")
    found = ranged(clone, clone.event("push", push("long", ZEROS, after)))
    assert found.base == origin.sha("start")
    assert clone.git("rev-parse", "--is-shallow-repository") == "false"
