"""Facts of many files: from the cache, and of the rest by as many processes as pay."""

from __future__ import annotations

import contextlib
import os
import posixpath
import sys
from collections.abc import Callable, Sequence
from functools import partial

import msgspec

from tradai_tasks.affected.cache import Cache
from tradai_tasks.affected.copies import MOST_PROCESSES, Copy, Shared
from tradai_tasks.affected.extract import CONFIG_FILES, extract, extract_config
from tradai_tasks.affected.facts import Facts
from tradai_tasks.affected.model import Snapshot
from tradai_tasks.affected.modules import is_python
from tradai_tasks.affected.scripts import (
    extract_cython,
    extract_script,
    is_cython,
    is_script,
)
from tradai_tasks.affected.texts import extract_data, extract_document, is_document

__all__ = ["all_facts"]

_CHUNK = 64  # files that a process takes at once
_MOST_CHUNKS = 1_000  # their numbers fit into the smallest pipe there is


def all_facts(snapshot: Snapshot, paths: Sequence[str], cache: Cache | None) -> dict[str, Facts]:
    """Return the facts of Python files, settings of pytest, data files and documents.

    Args:
        snapshot: The files.
        paths: Which of them.
        cache: Facts of earlier runs, to which new ones are added.
    """
    keys = {path: _kind(path) + snapshot.blobs[path] for path in paths}
    known = cache.get(dict.fromkeys(keys.values())) if cache else {}
    missing: dict[str, str] = {}
    for path, key in keys.items():
        if key not in known:
            missing.setdefault(key, path)
    if missing:
        fresh = _extracted(snapshot, list(missing.items()))
        if cache:
            cache.put(fresh)
        known = {**known, **fresh}
    return {path: known[key] for path, key in keys.items()}


def _extracted(snapshot: Snapshot, missing: Sequence[tuple[str, str]]) -> dict[str, Facts]:
    """Read files, by as many processes as pay.

    Args:
        snapshot: The files.
        missing: Keys, each with the path of such a file.
    """
    size = max(_CHUNK, -(-len(missing) // _MOST_CHUNKS))
    chunks = [missing[start : start + size] for start in range(0, len(missing), size)]
    workers = min(os.cpu_count() or 1, len(chunks), MOST_PROCESSES)
    # a forked process begins at once; one that must load everything anew hardly ever pays
    if workers < 2 or sys.platform != "linux":  # noqa: PLR2004 - the work of one
        return _extract_some(snapshot, missing)
    with Shared(len(chunks)) as numbers:
        work = partial(_extract_taken, snapshot, chunks, numbers)
        copies = [Copy(partial(_packed, work)) for _ in range(workers - 1)]
        found = work()
        for copy in copies:
            with contextlib.suppress(msgspec.DecodeError):  # it could not begin, or ended early
                found |= msgspec.msgpack.decode(copy.outcome(), type=dict[str, Facts])
    left = [(key, path) for key, path in missing if key not in found]
    return found | _extract_some(snapshot, left) if left else found


def _packed(work: Callable[[], dict[str, Facts]]) -> bytes:
    return msgspec.msgpack.encode(work())


def _extract_taken(
    snapshot: Snapshot, chunks: Sequence[Sequence[tuple[str, str]]], numbers: Shared
) -> dict[str, Facts]:
    found: dict[str, Facts] = {}
    while (number := numbers.take()) is not None:
        found |= _extract_some(snapshot, chunks[number])
    return found


def _extract_some(snapshot: Snapshot, part: Sequence[tuple[str, str]]) -> dict[str, Facts]:
    texts = snapshot.read([path for _, path in part])
    return {key: _extract_one(key, texts[path]) for key, path in part}


def _kind(path: str) -> str:
    """Return how a file is read, as the beginning of its key."""
    if is_python(path):
        return "p"
    if path.rpartition("/")[2] in CONFIG_FILES:
        return "c"
    if is_script(path):
        return "s"
    if is_cython(path):
        return "y"
    return "t" if is_document(path) else f"d{posixpath.splitext(path)[1]}:"


def _extract_one(key: str, data: bytes) -> Facts:
    if key.startswith("p"):
        return extract(data)
    if key.startswith("c"):
        return extract_config(data)
    if key.startswith("t"):
        return extract_document(data)
    if key.startswith("s"):
        return extract_script(data)
    if key.startswith("y"):
        return extract_cython(data)
    return extract_data(key[1:].partition(":")[0], data)
