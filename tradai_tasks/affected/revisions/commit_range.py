"""Decide which commits to compare, from a CI event or the local branch.

In case of doubt everything is selected, and the range says why: a wrong "nothing" would hide a
fault.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from pathlib import Path

import msgspec

from tradai_tasks.affected.revisions.event_payload import (
    Everything,
    LocalChange,
    MergeGroupEvent,
    PullRequestEvent,
    PushEvent,
    StrategyTag,
    parse_event,
)
from tradai_tasks.vcs.git import Git
from tradai_tasks.vcs.git_records import NO_COMMIT, is_object_id
from tradai_tasks.vcs.history import current_branch, is_shallow, parents_of
from tradai_tasks.vcs.merge_base import Branch, default_branch, find_merge_base, make_available


class CommitRange(msgspec.Struct, frozen=True, kw_only=True):
    """The commits to compare, and why these."""

    base: str | None  # full id; None where there is nothing to compare with
    head: str  # full id; zeros on a branch without commits
    why: str  # one line
    everything: bool = False  # select all, whatever the paths
    worktree: bool = False  # staged, changed and untracked files count too
    strategy: str | None = None  # select this strategy alone, whatever the paths


def commit_range(
    git: Git,
    env: Mapping[str, str],
    *,
    base: str | None = None,
    head: str | None = None,
    slugs: Iterable[str] = (),
) -> CommitRange:
    """Decide which commits to compare.

    Args:
        git: The repository.
        env: The environment; of it GITHUB_EVENT_NAME, GITHUB_EVENT_PATH, GITHUB_REF,
            GITHUB_REF_NAME, GITHUB_REF_TYPE, GITHUB_BASE_REF, GITHUB_SHA and CI are read.
        base: Revision that the user names to compare with; the merge base of it and the head is
            taken. Overrides the event.
        head: Revision that the user names to compare; by default HEAD and the work tree.
        slugs: The strategies that a tag may name.

    Raises:
        UnknownRevisionError: git does not know `base` or `head`.
        GitError: git failed unexpectedly.
    """
    if base is not None or head is not None:
        return _named_range(git, base, head)
    tip = git.commit("HEAD")
    if tip is None:
        return _everything(NO_COMMIT, "the branch has no commit yet", worktree=True)
    match parse_event(env, read_payload(env), slugs):
        case Everything(why=why):
            return _everything(tip, why)
        case StrategyTag(slug=slug, tag=tag):
            why = f"tag {tag} releases strategy {slug}"
            return CommitRange(base=None, head=tip, why=why, strategy=slug)
        case PullRequestEvent() as request:
            return _pull_request_range(git, request, tip)
        case PushEvent() as push:
            return _push_range(git, push, tip)
        case MergeGroupEvent() as group:
            return _merge_group_range(git, group, tip)
        case LocalChange(in_ci=in_ci):
            return _local_range(git, tip, in_ci=in_ci)


def read_payload(env: Mapping[str, str]) -> bytes | None:
    """Return the content of the CI event's file; None if it cannot be read."""
    path = env.get("GITHUB_EVENT_PATH")
    try:
        return Path(path).read_bytes() if path else None
    except OSError:
        return None  # the same as none: the reason names the variable


def _named_range(git: Git, base: str | None, head: str | None) -> CommitRange:
    for revision in (base, head):
        if is_object_id(revision):  # a shallow clone may lack it; the next lines judge
            make_available(git, revision)
    tip = git.require_commit("HEAD" if head is None else head, "" if head is None else "--head")
    if base is None:
        return _against(git, default_branch(git), tip, f"--head {head}")
    start = git.require_commit(base, "--base")
    found = find_merge_base(git, start, tip)
    if found.commit is None:
        return _everything(
            tip, f"--base {base}: no merge base with {head or 'HEAD'}: {found.fault}"
        )
    if head is None:
        why = f"merge base of HEAD and {base}, and the work tree (--base)"
    else:
        why = f"merge base of {head} and {base} (--base, --head)"
    return CommitRange(base=found.commit, head=tip, why=why, worktree=head is None)


def _pull_request_range(git: Git, request: PullRequestEvent, tip: str) -> CommitRange:
    number = f" #{request.number}" if request.number is not None else ""
    what = f"pull request{number} into {request.branch}"
    parents = parents_of(git, tip)
    if (
        len(parents) == 2  # noqa: PLR2004 - a merge of two
        and tip != request.head
        and (parents[1] == request.head or tip == request.merged)
    ):
        fault = make_available(git, parents[0])
        if fault is not None:
            return _everything(tip, f"{what}: {fault}")
        return CommitRange(
            base=parents[0], head=tip, why=f"{what}: merge commit and its first parent"
        )
    head = tip if request.is_checked_out else request.head
    fault = make_available(git, head)
    if fault is not None:
        return _everything(tip, f"{what}: {fault}")
    tried = []
    branch = default_branch(git, request.branch)
    if branch is not None:
        tried.append((branch.commit, branch.shown))
    if request.base is not None and make_available(git, request.base) is None:
        tried.append((request.base, f"{request.branch} at {request.base[:10]}"))
    fault = f"neither branch {request.branch} nor its commit in the event is to be had"
    for start, shown in tried:
        found = find_merge_base(git, start, head)
        if found.commit is None:
            fault = f"no merge base with {shown}: {found.fault}"
        elif found.commit == head:
            fault = f"{head[:10]} is on {shown} already"
        else:
            return CommitRange(base=found.commit, head=head, why=f"{what}: merge base with {shown}")
    return _everything(tip, f"{what}: {fault}")


def _push_range(git: Git, push: PushEvent, tip: str) -> CommitRange:
    what = f"push to {push.branch}"
    fault = make_available(git, push.after)
    if fault is not None:
        return _everything(tip, f"{what}: {fault}")
    if push.before is None:
        return _without_before(git, push, f"first push of {push.branch}")
    if push.before == push.after:
        return _without_before(git, push, f"{what}: the commits before and after are the same")
    fault = make_available(git, push.before)
    if fault is not None:
        return _without_before(git, push, f"{what}: {fault}")
    before = push.before
    if push.is_forced is False and is_shallow(git):
        # the event says that `after` grew from `before`; history need not be fetched to see it
        return CommitRange(
            base=before, head=push.after, why=f"{what}: the commits before and after"
        )
    found = find_merge_base(git, before, push.after)
    if found.commit is None:
        return _without_before(
            git, push, f"{what}: no merge base with {before[:10]}: {found.fault}"
        )
    if found.commit == before:
        why = f"{what}: the commits before and after"
    elif found.commit == push.after:  # commits were removed, and nothing else says which
        return _without_before(git, push, f"{what}: it went back to an earlier commit")
    else:
        why = f"forced {what}: merge base of the commits before and after"
    return CommitRange(base=found.commit, head=push.after, why=why)


def _without_before(git: Git, push: PushEvent, what: str) -> CommitRange:
    """Compare a pushed branch with the default branch."""
    branch = default_branch(git, push.default_branch)
    if push.branch == (branch.name if branch is not None else push.default_branch):
        return _everything(push.after, f"{what}, the default branch")
    return _against(git, branch, push.after, what)


def _merge_group_range(git: Git, group: MergeGroupEvent, tip: str) -> CommitRange:
    for commit in (group.head, group.base):
        fault = make_available(git, commit)
        if fault is not None:
            return _everything(tip, f"merge group: {fault}")
    if group.base == group.head:
        return _everything(tip, "merge group: its base and its head are the same")
    # the queue builds the head upon the base, so the base is the merge base
    return CommitRange(base=group.base, head=group.head, why="merge group: its base and its head")


def _local_range(git: Git, tip: str, *, in_ci: bool) -> CommitRange:
    current = current_branch(git)
    branch = default_branch(git)
    if branch is not None and branch.shown == current:
        if in_ci and not git.status():
            return _everything(tip, f"{current} has no upstream here, and CI gave no event")
        return CommitRange(
            base=tip,
            head=tip,
            why=f"HEAD and the work tree: {current} is the default branch and has no upstream",
            worktree=True,
        )
    found = _against(git, branch, tip, "no event", worktree=True)
    if in_ci and found.base == tip and not git.status():
        return _everything(tip, "HEAD has no commits of its own, and CI gave no event; use --base")
    return found


def _against(
    git: Git, branch: Branch | None, tip: str, what: str, *, worktree: bool = False
) -> CommitRange:
    """Compare a commit with the branch that work is merged into."""
    if branch is None:
        fault = f"{what}: no default branch found; name a commit to compare with by --base"
        return _everything(tip, fault, worktree=worktree)
    found = find_merge_base(git, branch.commit, tip)
    if found.commit is None:
        fault = f"{what}: no merge base with {branch.shown}: {found.fault}"
        return _everything(tip, fault, worktree=worktree)
    if found.commit == tip and not worktree:
        return _everything(tip, f"{what}: {tip[:10]} is on {branch.shown} already")
    both = "merge base of HEAD and" if worktree else f"{what}: merge base with"
    why = f"{both} {branch.shown}{', and the work tree' if worktree else ''}"
    return CommitRange(base=found.commit, head=tip, why=why, worktree=worktree)


def _everything(tip: str, why: str, *, worktree: bool = False) -> CommitRange:
    return CommitRange(
        base=None, head=tip, why=f"everything: {why}", everything=True, worktree=worktree
    )


def baseline_commit(
    root: Path, revision: str | None, env: Mapping[str, str]
) -> tuple[str | None, str]:
    """Return the merge base to compare with, or None, and the reason.

    Args:
        root: The workspace root.
        revision: A revision whose merge base with HEAD is taken; None takes the CI event's.
        env: The environment, where CI describes its event.

    Raises:
        TasksError: git or the revision is at fault.
    """
    found = commit_range(Git.open(root, env), env, base=revision)
    if found.base is None:
        return None, f"not compared: {found.why}"
    if found.base == found.head and not found.worktree:
        return None, f"not compared: {found.why} is the commit itself"
    return found.base, found.why
