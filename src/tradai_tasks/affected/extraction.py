"""Facts of many files: from the cache, and of the rest by as many processes as pay."""

from __future__ import annotations

import os
import posixpath
import sys
from collections.abc import Mapping, Sequence
from functools import partial

import msgspec

from tradai_tasks.affected.cache import Cache
from tradai_tasks.affected.copies import Copy
from tradai_tasks.affected.extract import CONFIG_FILES, extract, extract_config
from tradai_tasks.affected.facts import Facts
from tradai_tasks.affected.model import Snapshot
from tradai_tasks.affected.modules import is_python
from tradai_tasks.affected.texts import extract_data, extract_document, is_document

__all__ = ["all_facts"]

_WORTH_A_PROCESS = 2_000_000  # bytes of text; less is read faster than a process starts


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
        texts = snapshot.read(missing.values())
        fresh = _extracted({key: texts[path] for key, path in missing.items()})
        if cache:
            cache.put(fresh)
        known = {**known, **fresh}
    return {path: known[key] for path, key in keys.items()}


def _extracted(texts: Mapping[str, bytes]) -> dict[str, Facts]:
    size = sum(map(len, texts.values()))
    workers = min(os.cpu_count() or 1, size // _WORTH_A_PROCESS)
    # a forked process begins at once; one that must load everything anew hardly ever pays
    if workers < 2 or sys.platform != "linux":  # noqa: PLR2004 - the work of one
        return _extract_some(list(texts.items()))
    own, *others = _shares(texts, workers)
    copies = [(part, Copy(partial(_extract_packed, part))) for part in others]
    found = _extract_some(own)
    for part, copy in copies:
        try:
            facts = msgspec.msgpack.decode(copy.outcome(), type=list[Facts])
        except msgspec.DecodeError:  # it could not begin, or has ended before its time
            found |= _extract_some(part)
        else:
            found.update(zip((key for key, _ in part), facts, strict=True))
    return found


def _shares(texts: Mapping[str, bytes], count: int) -> list[list[tuple[str, bytes]]]:
    """Divide texts into parts of like size, the longest dealt out first."""
    parts: list[list[tuple[str, bytes]]] = [[] for _ in range(count)]
    ordered = sorted(texts.items(), key=lambda item: (-len(item[1]), item[0]))
    for position, item in enumerate(ordered):
        parts[position % count].append(item)
    return [part for part in parts if part]


def _extract_packed(part: Sequence[tuple[str, bytes]]) -> bytes:
    return msgspec.msgpack.encode(list(_extract_some(part).values()))


def _extract_some(part: Sequence[tuple[str, bytes]]) -> dict[str, Facts]:
    return {key: _extract_one(key, data) for key, data in part}


def _kind(path: str) -> str:
    """Return how a file is read, as the beginning of its key."""
    if is_python(path):
        return "p"
    if path.rpartition("/")[2] in CONFIG_FILES:
        return "c"
    return "t" if is_document(path) else f"d{posixpath.splitext(path)[1]}:"


def _extract_one(key: str, data: bytes) -> Facts:
    if key.startswith("p"):
        return extract(data)
    if key.startswith("c"):
        return extract_config(data)
    if key.startswith("t"):
        return extract_document(data)
    return extract_data(key[1:].partition(":")[0], data)
