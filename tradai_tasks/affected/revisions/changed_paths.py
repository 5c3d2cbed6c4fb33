"""Commit range -> changed paths; a change that an ignore rule hides from git is none."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Literal

from tradai_tasks.affected.revisions.commit_range import CommitRange
from tradai_tasks.vcs.git import NO_COMMIT, Git, RawChange, StatusEntry
from tradai_tasks.vcs.work_tree import look

__all__ = ["ChangedPath", "Kind", "changed_paths"]

Kind = Literal["added", "modified", "deleted", "type-changed", "mode-changed"]

_ABSENT = "000000"


@dataclass(frozen=True, slots=True, order=True)
class ChangedPath:
    """A path that the range touches; a moved file is deleted at one path and added at another."""

    path: str  # POSIX from the workspace root; "../x" outside of it
    kind: Kind


@dataclass(frozen=True, slots=True)
class _Side:
    """What a path is at one end of the range."""

    mode: str
    blob: str  # empty where it is not known, as in the work tree


def changed_paths(
    git: Git,
    compared: CommitRange,
    status: Iterable[StatusEntry] | None = None,
    committed: Iterable[RawChange] | None = None,
) -> tuple[ChangedPath, ...]:
    """Return the paths that a range touches, sorted by path.

    With the work tree, whatever is committed since the base, staged, changed, in conflict or
    untracked counts, also where one undoes another. Without a base every file counts as added.

    Args:
        git: The repository.
        compared: The range.
        status: That of the work tree, as `look` returns it, where it was asked already.
        committed: What `git.diff` returned for the base and the head, likewise.

    Raises:
        GitError: git failed.
    """
    ends: dict[str, tuple[_Side, _Side]] = {}
    if compared.base is not None:
        for change in git.diff(compared.base, compared.head) if committed is None else committed:
            ends[change.path] = _committed(change)
    elif compared.head != NO_COMMIT:
        for entry in git.tree(compared.head):
            ends[entry.path] = (_Side(_ABSENT, ""), _Side(entry.mode, entry.blob))
    if compared.worktree:
        for touched in look(git).status if status is None else status:
            before, after = _uncommitted(touched)
            known = ends.get(touched.path)
            ends[touched.path] = (known[0] if known else before, after)
    return tuple(ChangedPath(path, _kind(*ends[path])) for path in sorted(ends))


def _committed(change: RawChange) -> tuple[_Side, _Side]:
    return _Side(change.old_mode, change.old_blob), _Side(change.new_mode, change.new_blob)


def _uncommitted(entry: StatusEntry) -> tuple[_Side, _Side]:
    # what the work tree holds is not hashed here, unless it is as staged
    blob = entry.index_blob if entry.worktree == "." else ""
    before = _Side(entry.head_mode, entry.head_blob)
    return before, _Side(entry.worktree_mode, blob)


def _kind(before: _Side, after: _Side) -> Kind:
    if after.mode == _ABSENT:
        return "deleted"
    if before.mode == _ABSENT:
        return "added"
    if before.mode[:3] != after.mode[:3]:
        return "type-changed"
    if before.mode != after.mode and before.blob == after.blob and before.blob:
        return "mode-changed"
    return "modified"
