"""What was read from files, kept between runs by git blob id, outside the work tree."""

from __future__ import annotations

import os
import sys
import tempfile
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path

import msgspec

from tradai_tasks.affected.facts import EXTRACTOR_VERSION, Facts
from tradai_tasks.affected.model import Member

__all__ = ["Cache", "Links", "cache_folder"]


# Raised with every change of what linking yields, or of how members are found.
_LINKER_VERSION = 14
# The Python that runs decides which files parse and which names are the standard library's.
_VERSION = (EXTRACTOR_VERSION * 1000 + _LINKER_VERSION) * 1000 + sys.version_info.minor


class Links(msgspec.Struct, array_like=True, gc=False):
    """The edges of one frame: of a set of paths, members and whatever else steers names.

    A node is a number: the place of a file among the sorted paths, and from there on the place in
    `asked`.
    """

    edges: dict[str, tuple[int, ...]]  # "path\0blob id" -> the nodes that the file loads
    asked: list[tuple[int, str]]  # (lazy module, name)
    answers: list[tuple[int, ...]]  # for each of `asked`, the nodes that it loads
    undeclared: dict[str, tuple[str, ...]]  # "path\0blob id" -> modules it should declare


class _Kept(msgspec.Struct, array_like=True, frozen=True, gc=False):
    """A member; its closure by the places of the others beside it."""

    name: str
    path: str
    source_roots: tuple[str, ...]
    closure: tuple[int, ...]
    entry_points: tuple[tuple[str, str], ...]
    scripts: tuple[tuple[str, str], ...]


class _Stored(msgspec.Struct, array_like=True, frozen=True):
    """The whole of a cache file."""

    version: int
    facts: dict[str, Facts]
    links: dict[str, Links]
    members: dict[str, tuple[_Kept, ...]]


def cache_folder(env: Mapping[str, str]) -> Path:
    """Return the folder for caches: `TRADAI_TASKS_CACHE`, else the user's cache folder."""
    given = env.get("TRADAI_TASKS_CACHE")
    if given:
        return Path(given)
    if env.get("XDG_CACHE_HOME") and sys.platform != "darwin":
        return Path(env["XDG_CACHE_HOME"]) / "tradai-tasks"
    try:
        home = Path.home()
    except RuntimeError:  # a user whom nobody knows, as in containers, and no HOME
        return Path(tempfile.gettempdir()) / f"tradai-tasks-{os.getuid()}"
    return home / ("Library/Caches" if sys.platform == "darwin" else ".cache") / "tradai-tasks"


class Cache:
    """Facts by key; the key is a blob id and how the file is read."""

    def __init__(self, file: Path) -> None:
        """Read the file; one that is missing, broken or of another version counts as empty."""
        self.file = file
        self.facts: dict[str, Facts] = {}
        self.links: dict[str, Links] = {}
        self._members: dict[str, tuple[_Kept, ...]] = {}
        self._used_links: list[str] = []
        self._used_members: list[str] = []
        self._used: set[str] = set()
        self._changed = False
        try:
            stored = msgspec.msgpack.decode(file.read_bytes(), type=_Stored)
        except (OSError, msgspec.DecodeError):
            return
        if stored.version == _VERSION:
            self.facts, self.links = stored.facts, stored.links
            self._members = stored.members

    def get(self, keys: Iterable[str]) -> dict[str, Facts]:
        """Return the facts that are known of some keys."""
        found = {key: self.facts[key] for key in keys if key in self.facts}
        self._used.update(found)
        return found

    def put(self, facts: Mapping[str, Facts]) -> None:
        """Add facts."""
        self.facts.update(facts)
        self._used.update(facts)
        self._changed = self._changed or bool(facts)

    def get_links(self, frame: str) -> Links | None:
        """Return the edges that are known of a frame."""
        self._used_links.append(frame)
        return self.links.get(frame)

    def put_links(self, frame: str, links: Links) -> None:
        """Keep the edges of a frame."""
        self.links[frame] = links
        self._changed = True

    def get_members(self, shape: str) -> tuple[Member, ...] | None:
        """Return the members that are known of a shape: a digest of all that they depend on."""
        self._used_members.append(shape)
        kept = self._members.get(shape)
        if kept is None:
            return None
        names = [one.name for one in kept]
        return tuple(
            Member(
                name=one.name,
                path=one.path,
                source_roots=one.source_roots,
                closure=frozenset([names[place] for place in one.closure]),
                entry_points=one.entry_points,
                scripts=one.scripts,
            )
            for one in kept
        )

    def put_members(self, shape: str, members: Sequence[Member]) -> None:
        """Keep the members of a shape; each one's closure lies among them."""
        places = {member.name: place for place, member in enumerate(members)}
        self._members[shape] = tuple(
            _Kept(
                name=one.name,
                path=one.path,
                source_roots=one.source_roots,
                closure=tuple(sorted(places[name] for name in one.closure)),
                entry_points=one.entry_points,
                scripts=one.scripts,
            )
            for one in members
        )
        self._changed = True

    def save(self) -> None:
        """Write the file where something was added; runs beside this one never see half of it.

        Of what was not used this time only as much is kept as was used, so that the file does not
        grow for ever.
        """
        if not self._changed:
            return
        unused = [key for key in self.facts if key not in self._used][-len(self._used) :]
        kept = {key: self.facts[key] for key in (*unused, *self._used)}
        links = {frame: self.links[frame] for frame in self._used_links if frame in self.links}
        members = {key: self._members[key] for key in self._used_members if key in self._members}
        data = msgspec.msgpack.encode(
            _Stored(version=_VERSION, facts=kept, links=links, members=members)
        )
        try:
            self.file.parent.mkdir(parents=True, exist_ok=True)
            handle, name = tempfile.mkstemp(dir=self.file.parent)
            with os.fdopen(handle, "wb") as file:
                file.write(data)
            Path(name).replace(self.file)
        except OSError:
            return  # a cache that cannot be kept costs time, nothing else
