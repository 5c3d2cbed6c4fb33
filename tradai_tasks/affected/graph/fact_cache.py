"""What was read from files, kept between runs by the digest of their bytes, outside the work tree.

A cache file is whole and of this very version, or it counts as empty: it begins with a digest of
all that decides what is kept and how, and of what follows.
"""

from __future__ import annotations

import functools
import hashlib
import os
import sys
import zlib
from collections.abc import Collection, Iterable, Mapping, Sequence
from pathlib import Path
from typing import TypeVar

import msgspec
import packaging

from tradai_tasks.affected.parse.facts import Facts
from tradai_tasks.affected.resolve.model import Member
from tradai_tasks.affected.rules.catalog import DEFAULT, RuleSet
from tradai_tasks.files.cache_folder import CacheFolder
from tradai_tasks.files.file_reading import read_file
from tradai_tasks.vcs.index_stamps import Stamp

# Rooms that import this one, so that nothing that is kept depends on them.
ROOMS_ABOVE = frozenset(
    {"backtest", "docs", "doctor", "infra", "release", "results", "sessions", "workflows"}
)
_DIGEST = 16  # bytes
_CHECKSUM = 4  # bytes


class StoredEdges(msgspec.Struct, array_like=True, forbid_unknown_fields=True, gc=False):
    """The edges of one frame: of a set of paths, members and whatever else steers names.

    A node is a number: the place of a file among the sorted paths, and from there on the place in
    `lazy_names`.
    """

    edges: dict[str, tuple[int, ...]]  # "path\0digest" -> the nodes that the file loads
    lazy_names: list[tuple[int, str]]  # (lazy module, name)
    lazy_targets: list[tuple[int, ...]]  # for each of `lazy_names`, the nodes that it loads
    undeclared: dict[str, tuple[str, ...]]  # "path\0digest" -> modules it should declare


class _Stored(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The whole of a cache file."""

    facts: dict[str, Facts]
    links: dict[str, StoredEdges]
    members: dict[str, tuple[Member, ...]]


class _Stamps(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The whole of a file beside it, which changes less often."""

    stamps: dict[str, Stamp]


_File = TypeVar("_File", _Stored, _Stamps)


def sources_digest(folder: Path, without: Collection[str] = ()) -> bytes | None:
    """Return a digest of the Python sources in a folder; None where there are none to be read."""
    digest = hashlib.sha256()  # which processors have instructions for
    names = []
    for place, folders, files in os.walk(folder):
        if place == str(folder):
            folders[:] = [name for name in folders if name not in without]
        names += [f"{place}{os.sep}{name}" for name in files if name.endswith(".py")]
    for name in sorted(names):
        try:
            data = read_file(name)
        except OSError:
            return None
        digest.update(f"{name.removeprefix(str(folder))}\0{len(data)}\0".encode())
        digest.update(data)
    return digest.digest() if names else None


@functools.cache
def _version(rules: str | None) -> bytes | None:
    """Return a digest of all that decides what is kept: this library's sources, and Python.

    Only rooms that this one cannot import are left out, so that nothing can be forgotten. None
    where the sources cannot be read: then nothing is kept.
    """
    if rules is None:
        return None
    library = sys.modules[__name__.partition(".")[0]].__file__
    sources = sources_digest(Path(library).parent, ROOMS_ABOVE) if library else None
    if sources is None:
        return None
    beside = (rules, sys.version, sys.platform, msgspec.__version__, packaging.__version__)
    return hashlib.blake2b(sources + repr(beside).encode(), digest_size=_DIGEST).digest()


def _checksum(data: bytes | memoryview) -> bytes:
    """Return a checksum against faults, not forgers: they can write to no folder that is read."""
    return zlib.crc32(data).to_bytes(_CHECKSUM, "big")


class Cache:
    """Facts by key: how a file is read, and the digest of its bytes."""

    def __init__(self, folder: CacheFolder, name: str, rules: RuleSet = DEFAULT) -> None:
        self.rules = rules
        self._folder = folder
        self._version = _version(rules.version)
        self._name = f"imports-{name}-{(self._version or b'').hex()}"
        self.facts: dict[str, Facts] = {}
        self.links: dict[str, StoredEdges] = {}
        self.members: dict[str, tuple[Member, ...]] = {}
        self.stamps: dict[str, Stamp] = {}  # by path
        self._used_links: list[str] = []
        self._used_members: list[str] = []
        self._used: set[str] = set()
        self._used_stamps: set[str] = set()
        self._changed = self._seen_anew = False
        if (stored := self._read(_Stored)) is not None:
            self.facts, self.links, self.members = stored.facts, stored.links, stored.members
        if (seen := self._read(_Stamps)) is not None:
            self.stamps = seen.stamps

    @property
    def fault(self) -> str:
        """Why the folder is not used, in one line, or empty."""
        return self._folder.fault

    def _file(self, kind: type[_Stored | _Stamps]) -> str:
        return f"{self._name}{'-stamps' if kind is _Stamps else ''}.msgpack"

    def _read(self, kind: type[_File]) -> _File | None:
        data = self._folder.read(self._file(kind)) if self._version else None
        if not data or data[:_DIGEST] != self._version:
            return None
        body = memoryview(data)[_DIGEST + _CHECKSUM :]
        if data[_DIGEST : _DIGEST + _CHECKSUM] != _checksum(body):
            return None
        return msgspec.msgpack.decode(body, type=kind)

    def _write(self, stored: _Stored | _Stamps, version: bytes) -> None:
        try:
            body = msgspec.msgpack.encode(stored)
        except UnicodeEncodeError:  # a file's name, or a text in one, is no Unicode
            return
        data = b"".join((version, _checksum(body), body))
        self._folder.write(self._file(type(stored)), data)

    def put(self, facts: Mapping[str, Facts], stamps: Mapping[str, Stamp]) -> None:
        """Add facts by key, and what was seen of files by path."""
        self.facts.update(facts)
        self.stamps.update(stamps)
        self._changed |= bool(facts)
        self._seen_anew |= bool(stamps)

    def use(self, keys: Iterable[str], paths: Iterable[str]) -> None:
        """Note which facts and files were asked for: these are kept."""
        self._used.update(keys)
        if self.stamps:
            self._used_stamps.update(paths)

    def get_links(self, frame: str) -> StoredEdges | None:
        """Return the edges that are known of a frame."""
        self._used_links.append(frame)
        return self.links.get(frame)

    def put_links(self, frame: str, links: StoredEdges) -> None:
        """Keep the edges of a frame."""
        self.links[frame] = links
        self._changed = True

    def get_members(self, shape: str) -> tuple[Member, ...] | None:
        """Return the members that are known of a shape: a digest of all that they depend on."""
        self._used_members.append(shape)
        return self.members.get(shape)

    def put_members(self, shape: str, members: Sequence[Member]) -> None:
        """Keep the members of a shape."""
        self.members[shape] = tuple(members)
        self._changed = True

    def save(self) -> None:
        """Write the file where something was added; runs beside this one never see half of it.

        Of what was not used this time only as much is kept as was used, so that the file does not
        grow for ever.
        """
        if self._version is None:
            return
        if self._seen_anew:
            used = self._used_stamps
            stamps = {path: stamp for path, stamp in self.stamps.items() if path in used}
            self._write(_Stamps(stamps=stamps), self._version)
        if not self._changed:
            return
        unused = [key for key in self.facts if key not in self._used][-len(self._used) :]
        stored = _Stored(
            facts={key: self.facts[key] for key in (*unused, *self._used)},
            links={key: self.links[key] for key in self._used_links if key in self.links},
            members={key: self.members[key] for key in self._used_members if key in self.members},
        )
        self._write(stored, self._version)
