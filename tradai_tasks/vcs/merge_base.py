"""Find the merge base of two commits, also in a shallow clone."""

from __future__ import annotations

from dataclasses import dataclass

from tradai_tasks.vcs.git import Git, is_object_id

__all__ = ["Branch", "MergeBase", "default_branch", "find_merge_base", "make_available"]

# Commits added to each cut-off line of history, try after try; then all of it.
_DEEPER = ("--deepen=30", "--deepen=300", "--deepen=3000", "--unshallow")


@dataclass(frozen=True, kw_only=True, slots=True)
class Branch:
    """A branch to compare with."""

    name: str  # as users know it: "main"
    shown: str  # what was compared with: "origin/main"
    commit: str


@dataclass(frozen=True, kw_only=True, slots=True)
class MergeBase:
    """The best common ancestor of two commits, or why it is not to be had."""

    commit: str | None
    fault: str = ""


def make_available(git: Git, commit: str) -> str | None:
    """Ensure that a commit and its files are in this clone, from the remote if needed.

    Args:
        git: The repository.
        commit: A full id.

    Returns:
        None when it is there, else why not.
    """
    if git.commit(commit) == commit:
        return None
    remote = git.remote()
    short = commit[:10]
    if remote is None:
        return f"commit {short} is not in this clone, which has no remote to fetch it from"
    # in a full clone --depth would cut history off
    fault = git.fetch(remote, [commit], *(["--depth=1"] if git.is_shallow() else []))
    if fault is None and git.commit(commit) == commit:
        return None
    why = fault or "no error"
    return f"commit {short} is not in this clone, and {remote} does not give it ({why})"


def find_merge_base(git: Git, one: str, other: str) -> MergeBase:
    """Find the best common ancestor; history that is cut off too early is deepened.

    An answer from a shallow clone counts only if no line of history from either commit down to
    it is cut off: else a later common ancestor may lie behind the cut.
    """
    fault = "they have no common ancestor"
    for deeper in _DEEPER:
        found = git.merge_base(one, other)
        cut = git.cut_off([one, other], [found] if found else [])
        if not cut:
            return MergeBase(commit=found, fault="" if found else fault)
        remote = git.remote()
        if remote is None:
            return MergeBase(
                commit=None, fault="the clone is shallow and has no remote to deepen it"
            )
        problem = git.fetch(remote, cut, deeper)
        if problem is not None:
            return MergeBase(
                commit=None,
                fault=f"the clone is shallow and {remote} does not deepen it ({problem})",
            )
    found = git.merge_base(one, other)
    if git.cut_off([one, other], [found] if found else []):
        return MergeBase(commit=None, fault="the clone is shallow and so is its remote")
    return MergeBase(commit=found, fault="" if found else fault)


def default_branch(git: Git, name: str | None = None) -> Branch | None:
    """Find the branch that work is merged into.

    Looked at in turn: what the remote's HEAD points at, the remote's main and master, then the
    local main, master and the configured `init.defaultBranch`.

    Args:
        git: The repository.
        name: The branch's name, where it is known; the remote is then asked for it if needed.
    """
    remote = git.remote()
    if name is not None:
        names = [name]
    else:
        head = git.symbolic(f"refs/remotes/{remote}/HEAD") if remote else None
        pointed = [head.removeprefix(f"refs/remotes/{remote}/")] if head else []
        names = [*pointed, "main", "master"]
    if remote is not None:
        for candidate in names:
            commit = git.commit(f"refs/remotes/{remote}/{candidate}")
            if commit is not None:
                return Branch(name=candidate, shown=f"{remote}/{candidate}", commit=commit)
    if name is not None and remote is not None:
        tip = git.remote_tip(remote, name)
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
