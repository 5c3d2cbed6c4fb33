"""Protocol of a snapshot of all files of a commit or of the work tree."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import NamedTuple, Protocol

from tradai_tasks.vcs.index_stamps import Stamp


class Loaded(NamedTuple):
    """A file with its content."""

    data: bytes
    digest: str  # git's blob id of these bytes
    stamp: Stamp | None = None  # if the file's state on disk proves the same bytes


class Snapshot(Protocol):
    """The files of one end of a commit range, by POSIX path from the workspace root.

    A file keeps one content while the snapshot is used; its digest is the git blob id of that.
    """

    @property
    def blobs(self) -> Mapping[str, str]:
        """Path -> git's blob id for every file; empty if git has no blob of that content."""
        ...

    def known(self, paths: Iterable[str], stamps: Mapping[str, Stamp]) -> dict[str, str]:
        """Return the digests of those files that need not be read."""
        ...

    def load(self, paths: Iterable[str]) -> Iterator[tuple[str, Loaded]]:
        """Yield files with their content, in batches."""
        ...

    def learn(self, digests: Mapping[str, str]) -> None:
        """Take over the digests of files that a forked worker has read."""
        ...
