"""Every CI event and the laptop, on real repositories and real event files."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

import pytest

from tests.support.repos import ZEROS, Repo
from tradai_tasks.affected.revisions.changed_paths import changed_paths
from tradai_tasks.affected.revisions.commit_range import CommitRange, commit_range
from tradai_tasks.errors import NotARepositoryError, ToolMissingError, UnknownRevisionError
from tradai_tasks.vcs.git import Git
from tradai_tasks.vcs.git_records import NO_COMMIT


@pytest.fixture
def origin(tmp_path: Path) -> Repo:
    """main: m1 m2 m3; feature grew from m2: f1 f2."""
    repo = Repo.init(tmp_path / "origin")
    for name in ("m1", "m2"):
        repo.commit({name: name})
    repo.git("tag", "start")
    repo.switch("feature", "main")
    for name in ("f1", "f2"):
        repo.commit({name: name})
    repo.switch("main")
    repo.commit({"m3": "m3"})
    return repo


def ranged(repo: Repo, env: dict[str, str] | None = None, **options: Any) -> CommitRange:
    env = repo.env if env is None else env
    return commit_range(Git.open(repo.path, env), env, **options)


def paths(repo: Repo, found: CommitRange) -> list[str]:
    return [changed.path for changed in changed_paths(Git.open(repo.path, repo.env), found)]


def pull_request(origin: Repo, base: str, head: str) -> dict[str, Any]:
    return {
        "number": 7,
        "pull_request": {
            "number": 7,
            "base": {"ref": "main", "sha": base},
            "head": {"ref": "feature", "sha": head},
        },
    }


def push(branch: str, before: str, after: str, **more: Any) -> dict[str, Any]:
    return {
        "ref": f"refs/heads/{branch}",
        "before": before,
        "after": after,
        "repository": {"default_branch": "main"},
        **more,
    }


# pull_request


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


# push


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


# merge_group, tags and the rest


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


# laptop


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


# --base and --head


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


# bad input


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
