"""What the import graph is built from: the members of a workspace and the files of one commit."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import NamedTuple, Protocol

import msgspec

from tradai_tasks.affected.stamps import Stamp

__all__ = ["Loaded", "Member", "Snapshot"]


class Member(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A Python project of the workspace, as far as imports are concerned."""

    name: str  # PEP 503-normalised
    path: str  # its folder, POSIX from the workspace root; "." for the root itself
    source_roots: tuple[str, ...]  # folders that are on sys.path for it, from the workspace root
    closure: frozenset[str]  # members reachable from it in uv.lock (all extras and groups), and it
    entry_points: tuple[tuple[str, str], ...] = ()  # (group, "module:attribute") it declares
    scripts: tuple[tuple[str, str], ...] = ()  # (command, "module:attribute") it installs
    behind: frozenset[str] = frozenset()  # members that third parties among its closure need

    @property
    def is_project(self) -> bool:
        """Whether it is told what is installed with it; a unit's closure is what it may import."""
        return not self.name.startswith(("services:", "lambdas:", "stacks:"))


class Loaded(NamedTuple):
    """A file that was read."""

    data: bytes
    digest: str  # of these very bytes
    stamp: Stamp | None = None  # where the same bytes can be told from the file's state on disk


class Snapshot(Protocol):
    """The files of one end of a commit range, by POSIX path from the workspace root.

    A file has one content for as long as the snapshot is used; its digest is git's blob id of it.
    """

    @property
    def blobs(self) -> Mapping[str, str]:
        """Path -> git's blob id, for every file; empty where git has none that is the content's."""
        ...

    def known(self, paths: Iterable[str], stamps: Mapping[str, Stamp]) -> dict[str, str]:
        """Return the digests of those files for which it takes no reading.

        Args:
            paths: The files.
            stamps: What is known of files on disk, by path.
        """
        ...

    def load(self, paths: Iterable[str]) -> Iterator[tuple[str, Loaded]]:
        """Yield files with their content, as few at once as is fast."""
        ...

    def learn(self, digests: Mapping[str, str]) -> None:
        """Take over the digests of files that a copy of this process has read."""
        ...
