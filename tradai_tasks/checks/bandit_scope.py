"""Decide which files bandit reads, and hold what it read against them."""

from __future__ import annotations

import posixpath
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from fnmatch import fnmatchcase
from typing import Any

from tradai_tasks.text import listed
from tradai_tasks.workspace.inventory import Inventory, InventoryFile

_MOST = 100_000  # bytes of file names on one command line; systems allow 128 KiB and more


@dataclass(frozen=True, kw_only=True, slots=True)
class BanditScope:
    """The files that bandit is to read, and those that its configuration leaves out."""

    files: tuple[str, ...]
    tests: frozenset[str]  # those of `files` that are tests, where an assert is right
    excluded: Mapping[str, tuple[str, ...]]  # entry of the configuration -> files
    faults: tuple[str, ...]  # packages whose source is left out as a whole


def bandit_scope(inventory: Inventory, exclusions: Iterable[str]) -> BanditScope:
    """Divide the source of the inventory into what bandit reads and what is excluded.

    bandit itself takes an entry of `exclude_dirs` for a part of any word in a path: `test` would
    leave out `backtest/`. Here an entry is whole parts of a path, or a glob of a path.
    """
    entries = {one: one.removeprefix("./").removesuffix("/*").strip("/") for one in exclusions}
    kept: list[InventoryFile] = []
    excluded: dict[str, list[str]] = {}
    silent: dict[str, str] = {}  # folder of an area -> the entry that leaves it out
    for file in inventory.seen_by("security"):
        met = next((entry for entry, clean in entries.items() if _names(clean, file.path)), None)
        if met is None:
            kept.append(file)
        else:
            excluded.setdefault(met, []).append(file.path)
            silent.setdefault(file.area.path, met)
    heard = {file.area.path for file in kept}
    return BanditScope(
        files=tuple(file.path for file in kept),
        tests=frozenset(file.path for file in kept if file.kind == "test"),
        excluded={entry: tuple(files) for entry, files in excluded.items()},
        faults=tuple(
            f"bandit: exclude_dirs {entry!r} leaves out all source of {path}; narrow it, or name "
            f"the files with a reason under [[tool.tradai-tasks.unchecked]]"
            for path, entry in silent.items()
            if path not in heard
        ),
    )


def _names(entry: str, path: str) -> bool:
    """Return whether an entry of `exclude_dirs` names a file, or a folder above it."""
    if not entry:
        return False
    if not any(char in entry for char in "*?["):
        return f"/{entry}/" in f"/{path}/"
    parts = path.split("/")
    above = ["/".join(parts[:end]) for end in range(1, len(parts) + 1)]
    return any(fnmatchcase(f"/{one}", f"*/{entry}") for one in above)


def batches(files: Sequence[str]) -> Iterator[list[str]]:
    """Divide file names into groups that fit on a command line."""
    group: list[str] = []
    size = 0
    for file in files:
        length = len(file.encode("utf-8", "surrogateescape")) + 3  # "./" and the end
        if group and size + length > _MOST:
            yield group
            group, size = [], 0
        group.append(file)
        size += length
    if group:
        yield group


def unread_faults(
    metrics: Mapping[str, Mapping[str, Any]], contents: Mapping[str, bytes]
) -> list[str]:
    """Return a fault for files, or lines of files, that bandit did not read."""
    read = {posixpath.normpath(file): int(found["loc"]) for file, found in metrics.items()}
    unread = [path for path in contents if path not in read]
    short = [
        f"{path} ({read[path]} of {lines} lines)"
        for path, content in contents.items()
        if path in read and read[path] != (lines := _lines_of_code(content))
    ]
    if not unread and not short:
        return []
    faults = [*unread, *short]
    count = f"{len(faults)} of {len(contents)} files not read, or not to their end"
    return [f"bandit: {count}: {listed(faults)}; its own messages are above"]


def _lines_of_code(content: bytes) -> int:
    """Return the lines that bandit counts: those with more than space or a comment."""
    stripped = (line.strip() for line in content.splitlines())
    return sum(bool(line) and not line.startswith(b"#") for line in stripped)
