"""A commit in memory: files as a dict, and the import graph of them."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Iterator, Mapping, Sequence
from functools import cached_property
from pathlib import Path

from tradai_tasks.affected.graph.fact_cache import Cache
from tradai_tasks.affected.graph.graph_builder import build_graph
from tradai_tasks.affected.graph.import_graph import ImportGraph
from tradai_tasks.affected.resolve.model import Member
from tradai_tasks.files.cache_folder import CacheFolder
from tradai_tasks.vcs.index_stamps import Stamp
from tradai_tasks.vcs.snapshot_protocol import Loaded


class MemorySnapshot:
    """Files by path; the blob id is a digest of the content, as git's is."""

    def __init__(self, files: Mapping[str, str | bytes]) -> None:
        self.contents = {
            path: text if isinstance(text, bytes) else text.encode() for path, text in files.items()
        }
        self.reads: list[str] = []

    @cached_property
    def blobs(self) -> dict[str, str]:
        return {path: hashlib.sha1(data).hexdigest() for path, data in self.contents.items()}

    def known(self, paths: Iterable[str], _: Mapping[str, Stamp]) -> dict[str, str]:
        blobs = self.blobs
        return {path: blobs[path] for path in paths}

    def load(self, paths: Iterable[str]) -> Iterator[tuple[str, Loaded]]:
        blobs = self.blobs
        for path in paths:
            self.reads.append(path)
            yield path, Loaded(self.contents[path], blobs[path])

    def learn(self, digests: Mapping[str, str]) -> None:
        """A commit never changes."""


def member(  # noqa: PLR0913 - the fields of a member
    path: str,
    *needs: str,
    name: str | None = None,
    roots: Sequence[str] | None = None,
    entry_points: Sequence[tuple[str, str]] = (),
    scripts: Sequence[tuple[str, str]] = (),
    third_party_members: Sequence[str] = (),
) -> Member:
    """A member named after its folder, in src layout unless `roots` says otherwise."""
    called = name or path.rpartition("/")[2]
    src = "src" if path == "." else f"{path}/src"
    return Member(
        name=called,
        path=path,
        source_roots=(src,) if roots is None else tuple(roots),
        closure=frozenset({called, *needs}),
        entry_points=tuple(entry_points),
        scripts=tuple(scripts),
        third_party_members=dict.fromkeys(third_party_members, "plug"),
    )


def cache_in(folder: Path) -> Cache:
    """The cache in a folder, as it is now."""
    return Cache(CacheFolder(folder), "0")


def graph_of(
    files: Mapping[str, str | bytes], members: Sequence[Member], *, cache: Cache | None = None
) -> ImportGraph:
    """The import graph of some files."""
    return build_graph(MemorySnapshot(files), members, cache=cache)


def affected(
    files: Mapping[str, str | bytes], members: Sequence[Member], *changed: str
) -> set[str]:
    """The members that a change of some files affects."""
    return set(graph_of(files, members).affected_by(changed))
