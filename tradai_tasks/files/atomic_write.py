"""Write a file atomically, and remove the temporary files of killed writers."""

from __future__ import annotations

import contextlib
import os
import re
import time
from pathlib import Path

_LEFTOVER = re.compile(r"\..+\.\d+-[0-9a-f]{8}\.tmp", re.DOTALL)
_KILLED_AFTER = 3_600  # seconds; no writer takes nearly as long
_IGNORE_ALL = b"*\n"


def write_whole(file: Path, data: bytes, *, mode: int = 0o666, durable: bool = False) -> None:
    """Replace a file atomically: a reader sees all of the old or all of the new content.

    `mode` is before the umask. `durable` waits until the content is on the disk, to survive a power
    cut.

    Raises:
        OSError: It could not be written. The old file is unchanged, and nothing else is left.
    """
    scratch = file.with_name(f".{file.name}.{os.getpid()}-{os.urandom(4).hex()}.tmp")
    handle = os.open(scratch, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, mode)
    try:
        with os.fdopen(handle, "wb") as opened:
            opened.write(data)
            opened.flush()
            if durable:
                os.fsync(opened.fileno())
        scratch.replace(file)
    except BaseException:
        with contextlib.suppress(OSError):
            scratch.unlink()
        raise


def is_leftover(path: str) -> bool:
    """Return whether a path is a temporary file that a killed writer has left."""
    return _LEFTOVER.fullmatch(path.rpartition("/")[2]) is not None


def remove_leftovers(folder: Path, *, age: float = _KILLED_AFTER) -> None:
    """Remove temporary files of killed writers, but for those of fewer than `age` seconds.

    Raises:
        OSError: The folder cannot be listed, or a file cannot be removed.
    """
    with os.scandir(folder) as entries:
        for entry in entries:
            if is_leftover(entry.name):
                with contextlib.suppress(FileNotFoundError):  # another run was faster
                    if entry.stat(follow_symlinks=False).st_mtime <= time.time() - age:
                        Path(entry.path).unlink()


def is_ignored(folder: Path) -> bool:
    """Tell whether `ignore_folder` has hidden a folder.

    Raises:
        OSError: It could not be read.
    """
    try:
        return (folder / ".gitignore").read_bytes() == _IGNORE_ALL
    except FileNotFoundError:
        return False


def ignore_folder(folder: Path) -> None:
    """Make git ignore a folder, by a .gitignore in it; an empty one is replaced.

    Raises:
        OSError: It could not be written.
    """
    ignore = folder / ".gitignore"
    try:
        is_there = ignore.stat().st_size > 0
    except FileNotFoundError:
        is_there = False
    if not is_there:
        write_whole(ignore, _IGNORE_ALL)
