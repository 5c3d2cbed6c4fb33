"""Compare the workflow files on disk with those that would be written."""

from __future__ import annotations

import difflib
import posixpath
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Literal

from tradai_tasks.workflows.render import is_ours, name_of

# new: missing on disk. drifted: ours, but different. foreign: there, but not ours. stale: ours, but
# no longer wanted. same: as it should be.
DriftState = Literal["new", "drifted", "foreign", "stale", "same"]


@dataclass(frozen=True, kw_only=True, slots=True)
class FileTexts:
    """A file as it is on disk, and as it is wanted."""

    path: str  # path from the root
    old: str | None  # None if there is none
    new: str | None  # None if there should be none


@dataclass(frozen=True, kw_only=True, slots=True)
class Change(FileTexts):
    """The difference between one file on disk and the wanted one."""

    state: DriftState
    twin: str = ""  # path of the user's own file for the same, if it has another name


def plan(
    wanted: Mapping[str, str], present: Mapping[str, str], folder: str = ""
) -> tuple[Change, ...]:
    """Compare the files that should be there with those that are.

    The user's own file has the same path but for its suffix, or the workflow's name: two workflows
    of one name would both start what follows them.
    """
    changes = []
    foreign = {path: text for path, text in present.items() if not is_ours(text, folder)}
    for path, new in wanted.items():
        old = present.get(path)
        state: DriftState = "new"
        twin = ""
        if old == new:
            state = "same"
        elif old is not None:
            state = "foreign" if path in foreign else "drifted"
        else:
            named = name_of(new)
            twins = (one for one, text in foreign.items() if is_own_twin(one, text, path, named))
            twin = next(twins, "")
            state = "foreign" if twin else "new"
        changes.append(Change(path=path, state=state, old=old, new=new, twin=twin))
    for path, old in present.items():
        if path not in wanted and path not in foreign:
            changes.append(Change(path=path, state="stale", old=old, new=None))
    return tuple(sorted(changes, key=lambda change: change.path))


def is_own_twin(path: str, text: str, wanted: str, name: str) -> bool:
    """Return whether a file of the user is in the place of a workflow, by its path or name."""
    stems = {posixpath.splitext(one)[0] for one in (path, wanted)}
    return len(stems) == 1 or (name != "" and name_of(text) == name)


def diff_of(files: Iterable[FileTexts]) -> str:
    """Return a unified diff from the present to the wanted text."""
    parts = []
    for change in files:
        lines = difflib.unified_diff(
            (change.old or "").splitlines(keepends=True),
            (change.new or "").splitlines(keepends=True),
            f"a/{change.path}" if change.old is not None else "/dev/null",
            f"b/{change.path}" if change.new is not None else "/dev/null",
        )
        parts += [line if line.endswith("\n") else f"{line}\n" for line in lines]
    return "".join(parts)
