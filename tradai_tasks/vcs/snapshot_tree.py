"""Present a snapshot as a tree of folders, so that discovery runs on any revision."""

from __future__ import annotations

import posixpath
from functools import cached_property

from tradai_tasks.vcs.snapshot import CommitSnapshot, WorktreeSnapshot, follow


class SnapshotTree:
    """A snapshot as a tree of folders, so that discovery runs on any revision."""

    def __init__(self, snapshot: CommitSnapshot | WorktreeSnapshot) -> None:
        """Wrap a snapshot."""
        self._snapshot = snapshot
        self._held: dict[str, bytes] = {}

    @cached_property
    def _listed(self) -> tuple[dict[str, set[str]], dict[str, set[str]]]:
        """The names of files and of folders in each folder, listed when needed."""
        files: dict[str, set[str]] = {}
        folders: dict[str, set[str]] = {".": set()}
        for path in self._snapshot.blobs:
            folder, name = _split(path, folders)
            files.setdefault(folder, set()).add(name)
        for path in self._snapshot.links:
            end = self._resolved(path)
            # a link to a parent folder would be infinite
            if end in folders and end != "." and not f"{path}/".startswith(f"{end}/"):
                folder, name = _split(path, folders)
                files[folder].discard(name)
                folders[folder].add(name)
        return files, folders

    def read(self, path: str) -> bytes:
        """Return a file's content; raise FileNotFoundError if there is no such file."""
        at = self._resolved(path)
        if at not in self._snapshot.blobs:
            raise FileNotFoundError(path)
        if at not in self._held:
            name = posixpath.basename(at)
            # discovery reads every file with these names: read them in one batch
            alike = name in {"pyproject.toml", "uv.lock"}
            wanted = [p for p in self._snapshot.blobs if p.endswith(f"/{name}")] if alike else []
            self._held.update(self._snapshot.read({*wanted, at}))
        return self._held[at]

    def is_file(self, path: str) -> bool:
        """Return whether the path is a file, or a link to one."""
        return self._resolved(path) in self._snapshot.blobs

    def files(self, path: str) -> tuple[str, ...]:
        """Return the names of a folder's files, sorted; empty if the folder does not exist."""
        return tuple(sorted(self._listed[0].get(self._resolved(path), ())))

    def folders(self, path: str) -> tuple[str, ...]:
        """Return the names of a folder's sub-folders, sorted; empty if it does not exist."""
        return tuple(sorted(self._listed[1].get(self._resolved(path), ())))

    def _resolved(self, path: str) -> str:
        path = posixpath.normpath(path)
        # a loop of links leads nowhere, and a snapshot has no path ""
        return (follow(path, self._snapshot.links) or "") if self._snapshot.links else path


def _split(path: str, folders: dict[str, set[str]]) -> tuple[str, str]:
    """Return a path's folder and name; record the folder and those above it."""
    folder, _, name = path.rpartition("/")
    folder = folder or "."
    if folder not in folders:
        folders[folder] = set()
        above, own = _split(folder, folders)
        folders[above].add(own)
    return folder, name
