"""The green result of one test file, as it is stored."""

from __future__ import annotations

import hashlib
import zlib

import msgspec

from tradai_tasks.results.digests import Digested
from tradai_tasks.results.inputs import Inputs

# What is covered of a file, by function: lines, or where branches are measured the pairs of lines
# between which it went. A line is its place in the function (`tradai_tasks_coverage.py`).
Part = dict[str, list[tuple[int, ...]]]
Covered = dict[str, Part]  # by file
_SIZE = 32  # bytes of a record's digest
_MOST = 256 * 1024 * 1024  # bytes of a record


class KeptResult(msgspec.Struct, frozen=True, kw_only=True):
    """A green result, and everything that it was computed from."""

    test_file: str
    inputs: Inputs
    digested: Digested
    tests: dict[str, tuple[str, tuple[str, ...]]]
    """Outcome and markers of each test that ran, by node id: passed, skipped or xfailed.

    Of a whole session, by test file, with the key of its result in place of the outcome.
    """
    removed: dict[str, tuple[str, ...]] = {}
    """Markers of each test that was deselected."""
    cases: tuple[str, ...] = ()
    """The tests as JUnit XML."""
    covered: Covered | None = None
    """None if no coverage was measured."""
    commit: str = ""
    """The checked-out commit; the work tree may have differed."""
    time: float = 0
    """Seconds since the epoch."""
    slot: str = ""
    """Of a whole session: where the results of its test files are."""
    env: dict[str, str | None] = {}
    """Of a whole session: variables that it sets for its tests, without the repository's path."""
    environment: bytes = b""
    """Of a whole session: the digest of its virtual environment; empty if it is not known."""
    root: str = ""
    """Of a whole session: the repository, which stands in its reports."""
    reports: dict[str, bytes] = {}
    """Of a whole session that had nothing to warn of: its reports of coverage, by file name."""
    summary: str = ""
    """Of a whole session: what it said at its end."""
    rows: tuple[tuple[str, ...], ...] = ()
    """Of a whole session: its part of the step summary."""


_FORMAT = hashlib.blake2b(
    msgspec.json.encode(msgspec.json.schema(KeptResult)), digest_size=16
).digest()


def encode_result(result: KeptResult) -> bytes:
    """Return a result as bytes, behind its format and its digest."""
    body = zlib.compress(msgspec.msgpack.encode(result), 1)
    return _FORMAT + hashlib.blake2b(body, digest_size=_SIZE).digest() + body


def decode_result(data: bytes) -> KeptResult | None:
    """Read a result; None if it is damaged, something else or of another format."""
    start = len(_FORMAT) + _SIZE
    body = data[start:]
    expected = _FORMAT + hashlib.blake2b(body, digest_size=_SIZE).digest()
    if data[:start] != expected:
        return None
    try:
        unpacker = zlib.decompressobj()
        content = unpacker.decompress(body, _MOST)
        return msgspec.msgpack.decode(content, type=KeptResult)
    except (zlib.error, msgspec.MsgspecError):
        return None
