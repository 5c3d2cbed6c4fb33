"""Read zip and tar archives within limits, without trusting the sizes they state."""

from __future__ import annotations

import gzip
import io
import lzma
import struct
import tarfile
import zipfile
import zlib
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path, PurePosixPath
from typing import BinaryIO, Self

_MEGABYTE = 1024 * 1024
_MOST_MEMBERS = 100_000
_MOST_UNPACKED = 2048 * _MEGABYTE  # bytes of a whole tar archive, unpacked
_DIRECTORY = 16 * _MEGABYTE  # bytes of a zip archive, which is read into memory
_HEADER = 64 * 1024  # bytes of a long name or other header of a tar member
_END, _END_SIZE, _END_SEARCHED = b"PK\x05\x06", 22, 22 + 0xFFFF
_LOCATOR, _LOCATOR_SIZE = b"PK\x06\x07", 20
_ENCRYPTED = 0x1
_WORDS = frozenset(
    {
        tarfile.GNUTYPE_LONGLINK, tarfile.GNUTYPE_LONGNAME, tarfile.SOLARIS_XHDTYPE,
        tarfile.XGLTYPE, tarfile.XHDTYPE,
    }
)  # fmt: skip
_BROKEN = (
    EOFError, KeyError, NotImplementedError, OSError, RuntimeError, ValueError, lzma.LZMAError,
    struct.error, tarfile.TarError, zipfile.BadZipFile, zlib.error,
)  # fmt: skip


class ArchiveError(Exception):
    """An archive that is broken or exceeds the limits; callers raise an error of their own."""


@contextmanager
def opened_zip(source: Path | bytes) -> Iterator[zipfile.ZipFile]:
    """Open a zip archive without unpacking it.

    Raises:
        ArchiveError: It is not a zip archive, or its directory exceeds the limits.
    """
    try:
        with io.BytesIO(source) if isinstance(source, bytes) else source.open("rb") as file:
            _check_directory(file)
            with zipfile.ZipFile(file) as archive:
                _check_names(one.filename for one in archive.infolist())
                yield archive
    except _BROKEN as error:
        raise ArchiveError(str(error) or type(error).__name__) from None


def read_member(archive: zipfile.ZipFile, name: str, most: int) -> bytes:
    """Return a member of a zip archive, of at most `most` bytes; raise ArchiveError if not."""
    try:
        one = archive.getinfo(name)
        if one.compress_type not in {zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED}:
            raise ArchiveError(f"{name}: compressed in a way that no wheel is")
        if one.flag_bits & _ENCRYPTED:
            raise ArchiveError(f"{name}: encrypted")
        if one.file_size > most:
            raise ArchiveError(_too_large(name, most))
        with archive.open(one) as member:
            content = member.read(most + 1)
    except _BROKEN as error:
        raise ArchiveError(str(error) or type(error).__name__) from None
    if len(content) > most:
        raise ArchiveError(_too_large(name, most))
    return content


def tar_member(
    source: Path | bytes, is_wanted: Callable[[str], bool], most: int
) -> dict[str, bytes]:
    """Return members of a gzipped tar archive, each of at most `most` bytes, in one reading.

    `is_wanted` returns for a member's name whether to return the member.

    Raises:
        ArchiveError: It is not a tar archive, or exceeds the limits.
    """
    found: dict[str, bytes] = {}
    try:
        with (
            io.BytesIO(source) if isinstance(source, bytes) else source.open("rb") as file,
            gzip.GzipFile(fileobj=file) as unpacked,
            tarfile.open(fileobj=_Bounded(unpacked), mode="r|", tarinfo=_Member) as archive,
        ):
            for count, one in enumerate(archive):
                if count >= _MOST_MEMBERS:
                    raise ArchiveError(f"more than {_MOST_MEMBERS} members")
                _check_names([one.name])
                if is_wanted(one.name) and one.isreg():
                    if one.size > most:
                        raise ArchiveError(_too_large(one.name, most))
                    if one.name in found:
                        raise ArchiveError(f"two members {one.name!r}")
                    member = archive.extractfile(one)
                    found[one.name] = b"" if member is None else member.read(most)
                archive.members.clear()  # type: ignore[attr-defined]  # else all members are kept
    except _BROKEN as error:
        raise ArchiveError(str(error) or type(error).__name__) from None
    return found


class _Bounded(io.RawIOBase):
    """A stream that raises after a number of bytes."""

    def __init__(self, inner: BinaryIO | gzip.GzipFile) -> None:
        self._inner = inner
        self._left = _MOST_UNPACKED

    def read(self, size: int = -1) -> bytes:
        found = self._inner.read(min(size, _MEGABYTE) if size >= 0 else _MEGABYTE)
        self._left -= len(found)
        if self._left < 0:
            raise ArchiveError(f"more than {_MOST_UNPACKED // _MEGABYTE} MB unpacked")
        return found


class _Member(tarfile.TarInfo):
    """A tar member with bounded headers, which are read into memory."""

    @classmethod
    def frombuf(cls, buf: bytes | bytearray, encoding: str | None, errors: str) -> Self:
        """Parse a header."""
        found = super().frombuf(buf, encoding, errors)  # type: ignore[arg-type]  # as it is called
        if found.type in _WORDS and found.size > _HEADER:
            raise ArchiveError(f"a header of {found.size} bytes")
        return found


def _check_directory(file: BinaryIO) -> None:
    """Raise for a zip archive whose directory is too large, before it is read."""
    size = file.seek(0, io.SEEK_END)
    start = max(0, size - _END_SEARCHED)
    file.seek(start)
    tail = file.read()
    at = len(tail) - _END_SIZE
    # where zipfile looks for it: at the very end, else before a comment
    if at < 0 or tail[at : at + 4] != _END or tail[-2:] != b"\0\0":
        at = tail.rfind(_END)
    if at < 0 or len(tail) < at + _END_SIZE:
        raise ArchiveError("no zip archive")
    if tail[max(0, at - _LOCATOR_SIZE) :].startswith(_LOCATOR):
        raise ArchiveError("a zip64 archive, which no wheel needs to be")
    if struct.unpack("<L", tail[at + 12 : at + 16])[0] > _DIRECTORY:
        raise ArchiveError(f"a directory of more than {_DIRECTORY // _MEGABYTE} MB")
    file.seek(0)


def _check_names(names: Iterator[str] | list[str]) -> None:
    for count, name in enumerate(names):
        if count >= _MOST_MEMBERS:
            raise ArchiveError(f"more than {_MOST_MEMBERS} members")
        path = PurePosixPath(name)
        if path.is_absolute() or ".." in path.parts or "\\" in name or not name.isprintable():
            raise ArchiveError(f"a member {name[:200]!r}, which would stand outside")


def _too_large(name: str, most: int) -> str:
    return f"{name}: of more than {most // _MEGABYTE} MB"
