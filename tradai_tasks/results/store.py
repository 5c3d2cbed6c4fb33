"""Where results are kept: a folder, or a prefix of an S3 bucket.

Names are `<slot>/<test file>-<key>`. A record is written whole or not at all, and carries its own
digest, so that writers need not know of each other.
"""

from __future__ import annotations

import contextlib
import os
import re
import time
from collections.abc import Iterable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any, Protocol

import msgspec

from tradai_tasks.errors import ResultStoreError
from tradai_tasks.files.atomic_write import ignore_folder, remove_leftovers, write_whole
from tradai_tasks.files.cache_folder import CacheFolder, cache_folder

_BUCKET = re.compile(r"s3://([a-z0-9][a-z0-9.-]{1,61}[a-z0-9])(?:/(.*?))?/?\Z", re.DOTALL)
_NAME = re.compile(r"[0-9a-f]{32}/[0-9a-f]{32}-[0-9a-f]{32}(?:\.refuted)?")
_WRITTEN = "TRADAI_TASKS_WRITTEN"
_IN_USE = 86_400  # seconds after which a record that is read is marked as used
_READERS = 16  # requests to a server at a time
_TIMEOUT = 10  # seconds for an answer of a server
_KEPT_SHARE = 0.9  # of the size that is allowed, after some had to be removed


class Entry(msgspec.Struct, frozen=True, order=True):
    """A file of the store."""

    used: float  # when it was used last, in seconds since the epoch
    name: str
    size: int  # bytes


class Store(Protocol):
    """Files by name. All methods raise `ResultStoreError` where the place cannot be used."""

    place: str

    def entries(self, slot: str = "") -> list[Entry]:
        """Return the files of a slot, or all."""

    def read(self, names: Iterable[str]) -> dict[str, bytes]:
        """Return the content of those files that are there."""

    def write(self, name: str, data: bytes) -> None:
        """Write a file whole."""

    def remove(self, names: Iterable[str]) -> None:
        """Remove files; one that is not there is no fault."""


def open_store(setting: str | None, root: Path, env: Mapping[str, str]) -> Store:
    """Return the store of the setting `results.store`.

    Args:
        setting: A folder, from the root; `s3://bucket/prefix`; None for the user's cache folder.
        root: The repository.
        env: The environment; where `TRADAI_TASKS_WRITTEN` names a folder, what is written to a
            folder is written there, too, to be handed to another job.

    Raises:
        ResultStoreError: The setting is no place for results, or the folder is not trusted.
        CacheFolderError: `TRADAI_TASKS_CACHE` is relative.
    """
    if setting is None:
        folder = CacheFolder(cache_folder(env) / "results")
        if folder.fault:
            raise ResultStoreError(folder.fault)
        return FolderStore(folder.path, env.get(_WRITTEN))
    if not setting.startswith("s3:"):
        return FolderStore(root / setting, env.get(_WRITTEN))
    found = _BUCKET.match(setting)
    if found is None:
        raise ResultStoreError(f"results.store = {setting!r}: write it as s3://bucket/prefix")
    return BucketStore(found[1], found[2] or "")


def bound(store: Store, most: int) -> int:
    """Remove what was used longest ago until the store has at most `most` bytes.

    Returns:
        How many files were removed.

    Raises:
        ResultStoreError: The place cannot be used.
    """
    entries = sorted(store.entries(), reverse=True)  # the last used first
    if sum(entry.size for entry in entries) <= most:
        return 0
    left, removed = most * _KEPT_SHARE, []
    for entry in entries:
        left -= entry.size
        if left < 0:
            removed.append(entry.name)
    store.remove(removed)
    return len(removed)


class FolderStore:
    """A folder, which git ignores."""

    def __init__(self, folder: Path, copies: str | None = None) -> None:
        """Look at nothing yet."""
        self.place = str(folder)
        self._folder = folder
        self._copies = Path(copies) if copies else None

    def entries(self, slot: str = "") -> list[Entry]:
        """Return the files of a slot, or all."""
        with self._named("read"):
            folders = [self._folder / slot] if slot else _folders(self._folder)
            return [entry for folder in folders for entry in _files(folder)]

    def read(self, names: Iterable[str]) -> dict[str, bytes]:
        """Return the content of those files that are there."""
        found = {}
        with self._named("read"):
            for name in names:
                with contextlib.suppress(FileNotFoundError):
                    with (self._folder / name).open("rb") as opened:
                        found[name] = opened.read()
                        used = os.fstat(opened.fileno()).st_mtime
                    if used < time.time() - _IN_USE:
                        with contextlib.suppress(OSError):  # a store that may only be read
                            os.utime(self._folder / name)
        return found

    def write(self, name: str, data: bytes) -> None:
        """Write a file whole."""
        with self._named("written"):
            for folder in filter(None, (self._folder, self._copies)):
                file = folder / name
                if not file.parent.is_dir():
                    file.parent.mkdir(parents=True, exist_ok=True)
                    ignore_folder(folder)
                write_whole(file, data)

    def remove(self, names: Iterable[str]) -> None:
        """Remove files, and what writers that were killed have left."""
        with self._named("written"):
            for name in names:
                (self._folder / name).unlink(missing_ok=True)
            for folder in _folders(self._folder):
                remove_leftovers(folder)

    @contextlib.contextmanager
    def _named(self, what: str) -> Iterator[None]:
        try:
            yield
        except OSError as error:
            raise ResultStoreError(
                f"{self.place}: results cannot be {what}: {error.strerror}"
            ) from None


def _folders(folder: Path) -> list[Path]:
    try:
        return [one for one in folder.iterdir() if one.is_dir() and not one.is_symlink()]
    except FileNotFoundError:
        return []


def _files(folder: Path) -> Iterator[Entry]:
    try:
        with os.scandir(folder) as found:
            for one in found:
                name = f"{folder.name}/{one.name}"
                if _NAME.fullmatch(name) and one.is_file(follow_symlinks=False):
                    with contextlib.suppress(FileNotFoundError):  # removed by another run
                        known = one.stat(follow_symlinks=False)
                        yield Entry(known.st_mtime, name, known.st_size)
    except FileNotFoundError:
        return


class BucketStore:
    """A prefix of an S3 bucket. Credentials come from the usual AWS chain."""

    def __init__(self, bucket: str, prefix: str) -> None:
        """Connect to nothing yet."""
        self.place = f"s3://{bucket}/{prefix}".rstrip("/")
        self._bucket = bucket
        self._prefix = f"{prefix}/" if prefix else ""
        self._client: Any = None

    def _s3(self) -> Any:
        if self._client is None:
            import boto3  # noqa: PLC0415 - takes 0.3 s to load
            from botocore.config import Config  # noqa: PLC0415 - as above

            config = Config(
                retries={"mode": "standard", "total_max_attempts": 2},
                connect_timeout=_TIMEOUT,
                read_timeout=_TIMEOUT,
                max_pool_connections=_READERS,
            )
            region = os.environ.get("AWS_REGION") or os.environ.get("AWS_DEFAULT_REGION")
            session = boto3.session.Session(region_name=region)
            self._client = session.client("s3", config=config)
        return self._client

    def entries(self, slot: str = "") -> list[Entry]:
        """Return the files of a slot, or all."""
        found = []
        with self._named("read"):
            pages = self._s3().get_paginator("list_objects_v2")
            prefix = f"{self._prefix}{slot}/" if slot else self._prefix
            for page in pages.paginate(Bucket=self._bucket, Prefix=prefix):
                for one in page.get("Contents", ()):
                    name = one["Key"].removeprefix(self._prefix)
                    if _NAME.fullmatch(name):
                        found.append(Entry(one["LastModified"].timestamp(), name, one["Size"]))
        return found

    def read(self, names: Iterable[str]) -> dict[str, bytes]:
        """Return the content of those files that are there."""
        wanted = list(names)
        with self._named("read"):
            self._s3()
            with ThreadPoolExecutor(_READERS) as pool:
                found = list(pool.map(self._content, wanted))
        return {name: data for name, data in zip(wanted, found, strict=True) if data is not None}

    def _content(self, name: str) -> bytes | None:
        client = self._s3()
        try:
            answer = client.get_object(Bucket=self._bucket, Key=self._prefix + name)
            return bytes(answer["Body"].read())
        except client.exceptions.NoSuchKey:
            return None

    def write(self, name: str, data: bytes) -> None:
        """Write a file whole."""
        with self._named("written"):
            self._s3().put_object(Bucket=self._bucket, Key=self._prefix + name, Body=data)

    def remove(self, names: Iterable[str]) -> None:
        """Remove files."""
        with self._named("written"):
            for name in names:
                self._s3().delete_object(Bucket=self._bucket, Key=self._prefix + name)

    @contextlib.contextmanager
    def _named(self, what: str) -> Iterator[None]:
        try:
            yield
        except Exception as error:
            # botocore is loaded only where it is used, so its classes are known by their module
            if type(error).__module__.split(".")[0] not in {"boto3", "botocore", "urllib3"}:
                raise
            raise ResultStoreError(
                f"{self.place}: results cannot be {what}: {type(error).__name__}: {error}"
            ) from None
