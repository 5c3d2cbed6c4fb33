"""List the paths that a range of commits changes.

A change that an ignore rule hides from git does not count.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Literal

import msgspec

from tradai_tasks.affected.revisions.commit_range import CommitRange
from tradai_tasks.vcs.git import Git
from tradai_tasks.vcs.git_records import NO_COMMIT, RawChange, StatusEntry
from tradai_tasks.vcs.work_tree import look

ChangeKind = Literal["added", "modified", "deleted", "type-changed", "mode-changed"]

_ABSENT = "000000"


class ChangedPath(msgspec.Struct, frozen=True, order=True):
    """A changed path; a moved file is deleted at one path and added at another."""

    path: str  # POSIX from the workspace root; "../x" outside of it
    kind: ChangeKind


class _Version(msgspec.Struct, frozen=True):
    """What a path is at one end of the range."""

    mode: str
    blob: str  # empty where it is not known, as in the work tree


def changed_paths(
    git: Git,
    compared: CommitRange,
    status: Iterable[StatusEntry] | None = None,
    committed: Iterable[RawChange] | None = None,
) -> tuple[ChangedPath, ...]:
    """Return the changed paths of a range, sorted by path.

    With the work tree, every path counts that is committed since the base, staged, changed, in
    conflict or untracked, even if one change undoes another. Without a base every file is added.

    Args:
        git: The repository.
        compared: The range.
        status: That of the work tree, as `look` returns it, where it was asked already.
        committed: What `git.diff` returned for the base and the head, likewise.

    Raises:
        GitError: git failed.
    """
    ends: dict[str, tuple[_Version, _Version]] = {}
    if compared.base is not None:
        for change in git.diff(compared.base, compared.head) if committed is None else committed:
            before = _Version(change.old_mode, change.old_blob)
            ends[change.path] = (before, _Version(change.new_mode, change.new_blob))
    elif compared.head != NO_COMMIT:
        for entry in git.tree(compared.head):
            ends[entry.path] = (_Version(_ABSENT, ""), _Version(entry.mode, entry.blob))
    if compared.worktree:
        for touched in look(git).status if status is None else status:
            before, after = _uncommitted(touched)
            known = ends.get(touched.path)
            ends[touched.path] = (known[0] if known else before, after)
    return tuple(ChangedPath(path, _kind(*ends[path])) for path in sorted(ends))


def _uncommitted(entry: StatusEntry) -> tuple[_Version, _Version]:
    # what the work tree holds is not hashed here, unless it is as staged
    blob = entry.index_blob if entry.worktree == "." else ""
    before = _Version(entry.head_mode, entry.head_blob)
    return before, _Version(entry.worktree_mode, blob)


def _kind(before: _Version, after: _Version) -> ChangeKind:
    if after.mode == _ABSENT:
        return "deleted"
    if before.mode == _ABSENT:
        return "added"
    if before.mode[:3] != after.mode[:3]:
        return "type-changed"
    if before.mode != after.mode and before.blob == after.blob and before.blob:
        return "mode-changed"
    return "modified"
