"""Interface to a folder tree, on disk or at a revision, as workspace discovery reads it."""

from __future__ import annotations

import fnmatch
import os
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import Protocol

from tradai_tasks.files.file_reading import read_file


class Tree(Protocol):
    """A tree of files by POSIX path from its root; the root itself is `"."`."""

    def read(self, path: str) -> bytes:
        """Return a file's content; raise FileNotFoundError if there is no such file."""
        ...

    def is_file(self, path: str) -> bool:
        """Return whether the path is a file."""
        ...

    def files(self, path: str) -> tuple[str, ...]:
        """Return the names of a folder's files, sorted; empty if the folder does not exist."""
        ...

    def folders(self, path: str) -> tuple[str, ...]:
        """Return the names of a folder's sub-folders, sorted; empty if it does not exist."""
        ...


class DiskTree:
    """A tree of a folder on disk, with cached listings."""

    def __init__(self, root: Path) -> None:
        """Create a tree of `root`."""
        self.root = root
        self._prefix = f"{root}{os.sep}"  # joins by pathlib would take longer than the listing
        self._listed: dict[str, tuple[tuple[str, ...], tuple[str, ...]]] = {}

    def read(self, path: str) -> bytes:
        """Return a file's content."""
        return read_file(f"{self._prefix}{path}")

    def is_file(self, path: str) -> bool:
        """Return whether the path is a file."""
        return os.path.isfile(f"{self._prefix}{path}")  # noqa: PTH113 - as in __init__

    def files(self, path: str) -> tuple[str, ...]:
        """Return the names of a folder's files, sorted."""
        return self._list(path)[0]

    def folders(self, path: str) -> tuple[str, ...]:
        """Return the names of a folder's sub-folders, sorted."""
        return self._list(path)[1]

    def _list(self, path: str) -> tuple[tuple[str, ...], tuple[str, ...]]:
        if path not in self._listed:
            files: list[str] = []
            folders: list[str] = []
            try:
                with os.scandir(f"{self._prefix}{path}") as entries:
                    for entry in entries:
                        (folders if _is_folder(entry) else files).append(entry.name)
            except (FileNotFoundError, NotADirectoryError):
                pass  # the folder does not exist
            self._listed[path] = (tuple(sorted(files)), tuple(sorted(folders)))
        return self._listed[path]


def _is_folder(entry: os.DirEntry[str]) -> bool:
    try:
        return entry.is_dir()
    except OSError:  # a loop of links
        return False


def join(folder: str, name: str) -> str:
    """Return the path of `name` in `folder`, both from the root; `.` and `..` are resolved."""
    parts: list[str] = []
    for part in f"{folder}/{name}".split("/"):
        if part in {"", "."}:
            continue
        if part == ".." and parts and parts[-1] != "..":
            parts.pop()
        else:
            parts.append(part)
    return "/".join(parts) or "."


def is_visible(name: str) -> bool:
    """Return whether a folder, by its name, is neither hidden nor Python's cache."""
    return not name.startswith((".", "__pycache__"))


def all_files(
    tree: Tree, folder: str = ".", *, enters: Callable[[str], bool] | None = None
) -> Iterator[str]:
    """Yield the paths of all files in a folder and below it; `enters` is asked by folder names."""
    yield from (join(folder, name) for name in tree.files(folder))
    for name in tree.folders(folder):
        if enters is None or enters(name):
            yield from all_files(tree, join(folder, name), enters=enters)


def folders_above(paths: Iterable[str]) -> frozenset[str]:
    """Return the parent folders of some paths, without the root."""
    found: set[str] = set()
    for path in paths:
        folder = path.rpartition("/")[0]
        while folder and folder not in found:
            found.add(folder)
            folder = folder.rpartition("/")[0]
    return frozenset(found)


def glob_folders(tree: Tree, pattern: str) -> tuple[str, ...]:
    """Return the folders that match a glob from the root, sorted.

    `*`, `?` and `[...]` match within one part of the path, `**` any number of parts, as uv's
    workspace globs do. Hidden folders are matched only by a part that begins with a dot.
    """
    parts = [part for part in pattern.split("/") if part not in {"", "."}]
    return tuple(sorted(set(_match(tree, ".", parts))))


def _match(tree: Tree, folder: str, parts: list[str]) -> Iterator[str]:
    if not parts:
        yield folder
        return
    head, rest = parts[0], parts[1:]
    if head == "**":
        yield from _match(tree, folder, rest)
        for name in tree.folders(folder):
            if not name.startswith("."):
                yield from _match(tree, join(folder, name), parts)
    elif not any(char in head for char in "*?["):
        if head == ".." or head in tree.folders(folder):
            yield from _match(tree, join(folder, head), rest)
    else:
        for name in tree.folders(folder):
            if (not name.startswith(".") or head.startswith(".")) and fnmatch.fnmatchcase(
                name, head
            ):
                yield from _match(tree, join(folder, name), rest)
