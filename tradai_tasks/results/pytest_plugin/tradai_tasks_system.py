"""`os` as the process found it: a test may replace any of it, also so that a call of it fails."""

from __future__ import annotations

import os as _given
from types import FunctionType, ModuleType
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import os

_MOST = 1 << 16  # bytes at a time


def _copied(module: ModuleType, **own: ModuleType) -> ModuleType:
    """Return a copy of a module whose functions call each other there."""
    copy = ModuleType(module.__name__)
    names = vars(copy)
    names.update({**vars(module), **own})
    for name, one in vars(module).items():
        if isinstance(one, FunctionType) and one.__globals__ is vars(module):
            made = FunctionType(one.__code__, names, name, one.__defaults__, one.__closure__)
            made.__kwdefaults__ = one.__kwdefaults__
            names[name] = made
    return copy


if not TYPE_CHECKING:
    os = _copied(_given, path=_copied(_given.path))
    os.path.os = os


def read_file(name: str) -> bytes:
    """Return what a file holds, without Python's own types of files, which may be replaced too.

    Raises:
        OSError: It cannot be read.
    """
    file = os.open(name, os.O_RDONLY | os.O_CLOEXEC)
    try:
        parts = []
        while part := os.read(file, _MOST):
            parts.append(part)
        return b"".join(parts)
    finally:
        os.close(file)


def write_file(name: str, content: bytes) -> None:
    """Write a small file, such as `read_file` reads.

    Raises:
        OSError: It cannot be written.
    """
    file = os.open(name, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC, 0o666)
    try:
        if os.write(file, content) < len(content):
            raise OSError(f"{name}: not all of it could be written")
    finally:
        os.close(file)
