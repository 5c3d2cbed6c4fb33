"""Find the merge base of two commits, also in a shallow clone."""

from __future__ import annotations

from collections.abc import Iterable

import msgspec

from tradai_tasks.vcs.git import Git
from tradai_tasks.vcs.git_records import is_object_id
from tradai_tasks.vcs.history import is_shallow, symbolic_ref
from tradai_tasks.vcs.remotes import fetch_commits, remote_of, remote_tip

# Commits by which a shallow history is deepened, attempt after attempt; then all of it.
_DEEPER = ("--deepen=30", "--deepen=300", "--deepen=3000", "--unshallow")


class Branch(msgspec.Struct, frozen=True, kw_only=True):
    """A branch to compare with."""

    name: str  # its plain name: "main"
    shown: str  # the reference that is used: "origin/main"
    commit: str


class MergeBase(msgspec.Struct, frozen=True, kw_only=True):
    """The best common ancestor of two commits, or why it cannot be found."""

    commit: str | None
    fault: str = ""


def make_available(git: Git, commit: str) -> str | None:
    """Make a commit and its files available in this clone, fetching them; return why it failed."""
    if git.commit(commit) == commit:
        return None
    remote = remote_of(git)
    short = commit[:10]
    if remote is None:
        return f"commit {short} is not in this clone, which has no remote to fetch it from"
    # in a full clone --depth would truncate the history
    fault = fetch_commits(git, remote, [commit], *(["--depth=1"] if is_shallow(git) else []))
    if fault is None and git.commit(commit) == commit:
        return None
    why = fault or "no error"
    return f"commit {short} is not in this clone, and {remote} does not give it ({why})"


def find_merge_base(git: Git, one: str, other: str) -> MergeBase:
    """Find the best common ancestor of two commits; deepen a shallow history if needed.

    An answer from a shallow clone counts only if no line of history between it and the commits is
    cut off: else a later common ancestor may be missing from the clone.
    """
    if one == other:
        return MergeBase(commit=one)
    fault = "they have no common ancestor"
    for deeper in _DEEPER:
        found = _best_ancestor(git, one, other)
        cut = _cut_off(git, [one, other], [found] if found else [])
        if not cut:
            return MergeBase(commit=found, fault="" if found else fault)
        remote = remote_of(git)
        if remote is None:
            return MergeBase(
                commit=None, fault="the clone is shallow and has no remote to deepen it"
            )
        problem = fetch_commits(git, remote, cut, deeper)
        if problem is not None:
            return MergeBase(
                commit=None,
                fault=f"the clone is shallow and {remote} does not deepen it ({problem})",
            )
    found = _best_ancestor(git, one, other)
    if _cut_off(git, [one, other], [found] if found else []):
        return MergeBase(commit=None, fault="the clone is shallow and so is its remote")
    return MergeBase(commit=found, fault="" if found else fault)


def default_branch(git: Git, name: str | None = None) -> Branch | None:
    """Find the default branch, into which work is merged.

    It is the target of the remote's HEAD, the remote's main or master, then the local main, master
    or the configured `init.defaultBranch`. One that is named is fetched from the remote if needed.
    """
    remote = remote_of(git)
    if name is not None:
        names = [name]
    else:
        head = symbolic_ref(git, f"refs/remotes/{remote}/HEAD") if remote else None
        pointed = [head.removeprefix(f"refs/remotes/{remote}/")] if head else []
        names = [*pointed, "main", "master"]
    if remote is not None:
        for candidate in names:
            commit = git.commit(f"refs/remotes/{remote}/{candidate}")
            if commit is not None:
                return Branch(name=candidate, shown=f"{remote}/{candidate}", commit=commit)
    if name is not None and remote is not None:
        tip = remote_tip(git, remote, name)
        if is_object_id(tip) and make_available(git, tip) is None:
            return Branch(name=name, shown=f"{remote}/{name}", commit=tip)
    if name is None:
        configured = git.config("init.defaultBranch")
        names += [configured] if configured else []
    for candidate in names:
        commit = git.commit(f"refs/heads/{candidate}")
        if commit is not None:
            return Branch(name=candidate, shown=candidate, commit=commit)
    return None


def _best_ancestor(git: Git, one: str, other: str) -> str | None:
    """Return a best common ancestor of two commits; None if this clone has none."""
    done = git.run("merge-base", one, other, check=False)
    if done.returncode == 1:
        return None
    return git.checked(done, ["merge-base", one, other]).text.split("\n")[0]


def _cut_off(git: Git, included: Iterable[str], excluded: Iterable[str] = ()) -> tuple[str, ...]:
    """Return the commits of a range at which a shallow clone's history ends."""
    file = git.run("rev-parse", "--git-path", "shallow").text.removesuffix("\n")
    try:
        ends = set((git.folder / file).read_text(encoding="ascii").split())
    except FileNotFoundError:  # not shallow
        return ()
    argv = [*included, *(f"^{commit}" for commit in excluded)]
    reached = git.run("rev-list", *argv).text.split()
    return tuple(commit for commit in reached if commit in ends)
