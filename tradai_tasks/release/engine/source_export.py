"""Export the files of a commit to a folder of their own, as the source of builds.

An image or wheel made of it holds no ignored or untracked file, no `.git`, and nothing that a gate
changes meanwhile. Contents come from git's objects, without filters; files of Git LFS from its
store, by their digest.
"""

from __future__ import annotations

import hashlib
import os
import re
import shutil
import tempfile
import threading
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from tradai_tasks.errors import SourceExportError
from tradai_tasks.files.file_tree import join
from tradai_tasks.vcs.git import Git
from tradai_tasks.vcs.git_environment import run_git
from tradai_tasks.vcs.git_records import Entry

# Seconds since the epoch, what hatchling takes where nothing is set: 2020-02-02. A commit's time
# would give an unchanged library other bytes at the next commit, under the same version.
EPOCH = 1580601600

_LINK, _SUBMODULE, _PROGRAM = "120000", "160000", "100755"  # modes in a tree of git
_AT_ONCE = 500  # blobs in memory
_POINTER = re.compile(
    rb"version https://git-lfs\.github\.com/spec/v1\n(?:.+\n)*?oid sha256:([0-9a-f]{64})\n"
)
_POINTER_SIZE = 1024  # bytes that a pointer has at most


@dataclass(kw_only=True)
class SourceExport:
    """The export of one commit: made when it is first needed, removed at the end."""

    git: Git
    commit: str
    # files that git ignores and that were judged all the same: the lock files of a release
    judged: Mapping[str, bytes] = field(default_factory=dict)
    scratch: Path | None = None  # where to make it; the usual place when None
    _lock: threading.Lock = field(default_factory=threading.Lock, repr=False)
    _folder: Path | None = None

    def folder(self) -> Path:
        """Return the folder that stands for the workspace root; raise as `export_commit` does.

        Raises:
            SourceExportError: A submodule or a file of Git LFS is not in this clone.
        """
        with self._lock:
            if self._folder is None:
                made = Path(
                    tempfile.mkdtemp(prefix=f"tradai-tasks-source-{os.getpid()}-", dir=self.scratch)
                )
                self._folder = made
                root = made / "tree" / self.git.prefix
                export_commit(self.git, self.commit, root)
                for path, content in self.judged.items():
                    if not os.path.lexists(root / path):
                        _write(_export_path(path, root), content)
            return self._folder / "tree" / self.git.prefix

    def left_out(self, below: str) -> list[str]:
        """Return the files below a folder that are on disk and not in the commit."""
        argv = ["ls-files", "-z", "--others", "--directory", "--", below]
        done = self.git.run(*argv, check=False)
        root = self.folder()
        return [path for path in done.text.split("\0") if path and not (root / path).exists()]

    def close(self) -> None:
        """Remove it."""
        if self._folder is not None:
            shutil.rmtree(self._folder, ignore_errors=True)
            self._folder = None


def export_commit(git: Git, commit: str, into: Path) -> None:
    """Write the files of a commit below git's folder, with settled times and permissions.

    Raises:
        SourceExportError: A submodule or a file of Git LFS is not in this clone.
    """
    into.mkdir(parents=True, exist_ok=True)
    # links last, so that no file is written through one
    entries = sorted(git.tree(commit), key=lambda entry: entry.mode == _LINK)
    for start in range(0, len(entries), _AT_ONCE):
        some = entries[start : start + _AT_ONCE]
        contents = git.read(entry.blob for entry in some if entry.mode != _SUBMODULE)
        for entry in some:
            try:
                _export(git, entry, contents.get(entry.blob, b""), _export_path(entry.path, into))
            except (FileExistsError, NotADirectoryError):
                raise SourceExportError(
                    f"{entry.path}: the commit has something else of that name, by this disk's "
                    f"reckoning; rename one of them"
                ) from None


def _export_path(path: str, into: Path) -> Path:
    """Return where to export a path; raise SourceExportError if it leads outside or into `.git`."""
    parts = path.split("/")
    folder = "/".join([os.path.realpath(into), *parts[:-1]])
    if {"", ".", "..", ".git"} & {part.lower() for part in parts} or (
        os.path.realpath(folder) != folder  # links are followed
    ):
        raise SourceExportError(
            f"{path}: a path that git itself makes in no commit, and that leads elsewhere; nothing "
            f"is built from it"
        )
    Path(folder).mkdir(parents=True, exist_ok=True)
    return Path(folder, parts[-1])


def _export(git: Git, entry: Entry, content: bytes, target: Path) -> None:
    if entry.mode == _SUBMODULE:
        _export_submodule(git, entry, target)
        return
    if entry.mode == _LINK:
        target.symlink_to(os.fsdecode(content))
        return
    pointer = _POINTER.match(content) if len(content) <= _POINTER_SIZE else None
    if pointer is not None:
        content = _from_lfs(git, entry.path, pointer[1].decode())
    _write(target, content, is_program=entry.mode == _PROGRAM)


def _from_lfs(git: Git, path: str, digest: str) -> bytes:
    """Return a file of Git LFS from the clone's store."""
    argv = ["rev-parse", "--path-format=absolute", "--git-common-dir"]
    home = Path(run_git(git.folder, *argv, env=git.env).text.removesuffix("\n"))
    file = home / "lfs" / "objects" / digest[:2] / digest[2:4] / digest
    content = file.read_bytes() if file.is_file() else b""
    if hashlib.sha256(content).hexdigest() != digest:
        raise SourceExportError(
            f"{path}: is kept by Git LFS and not in this clone; fetch it with: git lfs pull (in "
            f"CI: the option lfs of the checkout)"
        )
    return content


def _export_submodule(git: Git, entry: Entry, target: Path) -> None:
    source = git.folder / entry.path
    if not (source / ".git").exists():
        raise SourceExportError(
            f"{entry.path}: a submodule that is not checked out, so nothing can be built from it; "
            f"run: git submodule update --init --recursive (in CI: the option submodules of the "
            f"checkout)"
        )
    inner = Git.open(source)
    if inner.commit(entry.blob) is None:
        raise SourceExportError(
            f"{entry.path}: the submodule's commit {entry.blob[:12]} is not in this clone; run: "
            f"git submodule update --init --recursive"
        )
    export_commit(inner, entry.blob, target)


def _write(file: Path, content: bytes, *, is_program: bool = False) -> None:
    file.parent.mkdir(parents=True, exist_ok=True)
    with file.open("xb") as opened:  # another file may have the same name on this disk
        opened.write(content)
    settle(file, is_program=is_program)


def settle(file: Path, *, is_program: bool) -> None:
    """Give a file the time and the permissions that every build finds."""
    file.chmod(0o755 if is_program else 0o644)
    os.utime(file, (EPOCH, EPOCH))


def lock_files(root: Path, projects: tuple[str, ...]) -> dict[str, bytes]:
    """Return the lock files of projects that are there, by path from the root."""
    found = {join(project, "uv.lock") for project in projects}
    return {path: (root / path).read_bytes() for path in sorted(found) if (root / path).is_file()}
