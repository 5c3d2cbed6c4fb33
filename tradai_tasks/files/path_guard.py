"""Check that a file to write is inside a folder, with all links followed.

Where other code changes the folder meanwhile, a check before the write says nothing. There a file
is reached folder by folder, by descriptors, and no link is followed.
"""

from __future__ import annotations

import contextlib
import errno
import os
import stat
from collections.abc import Iterator
from pathlib import Path, PurePosixPath
from typing import BinaryIO

from tradai_tasks.errors import FileExistsAlreadyError

_FOLDER = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC
# EMLINK: a link, for FreeBSD
_NOT_THERE = frozenset({errno.ENOENT, errno.ENOTDIR, errno.ELOOP, errno.EMLINK})


def is_relative_below(name: str) -> bool:
    """Return whether a relative POSIX path, as it is written, stays below its folder."""
    path = PurePosixPath(name)
    return bool(path.parts) and not path.is_absolute() and ".." not in path.parts


def require_inside(root: Path, file: Path) -> Path:
    """Return a file to write, after checking that it is below a folder with all links followed.

    The file need not exist yet.

    Raises:
        FileExistsAlreadyError: It is outside the folder, or it is a link.
    """
    place = Path(os.path.realpath(file.parent))
    home = Path(os.path.realpath(root))
    shown = file.relative_to(root).as_posix() if file.is_relative_to(root) else str(file)
    if not place.is_relative_to(home):
        raise FileExistsAlreadyError(
            f"{shown}: a link leads out of {home}; nothing was written there; take the link away"
        )
    if file.is_symlink():
        raise FileExistsAlreadyError(
            f"{shown}: a link, which is not written through; put a file in its place"
        )
    return file


def read_below(folder: Path, name: str) -> bytes | None:
    """Return the content of a file below a folder; None where it is none, or a link leads there."""
    if not is_relative_below(name):
        return None
    try:
        with _above(folder, name) as home:
            # one that is a pipe must not be waited for
            flags = os.O_RDONLY | os.O_NOFOLLOW | os.O_CLOEXEC | os.O_NONBLOCK
            handle = os.open(PurePosixPath(name).name, flags, dir_fd=home)
        if not stat.S_ISREG(os.fstat(handle).st_mode):
            os.close(handle)
            return None
        with os.fdopen(handle, "rb") as opened:
            return opened.read()
    except OSError as error:
        if error.errno in _NOT_THERE:
            return None
        raise


def write_below(folder: Path, name: str, content: bytes) -> None:
    """Write a new file below a folder, and the folders above it, in place of one that is there."""
    with open_below(folder, name) as opened:
        opened.write(content)


def open_below(folder: Path, name: str) -> BinaryIO:
    """Return a new file below a folder, to write and read; raise OSError if a link leads there."""
    if not is_relative_below(name):
        raise ValueError(f"{name!r} is not below a folder")
    with _above(folder, name, make=True) as home:
        last = PurePosixPath(name).name
        with contextlib.suppress(FileNotFoundError):
            os.unlink(last, dir_fd=home)
        flags = os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC
        return os.fdopen(os.open(last, flags, 0o666, dir_fd=home), "w+b")


@contextlib.contextmanager
def _above(folder: Path, name: str, *, make: bool = False) -> Iterator[int]:
    """Yield the descriptor of the folder that a file is in; a link on the way is an error."""
    home = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        for part in PurePosixPath(name).parts[:-1]:
            if make:
                with contextlib.suppress(FileExistsError):
                    os.mkdir(part, dir_fd=home)
            inner = os.open(part, _FOLDER, dir_fd=home)
            os.close(home)
            home = inner
        yield home
    finally:
        os.close(home)
