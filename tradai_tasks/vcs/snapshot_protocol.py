"""Protocol of a snapshot of all files of a commit or of the work tree."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import NamedTuple, Protocol

from tradai_tasks.vcs.index_stamps import Stamp

__all__ = ["Loaded", "Snapshot"]


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
