"""What the import graph is built from: the members of a workspace and the files of one commit."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Protocol

__all__ = ["Member", "Snapshot"]


@dataclass(frozen=True, kw_only=True, slots=True)
class Member:
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


class Snapshot(Protocol):
    """The files of one end of a commit range, by POSIX path from the workspace root."""

    @property
    def blobs(self) -> Mapping[str, str]:
        """Path -> git blob id, for every file."""
        ...

    def read(self, paths: Iterable[str]) -> dict[str, bytes]:
        """Return the content of the files, read in one batch."""
        ...
