"""Records that git lists: files of a commit, changed paths, the state of the work tree."""

from __future__ import annotations

from typing import NamedTuple, TypeGuard

import msgspec

# How git itself writes "no commit", for instance as the `before` of a new branch.
NO_COMMIT = "0" * 40

LINK, SUBMODULE = "120000", "160000"  # git's modes; others are files

_ID_LENGTHS = (40, 64)  # SHA-1, SHA-256
_HEX = frozenset("0123456789abcdef")


class Entry(NamedTuple):
    """A file of a commit or of the index."""

    path: str
    mode: str  # "100644", "100755", "120000" (symbolic link), "160000" (submodule)
    blob: str
    stage: str = "0"  # "1" to "3" in a conflict
    # of the index: "S" skip-worktree, small letters assume-unchanged, else nothing is hidden
    flag: str = "H"


class RawChange(msgspec.Struct, frozen=True):
    """A path that differs between two commits; modes and ids are zeros where it is absent."""

    path: str
    status: str  # "A", "M", "D", "T"
    old_mode: str
    new_mode: str
    old_blob: str
    new_blob: str


class StatusEntry(msgspec.Struct, frozen=True):
    """A path that differs between HEAD, the index and the work tree."""

    path: str
    index: str  # HEAD against the index: ".", "A", "M", "D", "T"; "?" untracked; "U" in a conflict
    worktree: str  # index against the work tree, likewise
    head_mode: str = "000000"
    worktree_mode: str = "000000"
    head_blob: str = ""
    index_blob: str = ""


def is_object_id(value: object) -> TypeGuard[str]:
    """Tell whether a value is a full object id, SHA-1 or SHA-256, in lower case."""
    return isinstance(value, str) and len(value) in _ID_LENGTHS and set(value) <= _HEX
