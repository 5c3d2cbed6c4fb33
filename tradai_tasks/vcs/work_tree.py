"""Read git's index and status, with files that git was told to treat as unchanged.

`git update-index --assume-unchanged` and `--skip-worktree` make git report a file as unchanged
whatever is on disk. Tests run on what is on disk, so such a file counts as changed if it differs.
One marked skip-worktree that is not on disk was omitted by a sparse checkout, and counts with the
index's content.
"""

from __future__ import annotations

import os
import stat
from collections.abc import Iterable
from concurrent.futures import Future

import msgspec
from msgspec.structs import replace

from tradai_tasks.vcs.git import Git
from tradai_tasks.vcs.git_records import LINK, SUBMODULE, Entry, RawChange, StatusEntry

_ABSENT = "000000"


class WorkTree(msgspec.Struct, frozen=True, kw_only=True):
    """git's index and status, with the changes that git does not report."""

    index: list[Entry]
    status: list[StatusEntry]
    # files that git reports as unchanged, whose content on disk may differ from the index
    unsure: frozenset[str] = frozenset()


def look(git: Git, status: Future[list[StatusEntry]] | None = None) -> WorkTree:
    """Return the index and the status of the work tree.

    Raises:
        GitError: git failed.
    """
    index = git.index()
    converted = git.converted(entry.path for entry in index)
    told = status.result() if status else git.status()
    rows = {row.path: row for row in told if row.index != "?"}  # a path may also be untracked
    hidden = [
        entry
        for entry in index
        if entry.flag in "hsS"
        and entry.mode != SUBMODULE
        and (entry.path not in rows or rows[entry.path].worktree == ".")
    ]
    modes = {entry.path: _mode_on_disk(git, entry) for entry in hidden}
    there = [entry for entry in hidden if modes[entry.path] != _ABSENT]
    ids = _ids_on_disk(git, there, modes)
    for entry in hidden:
        mode = modes[entry.path]
        is_same = entry.mode[:3] == mode[:3] and entry.blob == ids.get(entry.path)
        is_left_off = mode == _ABSENT and entry.flag in "sS"
        if not is_same and not is_left_off:
            rows[entry.path] = _change(entry, mode, rows.get(entry.path))
    unsure = converted.union(entry.path for entry in there)
    told = [*rows.values(), *(row for row in told if row.index == "?")]
    return WorkTree(index=index, status=told, unsure=unsure)


def tree_before(work: WorkTree, changes: Iterable[RawChange]) -> list[Entry]:
    """Return the files of a commit, computed from the index and the changes since."""
    entries = {entry.path: entry for entry in work.index}
    before = [(row.path, row.head_mode, row.head_blob) for row in work.status if row.index != "?"]
    before += [(change.path, change.old_mode, change.old_blob) for change in changes]
    for path, mode, blob in before:
        if mode != _ABSENT and not path.startswith("../"):
            entries[path] = Entry(path, mode, blob)
        else:
            entries.pop(path, None)
    return list(entries.values())


def _change(entry: Entry, mode: str, staged: StatusEntry | None) -> StatusEntry:
    kind = "D" if mode == _ABSENT else "M" if mode[:3] == entry.mode[:3] else "T"
    if staged is not None:
        return replace(staged, worktree=kind, worktree_mode=mode)
    return StatusEntry(entry.path, ".", kind, entry.mode, mode, entry.blob, entry.blob)


def _mode_on_disk(git: Git, entry: Entry) -> str:
    """Return git's mode of a path on disk; for a file, with the index's permission bits."""
    try:
        mode = os.lstat(git.folder / entry.path).st_mode
    except OSError:
        return _ABSENT
    if stat.S_ISLNK(mode):
        return LINK
    if not stat.S_ISREG(mode):
        return _ABSENT
    return entry.mode if entry.mode != LINK else "100644"


def _ids_on_disk(git: Git, entries: Iterable[Entry], modes: dict[str, str]) -> dict[str, str]:
    """Return the blob ids that files would get if they were added."""
    found: dict[str, str] = {}
    files: list[str] = []
    for entry in entries:
        if modes[entry.path] == LINK:
            target = os.fsencode((git.folder / entry.path).readlink())
            found[entry.path] = git.blob_id(target)
        else:
            files.append(entry.path)
    return found | git.hash_files(files)
