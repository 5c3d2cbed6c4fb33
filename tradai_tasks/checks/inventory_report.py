"""Show the inventory of Python files, and decide what of it is a fault."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence

from tradai_tasks.errors import UnseenFilesError
from tradai_tasks.text import listed
from tradai_tasks.workspace.inventory import LOOKS, Inventory, InventoryFile

COLUMNS = ("kind", "files", *LOOKS, "none")
FILE_COLUMNS = ("file", "kind", "of", "sessions")
_KINDS = ("source", "generated", "test", "support", "script", "documentation")


def rows(inventory: Inventory) -> list[tuple[str, ...]]:
    """Return a row for each kind of file: how many there are, and how many each session sees."""
    found = []
    for kind in _KINDS:
        files = [file for file in inventory.files if file.kind == kind]
        counts = Counter(look for file in files for look in file.looks)
        alone = sum(not file.looks for file in files)
        cells = [len(files), *(counts[look] for look in LOOKS), alone]
        if files:
            found.append((kind, *(str(cell or "-") for cell in cells)))
    return found


def file_rows(files: Iterable[InventoryFile]) -> list[tuple[str, str, str, str]]:
    """Return a row for each file."""
    return [
        (
            file.path,
            file.kind,
            file.area.path,
            ", ".join(look for look in LOOKS if look in file.looks) or "none",
        )
        for file in files
    ]


def notes(inventory: Inventory) -> list[str]:
    """Return what is to be shown every time: what the settings leave unchecked, and for nothing."""
    by_reason: dict[str, list[str]] = {}
    for file in inventory.unchecked:
        by_reason.setdefault(str(file.reason), []).append(file.path)
    found = [f"unchecked ({reason}): {listed(paths)}" for reason, paths in by_reason.items()]
    found += [
        f"unchecked: {glob!r} matches no Python file; remove it from the setting `unchecked`"
        for glob in inventory.unmatched
    ]
    return found


def untested_note(names: Sequence[str]) -> str:
    """Return the line about packages without tests, which have no test session."""
    return (
        f"no tests: {', '.join(names)}; add some, or make this a failure by the setting "
        f"`test.require = true`"
    )


def check_seen(inventory: Inventory) -> None:
    """Raise UnseenFilesError if no session collects a test, or none examines a source."""
    lines = []
    for kind, what in (("test", "collected as tests"), ("source", "type-checked or scanned")):
        by_reason: dict[str, list[str]] = {}
        for file in inventory.unseen:
            if (file.kind == "test") == (kind == "test"):
                by_reason.setdefault(file.why or "its sessions are left out", []).append(file.path)
        lines += [
            f"not {what} by any session: {listed(paths)} ({why})"
            for why, paths in by_reason.items()
        ]
    if lines:
        lines[-1] += (
            "; let a session see them, or name them with a reason under "
            "[[tool.tradai-tasks.unchecked]]; all files are shown by: nox -s inventory -- --all"
        )
        raise UnseenFilesError(lines[0], *lines[1:])
