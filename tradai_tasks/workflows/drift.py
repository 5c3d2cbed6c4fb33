"""Compare the workflow files on disk with those that would be written."""

from __future__ import annotations

import difflib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

from tradai_tasks.workflows.render import is_ours

# new: missing on disk. drifted: ours, but different. foreign: there, but not ours. stale: ours, but
# no longer wanted. same: as it should be.
DriftState = Literal["new", "drifted", "foreign", "stale", "same"]


@dataclass(frozen=True, kw_only=True, slots=True)
class Change:
    """The difference between one file on disk and the wanted one."""

    path: str  # path from the root
    state: DriftState
    old: str | None  # None if there is none
    new: str | None  # None if there should be none


def plan(wanted: Mapping[str, str], present: Mapping[str, str]) -> tuple[Change, ...]:
    """Compare the files that should be there with those that are.

    Args:
        wanted: Texts that should be there, by path.
        present: Texts of all files in the same folder, by path.
    """
    changes = []
    for path, new in wanted.items():
        old = present.get(path)
        state: DriftState = "new"
        if old == new:
            state = "same"
        elif old is not None:
            state = "drifted" if is_ours(old) else "foreign"
        changes.append(Change(path=path, state=state, old=old, new=new))
    for path, old in present.items():
        if path not in wanted and is_ours(old):
            changes.append(Change(path=path, state="stale", old=old, new=None))
    return tuple(sorted(changes, key=lambda change: change.path))


def diff_of(changes: Sequence[Change]) -> str:
    """Return a unified diff from the present to the wanted text."""
    parts = []
    for change in changes:
        if change.state == "same":
            continue
        lines = difflib.unified_diff(
            (change.old or "").splitlines(keepends=True),
            (change.new or "").splitlines(keepends=True),
            f"a/{change.path}" if change.old is not None else "/dev/null",
            f"b/{change.path}" if change.new is not None else "/dev/null",
        )
        parts += [line if line.endswith("\n") else f"{line}\n" for line in lines]
    return "".join(parts)
