"""Facts of many files: from the cache, and of the rest by as many processes as pay."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from functools import partial
from typing import NamedTuple

import msgspec

from tradai_tasks.affected.graph.fact_cache import Cache
from tradai_tasks.affected.parse.facts import Facts
from tradai_tasks.affected.parse.text_examples import (
    ending_of,
    extract_data,
    extract_document,
    is_document,
)
from tradai_tasks.affected.resolve.file_table import is_python
from tradai_tasks.affected.rules.catalog import DEFAULT, RuleSet
from tradai_tasks.affected.rules.fact_extraction import CONFIG_FILES, extract, extract_config
from tradai_tasks.process import usable_cores
from tradai_tasks.vcs.index_stamps import Stamp
from tradai_tasks.vcs.snapshot_protocol import Loaded, Snapshot

MOST_PROCESSES = 8  # for one piece of work; more wait for what one alone can do
_CHUNK = 64  # files for which another process pays
_MOST_HELD = 1 << 20  # bytes of files that were read and not yet parsed


class Parsed(NamedTuple):
    """Files that were parsed, in this run or an earlier one."""

    digests: dict[str, str]  # of the bytes that were parsed, by path
    facts: dict[str, Facts]  # by path


class _Fresh(msgspec.Struct, array_like=True, gc=False):
    """What was read in this run."""

    facts: dict[str, Facts]  # by key, where they were not known
    digests: dict[int, str]  # by the file's place among those that were to be read
    stamps: dict[int, Stamp]  # likewise

    def add(self, other: _Fresh) -> None:
        self.facts |= other.facts
        self.digests |= other.digests
        self.stamps |= other.stamps


def all_facts(
    snapshot: Snapshot, paths: Sequence[str], cache: Cache | None, rules: RuleSet = DEFAULT
) -> Parsed:
    """Return the facts of Python files, settings of pytest, data files and documents.

    Raises:
        GitError: A file cannot be read.
        WorkTreeChangedError: A file has not the content that it had before in this run.
    """
    facts = cache.facts if cache else {}
    digests = snapshot.known(paths, cache.stamps if cache else {})
    keys = {path: _kind(path) + digests[path] for path in digests}
    # one path for each key, or each by itself where the key is not known
    missing = {key: path for path, key in keys.items() if key not in facts}
    wanted = list(missing.values())
    if len(keys) < len(paths):
        wanted += [path for path in paths if path not in keys]
    if wanted:
        fresh = _extracted(snapshot, wanted, facts, rules)
        # what was known is what was read, or `load` would have raised
        unknown = {wanted[place]: digest for place, digest in fresh.digests.items()}
        read = {path: digest for path, digest in unknown.items() if path not in keys}
        snapshot.learn(read)
        digests |= read
        keys |= {path: _kind(path) + digest for path, digest in read.items()}
        if cache:
            stamps = {wanted[place]: stamp for place, stamp in fresh.stamps.items()}
            cache.put(fresh.facts, stamps)
        else:
            facts = fresh.facts
    if cache:
        cache.use(keys.values(), paths)
    return Parsed(digests, {path: facts[keys[path]] for path in paths})


def all_digests(snapshot: Snapshot, paths: Sequence[str], cache: Cache | None) -> dict[str, str]:
    """Return the digests of files; those that are not known are read."""
    digests = snapshot.known(paths, cache.stamps if cache else {})
    stamps: dict[str, Stamp] = {}
    for path, loaded in snapshot.load(path for path in paths if path not in digests):
        digests[path] = loaded.digest
        if loaded.stamp:
            stamps[path] = loaded.stamp
    if cache:
        cache.put({}, stamps)
        cache.use((), paths)
    return digests


def _extracted(
    snapshot: Snapshot, paths: Sequence[str], known: Mapping[str, Facts], rules: RuleSet
) -> _Fresh:
    """Read files, by as many processes as pay; `known` are facts that need not be found again.

    What another process does not hand back is read here, and what is at fault with it is raised.
    """
    work = partial(_extract_some, snapshot, paths, known, rules)
    found = _Fresh({}, {}, {})
    workers = min(usable_cores(), len(paths) // _CHUNK, MOST_PROCESSES)
    # a forked process begins at once; one that must load everything anew hardly ever pays
    if workers > 1 and sys.platform == "linux":
        shares = [range(len(paths))[first::workers] for first in range(workers)]
        others = [ForkWorker(partial(_packed, work, share)) for share in shares[1:]]
        found.add(work(shares[0]))
        for worker in others:
            if outcome := worker.outcome():
                found.add(msgspec.msgpack.decode(outcome, type=_Fresh))
    found.add(work([place for place in range(len(paths)) if place not in found.digests]))
    return found


def _packed(work: Callable[[Sequence[int]], _Fresh], places: Sequence[int]) -> bytes:
    """Return facts as bytes; none where a text in them is no Unicode: the caller redoes them."""
    try:
        return msgspec.msgpack.encode(work(places))
    except UnicodeEncodeError:
        return b""


def _extract_some(
    snapshot: Snapshot,
    paths: Sequence[str],
    known: Mapping[str, Facts],
    rules: RuleSet,
    places: Sequence[int],
) -> _Fresh:
    found = _Fresh({}, {}, {})
    place_of = {paths[place]: place for place in places}
    for batch in _batches(snapshot.load(place_of)):
        for path, (data, digest, stamp) in batch:
            key = _kind(path) + digest
            if key not in known and key not in found.facts:
                found.facts[key] = _extract_one(key, data, rules)
            found.digests[place_of[path]] = digest
            if stamp is not None:
                found.stamps[place_of[path]] = stamp
    return found


def _batches(loaded: Iterable[tuple[str, Loaded]]) -> Iterator[list[tuple[str, Loaded]]]:
    """Yield files in lists: to read some and then parse them is faster than by turns."""
    batch: list[tuple[str, Loaded]] = []
    size = 0
    for one in loaded:
        batch.append(one)
        size += len(one[1].data)
        if size > _MOST_HELD:
            yield batch
            batch, size = [], 0
    yield batch


def _kind(path: str) -> str:
    """Return how a file is read, as the beginning of its key."""
    if is_python(path):
        return "p"
    if path.rpartition("/")[2] in CONFIG_FILES:
        return "c"
    if is_document(path):
        return "t"
    return f"d{ending_of(path)}:"


def _extract_one(key: str, data: bytes, rules: RuleSet) -> Facts:
    if key.startswith("p"):
        return extract(data, rules)
    if key.startswith("c"):
        return extract_config(data)
    if key.startswith("t"):
        return extract_document(data)
    return extract_data(key[1:].partition(":")[0], data)


class ForkWorker:
    """A forked process that hands the outcome of its work back as bytes, and ends.

    Where the system has no room for another process, nothing is done.

    A pool of processes takes as long to begin as half the work here, and every text would be
    written to it.
    """

    def __init__(self, work: Callable[[], bytes]) -> None:
        self._reader, writer = os.pipe()
        try:
            self._pid = os.fork()
        except OSError:
            self._pid = -1
        if self._pid == 0:
            _work_and_exit(work, writer)
        os.close(writer)

    def outcome(self) -> bytes:
        """Wait for the outcome; empty where the process could not begin, failed, or was killed."""
        with os.fdopen(self._reader, "rb") as file:
            data = file.read()
        failed = self._pid < 0 or os.waitpid(self._pid, 0)[1] != 0
        return b"" if failed else data


def _work_and_exit(work: Callable[[], bytes], writer: int) -> None:
    """Do the work, hand its outcome over and end: never return."""
    code = 1
    try:
        with os.fdopen(writer, "wb") as file:
            file.write(work())
        code = 0
    finally:
        os._exit(code)  # what the first process would do at its end is not for this one
