"""Snapshots of all files of a commit or of the work tree, with git's blob ids.

The id of a file is always computed from the bytes that were read. In the work tree, a file that git
reports as unchanged has the index's content: if the disk has another one, the file was saved a
moment ago, and the index's is used. If git does not check a file (`assume-unchanged`), or converts
its content on checkout (line ends, large-file storage), the content on disk counts.

A symbolic link to a file inside the workspace has the id and the content of its target, and the
files in a folder appear under each link to the folder too; `links` maps each link to its target,
since a change of the target changes the link too. Any other link has the id and the content of
git's blob: the target's path. Submodules are not files; `submodules` lists their paths.
"""

from __future__ import annotations

import os
import posixpath
import stat
import time
from bisect import bisect_left
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from types import MappingProxyType

from tradai_tasks.errors import GitError, WorkTreeChangedError
from tradai_tasks.files.file_reading import read_file
from tradai_tasks.vcs.git import Git
from tradai_tasks.vcs.git_records import LINK, SUBMODULE, Entry
from tradai_tasks.vcs.index_stamps import Stamp, stamp_of
from tradai_tasks.vcs.snapshot_protocol import Loaded
from tradai_tasks.vcs.work_tree import WorkTree, look

_MOST_HOPS = 40  # links in a chain, as in Linux
_MOST_LINKED = 100_000  # paths of files below linked folders; each costs memory as a file does


class _Snapshot:
    """What snapshots of a commit and of the work tree have in common."""

    def __init__(self, git: Git, entries: Iterable[Entry], targets: Mapping[str, bytes]) -> None:
        """Index entries, one for each path; `targets` are of links that differ on disk, by path."""
        self._git = git
        self._own: dict[str, str] = {}
        submodules: set[str] = set()
        found: list[Entry] = []
        for entry in entries:
            if entry.mode == SUBMODULE:
                submodules.add(entry.path)
            else:
                self._own[entry.path] = entry.blob
                if entry.mode == LINK:
                    found.append(entry)
        self.submodules = frozenset(submodules)
        stored = git.read(link.blob for link in found if link.path not in targets)
        links: dict[str, str] = {}
        self._texts: dict[str, bytes] = {}  # git's blobs of links
        for link in found:
            text = targets[link.path] if link.path in targets else stored[link.blob]
            self._texts[link.path] = text
            target = text.decode("utf-8", "surrogateescape")
            folder = posixpath.dirname(link.path)
            links[link.path] = posixpath.normpath(posixpath.join(folder, target))
        self.links: Mapping[str, str] = MappingProxyType(links)
        self._blobs = dict(self._own)
        self.blobs: Mapping[str, str] = MappingProxyType(self._blobs)
        self.fault = ""  # why not all paths through links are known, in one line
        self._read_at: dict[str, str] = {}  # link -> the file it leads to
        for path in links:
            end = follow(path, links)
            if end is not None and end in self._own and end not in links:
                self._show(path, end)
        self._show_folders()

    def _show(self, path: str, end: str) -> None:
        self._read_at[path] = end
        self._blobs[path] = self._own[end]

    def _show_folders(self) -> None:
        """Add files below a linked folder under the link's path, by which Python imports them."""
        files = sorted(self._own) if self.links else []
        for path in self.links:
            folder = follow(path, self.links)
            if folder is None or path in self._read_at or f"{path}/".startswith(f"{folder}/"):
                continue  # a link to a parent folder would be infinite
            for place in range(bisect_left(files, f"{folder}/"), len(files)):
                if not files[place].startswith(f"{folder}/"):
                    break
                if len(self._read_at) >= _MOST_LINKED:
                    self.fault = (
                        f"{path}: links to folders show over {_MOST_LINKED:,} files, too many to "
                        f"follow; take some of the links out of git"
                    )
                    return
                if files[place] not in self.links:
                    self._show(path + files[place].removeprefix(folder), files[place])

    def links_to(self, paths: Iterable[str]) -> dict[str, str]:
        """Return the further paths of files through links, each with the file's own path."""
        wanted = set(paths)
        return {link: end for link, end in self._read_at.items() if end in wanted} if wanted else {}


def follow(path: str, links: Mapping[str, str]) -> str | None:
    """Return a path with every link on it resolved; None for a loop."""
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


class CommitSnapshot(_Snapshot):
    """The files of a commit, below the workspace root."""

    def __init__(self, git: Git, commit: str, entries: Iterable[Entry] | None = None) -> None:
        """List the files of a commit, by its full id; raise GitError if git does not know it."""
        super().__init__(git, git.tree(commit) if entries is None else entries, {})

    def known(self, paths: Iterable[str], _: Mapping[str, Stamp]) -> dict[str, str]:
        """Return the digests of files: git's blob ids.

        Raises:
            KeyError: A path is not a file of the commit.
        """
        return {path: self.blobs[path] for path in paths}

    def load(self, paths: Iterable[str]) -> Iterator[tuple[str, Loaded]]:
        """Yield files with their content, read in one batch.

        Raises:
            KeyError: A path is not a file of the commit.
            GitError: A file is missing from the clone.
        """
        for path, data in self.read(paths).items():
            yield path, Loaded(data, self._git.blob_id(data))

    def learn(self, digests: Mapping[str, str]) -> None:
        """Do nothing: a commit never changes."""

    def read(self, paths: Iterable[str]) -> dict[str, bytes]:
        """Return the content of files, in one batch.

        Raises:
            KeyError: A path is not a file of the commit.
            GitError: A file is missing from the clone.
        """
        wanted = {path: self.blobs[path] for path in paths}
        contents = self._git.read(wanted.values())
        return {path: contents[blob] for path, blob in wanted.items()}


class WorktreeSnapshot(_Snapshot):
    """The files of the work tree, below the workspace root: tracked, and untracked ones too.

    Ignored and deleted files are left out. Files that a sparse checkout does not write to the disk
    are included, with git's content.
    """

    def __init__(self, git: Git, work: WorkTree | None = None) -> None:
        """List the work tree's files, by `look`; only links are read.

        Raises:
            GitError: git failed.
        """
        work = look(git) if work is None else work
        entries: dict[str, Entry] = {}
        for entry in work.index:
            entries.setdefault(entry.path, entry)  # a file in conflict has up to three entries
        targets: dict[str, bytes] = {}
        for path in _touched(work):
            known = entries.pop(path, None)
            if known is not None and known.mode == SUBMODULE:
                entries[path] = known
                continue
            found = _on_disk(git, path, targets)
            if found is not None:
                entries[path] = found
        super().__init__(git, entries.values(), targets)
        self._unsure = work.unsure
        # digests of changed files, which must not change while the snapshot lives
        self._digests: dict[str, str] = {}

    def known(self, paths: Iterable[str], stamps: Mapping[str, Stamp]) -> dict[str, str]:
        """Return the digests of files that are as the index, or as they were when read."""
        found: dict[str, str] = {}
        own, read_at, unsure = self._own, self._read_at, self._unsure
        for path in paths:
            at = read_at.get(path, path)
            digest = "" if at in unsure else own[at]  # as `_as_in_index`, which most are
            if not digest:
                digest = self._digests.get(at, "")
            if not digest and (stamp := stamps.get(path)) is not None:
                try:
                    now = os.lstat(f"{self._git.folder}/{at}")
                except OSError:
                    continue  # reported when it is read
                if stamp.holds(now):
                    digest = self._digests[at] = stamp.digest
            if digest:
                found[path] = digest
        return found

    def load(self, paths: Iterable[str]) -> Iterator[tuple[str, Loaded]]:
        """Yield files with their content, one at a time; those not on disk in one batch.

        Raises:
            GitError: A file cannot be read, or is neither on disk nor in the clone.
            WorkTreeChangedError: A file has changed during this run.
            KeyError: A path is not a file of the work tree.
        """
        kept: dict[str, str] = {}
        read_at, texts, git = self._read_at, self._texts, self._git
        for path in paths:
            at = read_at.get(path, path)
            if path not in self.blobs:
                raise KeyError(path)
            if at in texts:
                yield path, Loaded(texts[at], git.blob_id(texts[at]))
                continue
            blob = self._as_in_index(at)
            began = time.time_ns()
            state = None if blob else self._state(at)
            data = self._from_disk(at)
            digest = "" if data is None else git.blob_id(data)
            if blob and digest != blob:
                kept[path] = blob
            elif blob and data is not None:  # its digest need not be remembered
                yield path, Loaded(data, blob)
            elif state is None or data is None:
                raise _moved(at)
            else:
                self._note(at, digest)
                yield path, Loaded(data, digest, stamp_of(digest, state, began))
        contents = self._git.read(kept.values())
        for path, blob in kept.items():
            yield path, Loaded(contents[blob], blob)

    def _as_in_index(self, at: str) -> str:
        """Return the index's digest of a file that is certainly unchanged, else ""."""
        return "" if at in self._unsure else self._own[at]

    def read(self, paths: Iterable[str]) -> dict[str, bytes]:
        """Return the content of files; raises as `load` does."""
        return {path: loaded.data for path, loaded in self.load(paths)}

    def learn(self, digests: Mapping[str, str]) -> None:
        """Take over the digests of files that a forked worker has read.

        Raises:
            WorkTreeChangedError: A file has changed during this run.
        """
        for path, digest in digests.items():
            at = self._read_at.get(path, path)
            if not self._as_in_index(at):
                self._note(at, digest)

    def _note(self, at: str, digest: str) -> None:
        if self._digests.setdefault(at, digest) != digest:
            raise _moved(at)

    def _state(self, at: str) -> os.stat_result | None:
        """Return the state of a regular file; None where there is none."""
        try:
            found = os.lstat(f"{self._git.folder}/{at}")
        except OSError:  # reported when it is read
            return None
        return found if stat.S_ISREG(found.st_mode) else None

    def _from_disk(self, at: str) -> bytes | None:
        """Return a file's content; None where there is none."""
        try:
            return read_file(f"{self._git.folder}/{at}")
        except (FileNotFoundError, NotADirectoryError, IsADirectoryError, BlockingIOError):
            return None
        except OSError as error:
            raise GitError(f"{at}: cannot be read: {error.strerror}") from None


def _on_disk(git: Git, path: str, targets: dict[str, bytes]) -> Entry | None:
    """Return the entry of a changed path on disk, if any; a link's target goes to `targets`."""
    where = f"{git.folder}/{path}"
    try:
        mode = os.lstat(where).st_mode
        if stat.S_ISLNK(mode):
            targets[path] = os.fsencode(Path(where).readlink())
            return Entry(path, LINK, git.blob_id(targets[path]))
    except (FileNotFoundError, NotADirectoryError):
        return None
    except OSError as error:
        raise GitError(f"{path}: cannot be read: {error.strerror}") from None
    if stat.S_ISDIR(mode):  # an untracked repository is listed as a folder
        return Entry(path, SUBMODULE, "")
    return Entry(path, "100644", "") if stat.S_ISREG(mode) else None


def _touched(work: WorkTree) -> Iterable[str]:
    """Return the paths below the folder that differ on disk from the index."""
    for entry in work.status:
        if entry.worktree != "." and not entry.path.startswith("../"):
            yield entry.path


def _moved(path: str) -> WorkTreeChangedError:
    return WorkTreeChangedError(
        f"{path}: changed while it was read; run again when nothing writes to the work tree"
    )
