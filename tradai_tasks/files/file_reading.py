"""Read small files in half the time that `open` takes."""

from __future__ import annotations

import os
import stat
from functools import partial

_SMALL = 1 << 16  # bytes that the first calls read
_MOST_AT_ONCE = 1 << 30  # and each after them


def read_file(path: str) -> bytes:
    """Return a regular file's content.

    Raises:
        FileNotFoundError: There is none, but for instance a device that has no end.
        OSError: It cannot be read.
    """
    file = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)  # a pipe would wait for ever
    try:
        content = os.read(file, _SMALL)
        if not (more := os.read(file, _SMALL)):
            return content
        found = os.fstat(file)
        if not stat.S_ISREG(found.st_mode):
            raise FileNotFoundError(path)
        rest = partial(os.read, file, min(max(found.st_size, _SMALL), _MOST_AT_ONCE))
        return b"".join([content, more, *iter(rest, b"")])
    finally:
        os.close(file)
