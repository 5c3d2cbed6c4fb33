"""The files of one end of a commit range: of a commit, or of the work tree.

A symbolic link to a file inside the workspace has the id and the content of the file it leads to,
as Python and every other reader sees it, and what lies in a folder is there under each link to the
folder too; `links` tells where each link leads, since a change there
changes the link too. Any other link has the id and the content that git keeps: the target's path.
Submodules are no files; `submodules` lists their paths.
"""

from __future__ import annotations

import hashlib
import os
import posixpath
from bisect import bisect_left
from collections.abc import Iterable, Mapping
from functools import cached_property, partial
from pathlib import Path
from types import MappingProxyType

from tradai_tasks.affected.git import Entry, Git, StatusEntry
from tradai_tasks.errors import GitError

__all__ = ["CommitSnapshot", "SnapshotTree", "WorktreeSnapshot"]

_LINK = "120000"
_SUBMODULE = "160000"
_LARGE = 16_000_000  # bytes; what is larger is hashed part by part, and read again if need be
_AT_ONCE = 1 << 16  # bytes
_MOST_HOPS = 40  # of a chain of links, as Linux allows


class _Files:
    """Entries divided into files, links and submodules."""

    def __init__(self, git: Git, entries: Iterable[Entry], targets: Mapping[str, str]) -> None:
        """Index entries.

        Args:
            git: Where the blobs of links are read from.
            entries: One for each path.
            targets: What links that git does not know lead to, by path.
        """
        self.own: dict[str, str] = {}
        self.submodules: set[str] = set()
        links: list[Entry] = []
        for entry in entries:
            if entry.mode == _SUBMODULE:
                self.submodules.add(entry.path)
            else:
                self.own[entry.path] = entry.blob
                if entry.mode == _LINK:
                    links.append(entry)
        stored = git.read(link.blob for link in links if link.path not in targets)
        self.links: dict[str, str] = {}
        for link in links:
            target = targets.get(link.path)
            if target is None:
                target = stored[link.blob].decode("utf-8", "surrogateescape")
            folder = posixpath.dirname(link.path)
            self.links[link.path] = posixpath.normpath(posixpath.join(folder, target))
        self.blobs = dict(self.own)
        self.read_at: dict[str, str] = {}  # a link -> the file it leads to
        for path in self.links:
            end = follow(path, self.links)
            if end is not None and end in self.own and end not in self.links:
                self._show(path, end)
        self._show_folders()

    def _show(self, path: str, end: str) -> None:
        self.read_at[path] = end
        self.blobs[path] = self.own[end]

    def _show_folders(self) -> None:
        """Show what lies below a link to a folder there too: Python imports it by that path."""
        files = sorted(self.own) if self.links else []
        for path in self.links:
            folder = follow(path, self.links)
            if folder is None or path in self.read_at or f"{path}/".startswith(f"{folder}/"):
                continue  # a link to a folder around it has no end
            for place in range(bisect_left(files, f"{folder}/"), len(files)):
                if not files[place].startswith(f"{folder}/"):
                    break
                if files[place] not in self.links:
                    self._show(path + files[place].removeprefix(folder), files[place])

    def links_to(self, paths: Iterable[str]) -> dict[str, str]:
        """Return under which other paths files are read too, each with the file's own path."""
        wanted = set(paths)
        return {link: end for link, end in self.read_at.items() if end in wanted} if wanted else {}


def follow(path: str, links: Mapping[str, str]) -> str | None:
    """Return where a path leads once every link on it is followed; None in a circle."""
    for _ in range(_MOST_HOPS):
        parts = path.split("/")
        for end in range(1, len(parts) + 1):
            target = links.get("/".join(parts[:end]))
            if target is not None:
                path = posixpath.normpath("/".join([target, *parts[end:]]))
                break
        else:
            return path
    return None


class CommitSnapshot:
    """The files of a commit, below the workspace root."""

    def __init__(self, git: Git, commit: str) -> None:
        """List the commit's files.

        Raises:
            GitError: git does not know the commit.
        """
        self._git = git
        self._files = _Files(git, git.tree(commit), {})
        self.blobs: Mapping[str, str] = MappingProxyType(self._files.blobs)
        self.links: Mapping[str, str] = MappingProxyType(self._files.links)
        self.submodules = frozenset(self._files.submodules)

    def links_to(self, paths: Iterable[str]) -> dict[str, str]:
        """Return under which other paths files are read too, each with the file's own path."""
        return self._files.links_to(paths)

    def read(self, paths: Iterable[str]) -> dict[str, bytes]:
        """Return the content of files, in one batch.

        Raises:
            KeyError: A path is no file of the commit.
            GitError: The clone lacks a file.
        """
        wanted = {path: self.blobs[path] for path in paths}
        contents = self._git.read(wanted.values())
        return {path: contents[blob] for path, blob in wanted.items()}


class WorktreeSnapshot:
    """The files of the work tree, below the workspace root: tracked, and untracked ones too.

    Files that an ignore rule names are left out, as are deleted ones. Files that a sparse
    checkout leaves off the disk are there all the same, as git keeps them. Where git changes a
    file on its way to the disk (line ends, large-file storage), content is what is on the disk.
    """

    def __init__(self, git: Git, status: Iterable[StatusEntry] | None = None) -> None:
        """List the work tree's files; those that differ from the index are read and hashed.

        Args:
            git: The repository.
            status: What `git.status()` returned, where it was asked already.

        Raises:
            GitError: git failed.
        """
        self._git = git
        entries: dict[str, Entry] = {}
        for entry in git.index():
            entries.setdefault(entry.path, entry)  # in a conflict there are up to three
        self._contents: dict[str, bytes] = {}
        targets: dict[str, str] = {}
        for path in _touched(git.status() if status is None else status):
            known = entries.pop(path, None)
            if known is not None and known.mode == _SUBMODULE:
                entries[path] = known
                continue
            found = self._on_disk(path)
            if found is not None:
                entries[path] = found
                if found.mode == _LINK:
                    targets[path] = os.fsdecode(self._contents[path])
        self._files = _Files(git, entries.values(), targets)
        self.blobs: Mapping[str, str] = MappingProxyType(self._files.blobs)
        self.links: Mapping[str, str] = MappingProxyType(self._files.links)
        self.submodules = frozenset(self._files.submodules)

    def links_to(self, paths: Iterable[str]) -> dict[str, str]:
        """Return under which other paths files are read too, each with the file's own path."""
        return self._files.links_to(paths)

    def read(self, paths: Iterable[str]) -> dict[str, bytes]:
        """Return the content of files: from the disk, in a sparse checkout also from git.

        Raises:
            KeyError: A path is no file of the work tree.
            GitError: A file that is neither on disk nor in the clone.
        """
        found: dict[str, bytes] = {}
        missing: dict[str, str] = {}
        for path in paths:
            blob = self.blobs[path]
            at = self._files.read_at.get(path, path)
            content = self._contents.get(at)
            if content is None and at not in self.links:
                content = self._content(at)
            if content is None:  # left off the disk by a sparse checkout, or a link
                missing[path] = blob
            else:
                found[path] = content
        contents = self._git.read(missing.values())
        return found | {path: contents[blob] for path, blob in missing.items()}

    def _content(self, path: str) -> bytes | None:
        try:
            return _read(f"{self._git.folder}/{path}")
        except (FileNotFoundError, NotADirectoryError, IsADirectoryError):
            return None
        except OSError as error:
            raise GitError(f"{path}: cannot be read: {error.strerror}") from None

    def _on_disk(self, path: str) -> Entry | None:
        """Read and hash a file that is not as the index has it; None where it is gone."""
        where = self._git.folder / path
        if where.is_symlink():
            mode, content = _LINK, os.fsencode(where.readlink())
        elif where.is_file() and (size := where.stat().st_size) > _LARGE:
            return Entry(path, "100644", self._large(where, size))
        else:
            found = self._content(path)
            if found is None:
                # an untracked repository is listed as a folder
                return Entry(path, _SUBMODULE, "") if where.is_dir() else None
            mode, content = "100644", found
        self._contents[path] = content
        return Entry(path, mode, self._git.blob_id(content))

    def _large(self, where: Path, size: int) -> str:
        """Return the blob id of a file that is not to be held in memory: a model, a recording."""
        try:
            digest = hashlib.new(self._git.hashed_by, b"blob %d\0" % size, usedforsecurity=False)
            with where.open("rb") as file:
                for part in iter(partial(file.read, _LARGE), b""):
                    digest.update(part)
            return digest.hexdigest()
        except OSError as error:
            raise GitError(f"{where}: cannot be read: {error.strerror}") from None


def _touched(status: Iterable[StatusEntry]) -> Iterable[str]:
    """Return the paths below the folder that are not on disk as the index has them."""
    for entry in status:
        if entry.worktree != "." and not entry.path.startswith("../"):
            yield entry.path


def _read(path: str) -> bytes:
    """Return a file's content: of many small files in half the time that open() takes."""
    file = os.open(path, os.O_RDONLY)
    try:
        content = os.read(file, _AT_ONCE)
        if len(content) < _AT_ONCE:  # of a file on disk, all of it
            return content
        parts = [content]
        while content := os.read(file, _AT_ONCE):
            parts.append(content)
        return b"".join(parts)
    finally:
        os.close(file)


class SnapshotTree:
    """A snapshot as a tree of folders, so that discovery runs on any revision."""

    def __init__(self, snapshot: CommitSnapshot | WorktreeSnapshot) -> None:
        """Show a snapshot as a tree."""
        self._snapshot = snapshot
        self._held: dict[str, bytes] = {}

    @cached_property
    def _listed(self) -> tuple[dict[str, set[str]], dict[str, set[str]]]:
        """The names of files, and of folders, in each folder; most are never asked for."""
        files: dict[str, set[str]] = {}
        folders: dict[str, set[str]] = {".": set()}
        for path in self._snapshot.blobs:
            folder, name = _split(path, folders)
            files.setdefault(folder, set()).add(name)
        for path in self._snapshot.links:
            if self._resolved(path) in folders:
                folder, name = _split(path, folders)
                files[folder].discard(name)
                folders[folder].add(name)
        return files, folders

    def read(self, path: str) -> bytes:
        """Return a file's content.

        Raises:
            FileNotFoundError: There is no such file.
        """
        at = self._resolved(path)
        if at not in self._snapshot.blobs:
            raise FileNotFoundError(path)
        if at not in self._held:
            name = posixpath.basename(at)
            # discovery reads every file of these names, one after the other
            alike = name in {"pyproject.toml", "uv.lock"}
            wanted = [p for p in self._snapshot.blobs if p.endswith(f"/{name}")] if alike else []
            self._held.update(self._snapshot.read({*wanted, at}))
        return self._held[at]

    def is_file(self, path: str) -> bool:
        """Tell whether the path is a file, or a link to one."""
        return self._resolved(path) in self._snapshot.blobs

    def files(self, path: str) -> tuple[str, ...]:
        """Return the names of a folder's files, sorted; none where there is no such folder."""
        return tuple(sorted(self._listed[0].get(self._resolved(path), ())))

    def folders(self, path: str) -> tuple[str, ...]:
        """Return the names of a folder's sub-folders, sorted; none where there is no such one."""
        return tuple(sorted(self._listed[1].get(self._resolved(path), ())))

    def _resolved(self, path: str) -> str:
        path = posixpath.normpath(path)
        # a circle of links leads nowhere, and a snapshot has no path ""
        return (follow(path, self._snapshot.links) or "") if self._snapshot.links else path


def _split(path: str, folders: dict[str, set[str]]) -> tuple[str, str]:
    """Return a path's folder and name; the folder, and those above it, are noted."""
    folder, _, name = path.rpartition("/")
    folder = folder or "."
    if folder not in folders:
        folders[folder] = set()
        above, own = _split(folder, folders)
        folders[above].add(own)
    return folder, name
