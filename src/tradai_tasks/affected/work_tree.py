"""The index and the status of the work tree, with the changes that git was told not to see.

`git update-index --assume-unchanged` and `--skip-worktree` make git call a file unchanged whatever
is on disk. Tests run on what is on disk, so such a file counts as changed where it differs. One
that is marked skip-worktree and is not on disk was left off by a sparse checkout, and counts as it
stands in the index.
"""

from __future__ import annotations

import os
import stat
from collections.abc import Iterable
from dataclasses import dataclass

from tradai_tasks.affected.git import Entry, Git, StatusEntry

__all__ = ["WorkTree", "look"]

_LINK = "120000"
_SUBMODULE = "160000"
_ABSENT = "000000"


@dataclass(frozen=True, kw_only=True, slots=True)
class WorkTree:
    """What git says of the work tree, and what it does not say."""

    index: list[Entry]
    status: list[StatusEntry]
    absent: frozenset[str] = frozenset()  # files that a sparse checkout leaves off the disk


def look(git: Git) -> WorkTree:
    """Return the index and the status of the work tree.

    Raises:
        GitError: git failed.
    """
    return with_hidden(git, git.index(), git.status())


def with_hidden(git: Git, index: list[Entry], status: list[StatusEntry]) -> WorkTree:
    """Add what git was told not to see.

    Args:
        git: The repository.
        index: What `git.index()` returned.
        status: What `git.status()` returned.

    Raises:
        GitError: git failed.
    """
    told = {entry.path for entry in status if entry.worktree != "."}
    hidden = [e for e in index if e.flag in "hsS" and e.mode != _SUBMODULE and e.path not in told]
    if not hidden:
        return WorkTree(index=index, status=status)
    modes = {entry.path: _mode_on_disk(git, entry) for entry in hidden}
    is_gone = {path for path, mode in modes.items() if mode == _ABSENT}
    absent = frozenset(e.path for e in hidden if e.path in is_gone and e.flag in "sS")
    ids = _ids_on_disk(git, (e for e in hidden if e.path not in is_gone), modes)
    found = [
        _change(entry, modes[entry.path])
        for entry in hidden
        if entry.path not in absent
        and (entry.mode[:3] != modes[entry.path][:3] or entry.blob != ids.get(entry.path))
    ]
    return WorkTree(index=index, status=[*status, *found], absent=absent)


def _change(entry: Entry, mode: str) -> StatusEntry:
    kind = "D" if mode == _ABSENT else "M" if mode[:3] == entry.mode[:3] else "T"
    return StatusEntry(entry.path, ".", kind, entry.mode, mode, entry.blob, entry.blob)


def _mode_on_disk(git: Git, entry: Entry) -> str:
    """Return what a path is on disk, in git's words; of a file the bits that the index has."""
    try:
        mode = os.lstat(git.folder / entry.path).st_mode
    except OSError:
        return _ABSENT
    if stat.S_ISLNK(mode):
        return _LINK
    if not stat.S_ISREG(mode):
        return _ABSENT
    return entry.mode if entry.mode != _LINK else "100644"


def _ids_on_disk(git: Git, entries: Iterable[Entry], modes: dict[str, str]) -> dict[str, str]:
    """Return what git would call the content of files, were they added."""
    found: dict[str, str] = {}
    files: list[str] = []
    for entry in entries:
        if modes[entry.path] == _LINK:
            target = os.fsencode((git.folder / entry.path).readlink())
            found[entry.path] = git.blob_id(target)
        else:
            files.append(entry.path)
    return found | git.hash_files(files)
