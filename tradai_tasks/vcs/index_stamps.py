"""File size and times by which a file of known content need not be read again."""

from __future__ import annotations

import os

import msgspec

# Nanoseconds for which a file must be unchanged before it is read: within one tick of a file
# system's clock (two seconds on the coarsest) a further write leaves the same times.
_SETTLED = 2_500_000_000


class Stamp(msgspec.Struct, array_like=True, frozen=True, forbid_unknown_fields=True, gc=False):
    """The state of a file on disk when its content was read."""

    digest: str  # git's blob id of the content
    size: int
    modified: int  # nanoseconds; a program can set it to anything
    changed: int  # nanoseconds; the system sets it with every change
    inode: int

    def holds(self, now: os.stat_result) -> bool:
        """Return whether a file cannot have changed since."""
        return (
            self.changed == now.st_ctime_ns
            and self.modified == now.st_mtime_ns
            and self.size == now.st_size
            and self.inode == now.st_ino
        )


def stamp_of(digest: str, found: os.stat_result, read_at: int) -> Stamp | None:
    """Return the stamp of a file; None if it could change without a change of the stamp.

    `digest` is the blob id of its content, `found` its state before it was read, at `read_at`, in
    nanoseconds since the epoch.
    """
    if max(found.st_ctime_ns, found.st_mtime_ns) > read_at - _SETTLED:
        return None
    return Stamp(
        digest=digest,
        size=found.st_size,
        modified=found.st_mtime_ns,
        changed=found.st_ctime_ns,
        inode=found.st_ino,
    )
