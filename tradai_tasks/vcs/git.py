"""A thin typed layer over the git command: commits, trees, the index, status and blobs."""

from __future__ import annotations

import hashlib
import os
import re
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path

import msgspec

from tradai_tasks.errors import (
    GitError,
    NotARepositoryError,
    UnknownRevisionError,
)
from tradai_tasks.process import Completed
from tradai_tasks.vcs.git_command import GitCommand
from tradai_tasks.vcs.git_environment import git_environment, run_git
from tradai_tasks.vcs.git_records import Entry, RawChange, StatusEntry
from tradai_tasks.vcs.remotes import fetch_commits, remote_of

# Called in half the time that `hashlib.new` takes.
_HASHES = {"sha1": hashlib.sha1, "sha256": hashlib.sha256}
_TREE_ROW = re.compile(r"(\d+) \w+ (\w+)\t([^\0]+)\0")
_CORE = ("autocrlf", "sparsecheckout")
_SWITCHES = rf"^(core\.({'|'.join(_CORE)})|remote\..*\.promisor|extensions\.partialclone)$"
_OFF = frozenset({"false", "no", "off", "0"})
# Attributes by which git changes content on its way to the disk.
_CONVERTING = frozenset({"crlf", "eol", "filter", "ident", "text", "working-tree-encoding"})
_AT_ONCE = 10_000  # blobs to fetch at once, since command lines are limited


class Git(GitCommand, frozen=True, kw_only=True):
    """A git repository, seen from a folder in its work tree; created by `open`."""

    prefix: str  # from the top to the folder: "" or "python/"
    hashed_by: str  # "sha1" or "sha256"
    _known: dict[str, bool] = msgspec.field(default_factory=dict)

    @classmethod
    def open(cls, folder: Path, env: Mapping[str, str] | None = None) -> Git:
        """Find the repository around a folder.

        Raises:
            ToolMissingError: git is not on PATH.
            NotARepositoryError: The folder is not in a work tree, or git refuses to read it.
        """
        if not folder.is_dir():
            raise NotARepositoryError(f"{folder}: no such folder")
        env = git_environment(os.environ if env is None else env)
        argv = ["rev-parse", "--show-object-format", "--show-toplevel", "--show-prefix"]
        done = run_git(folder, *argv, env=env, check=False)
        if done.returncode != 0:
            raise NotARepositoryError(f"{folder}: {_why_unreadable(done.error_text)}")
        hashed_by, top, prefix = done.text.removesuffix("\n").split("\n", 2)
        if "\n" in prefix:  # a folder's name contains line feeds: ask for each answer separately
            top, prefix = (
                run_git(folder, argv[0], option, env=env).text.removesuffix("\n")
                for option in argv[2:]
            )
        return cls(folder=folder, top=Path(top), prefix=prefix, hashed_by=hashed_by, env=env)

    def inside(self, path: str) -> str:
        """Return a path given from the top as one from the workspace root, `../` if outside."""
        if path.startswith(self.prefix):
            return path[len(self.prefix) :]
        here, there = self.prefix.rstrip("/").split("/"), path.split("/")
        while here and there and here[0] == there[0]:
            del here[0], there[0]
        return "/".join([*[".."] * len(here), *there])

    def commit(self, revision: str) -> str | None:
        """Return the full id of the commit that a revision names; None if there is none."""
        if not revision or revision.startswith("-") or "\0" in revision:
            return None
        argv = ["rev-parse", "--verify", "--quiet", "--end-of-options", f"{revision}^{{commit}}"]
        done = self.run(*argv, check=False)
        return done.text.strip() if done.returncode == 0 else None

    def require_commit(self, revision: str, given_by: str) -> str:
        """Return the full id of the commit that a revision names.

        Raises:
            UnknownRevisionError: There is none; the message names `given_by`, an option (empty for
                HEAD).
        """
        found = self.commit(revision)
        if found is None:
            raise UnknownRevisionError(
                f"{given_by} {revision!r}: no such commit, branch or tag in this clone; "
                f"check the name, or fetch it first"
                if given_by
                else f"{revision}: the branch has no commit yet; make one, or name a revision"
            )
        return found

    def is_sparse(self) -> bool:
        """Return whether the checkout is sparse."""
        return self._is_set("sparsecheckout")

    def converted(self, paths: Iterable[str]) -> frozenset[str]:
        """Return the files whose content on disk may differ from git's blob.

        Their line ends, encoding or keywords may differ, or a filter converts them.
        """
        wanted = list(paths)
        if self._is_set("autocrlf"):
            return frozenset(wanted)
        # in the order of the index: git reads the attributes of each folder anew where it changes
        stdin = "\0".join([*wanted, ""]).encode("utf-8", "surrogateescape")
        told = self.run("check-attr", "-z", "--all", "--stdin", stdin=stdin).text.split("\0")
        return frozenset(
            path
            for path, name, value in zip(told[0::3], told[1::3], told[2::3], strict=False)
            if name in _CONVERTING and value != "unset"
        )

    def _is_set(self, key: str) -> bool:
        """Return whether a setting of `_CORE` is on, in any spelling, or the clone is "partial"."""
        if not self._known:
            done = self.run("config", "-z", "--get-regexp", _SWITCHES, check=False)
            self._known.update(dict.fromkeys((*_CORE, "partial"), False))
            for row in done.text.split("\0")[:-1]:  # the last value of each wins
                name, _, value = row.partition("\n")
                core = name.removeprefix("core.")
                is_on = core not in _CORE or value.lower() not in _OFF
                self._known[core if core in _CORE else "partial"] = is_on
        return self._known[key]

    def tree(self, commit: str) -> list[Entry]:
        """Return all files of a commit below the folder, by path from it."""
        below = self.prefix.rstrip("/") or "."
        text = self.run("ls-tree", "-r", "-z", "--full-tree", commit, below).text
        cut, prefix = len(self.prefix), self.prefix
        return [
            Entry(path[cut:], mode, blob)
            for mode, blob, path in _TREE_ROW.findall(text)
            if path.startswith(prefix)  # else the folder was a file in that commit
        ]

    def index(self) -> list[Entry]:
        """Return all files of the index below the folder, by path from it."""
        text = self.run("ls-files", "-s", "-v", "-z", "--full-name").text
        cut = len(self.prefix)
        found = []
        for row in text.split("\0")[:-1]:  # each as "H 100644 <id> 0<tab><path>"
            head, _, path = row.partition("\t")
            found.append(Entry(path[cut:], head[2:8], head[9:-2], head[-1], row[0]))
        return found

    def hash_files(self, paths: Iterable[str]) -> dict[str, str]:
        """Return the blob ids of files on disk, after git's filters."""
        wanted = list(paths)
        if not wanted:
            return {}
        stdin = "".join(f"{_quoted(self.prefix + path)}\n" for path in wanted)
        done = self.run(
            "hash-object", "--stdin-paths", stdin=stdin.encode("utf-8", "surrogateescape")
        )
        return dict(zip(wanted, done.text.split(), strict=True))

    def diff(self, base: str, head: str) -> list[RawChange]:
        """Return the paths that differ between two commits; a moved file has both its paths."""
        argv = ["diff-tree", "-r", "-z", "--raw", "--no-renames", "--no-abbrev", "--no-relative"]
        argv += ["--ignore-submodules=none", "--no-ext-diff", "--no-textconv", base, head]
        rows = iter(_rows(self.run(*argv)))
        found = []
        for row in rows:
            old_mode, new_mode, old_blob, new_blob, status = row[1:].split(" ")
            path = self.inside(next(rows))
            found.append(RawChange(path, status[0], old_mode, new_mode, old_blob, new_blob))
        return found

    def status(self) -> list[StatusEntry]:
        """Return the paths that are staged, changed, in conflict, or untracked and not ignored."""
        argv = ["status", "--porcelain=v2", "-z", "--no-renames", "--untracked-files=all"]
        rows = _rows(self.run(*argv, "--ignored=no", "--ignore-submodules=none"))
        return [entry for row in rows if (entry := self._status_entry(row)) is not None]

    def read(self, blobs: Iterable[str]) -> dict[str, bytes]:
        """Return the content of blobs by id, in one batch; raise GitError if one is not there."""
        wanted = list(dict.fromkeys(blobs))
        if not wanted:
            return {}
        self._bring(wanted)
        stdin = "".join(f"{blob}\n" for blob in wanted).encode("ascii")
        out = self.run("cat-file", "--batch", "--buffer", stdin=stdin).stdout
        found: dict[str, bytes] = {}
        position = 0
        for blob in wanted:
            end = out.index(b"\n", position)
            header = out[position:end].split(b" ")
            if header[1] != b"blob":
                raise GitError(
                    f"git cat-file: {blob}: {header[1].decode()}; the clone is incomplete, "
                    f"fetch it again"
                )
            start, size = end + 1, int(header[2])
            found[blob] = out[start : start + size]
            position = start + size + 1
        return found

    def blob_id(self, content: bytes) -> str:
        """Return git's blob id of a content, without filters."""
        digest = _HASHES[self.hashed_by](b"blob %d\0" % len(content), usedforsecurity=False)
        digest.update(content)
        return digest.hexdigest()

    def _bring(self, wanted: Iterable[str]) -> None:
        """Fetch blobs missing from a partial clone at once: git would fetch them one by one."""
        remote = remote_of(self) if self._is_set("partial") else None
        if remote is None:
            return
        asked = ["cat-file", "--batch-all-objects", "--unordered", "--batch-check=%(objectname)"]
        held = set(self.run(*asked).text.split())
        missing = [blob for blob in wanted if blob not in held]
        for start in range(0, len(missing), _AT_ONCE):
            # a failure is reported when the blobs are read
            fetch_commits(self, remote, missing[start : start + _AT_ONCE], "--filter=blob:none")

    def _status_entry(self, row: str) -> StatusEntry | None:
        kind = row[0]
        if kind == "?":
            # an untracked repository inside this one is listed as a folder
            path = self.inside(row[2:].rstrip("/"))
            if row.endswith("/") and self._is_worktree(path):
                return None
            return StatusEntry(path, "?", "?", worktree_mode="100644")
        if kind == "1":
            _, xy, _, head, _, work, old, new, path = row.split(" ", 8)
            return StatusEntry(self.inside(path), xy[0], xy[1], head, work, old, new)
        if kind == "u":
            _, _, _, _, head, _, work, _, old, _, path = row.split(" ", 10)
            return StatusEntry(self.inside(path), "U", "U", head, work, old, "")
        if kind == "#":  # a header line, as for the stash
            return None
        raise GitError(f"git status: cannot read {row!r}; update tradai-tasks")

    def _is_worktree(self, path: str) -> bool:
        """Tell whether a folder is another work tree (`git worktree`), not a repository."""
        try:
            link = (self.folder / path / ".git").read_text(encoding="utf-8")
        except (OSError, UnicodeDecodeError):  # a folder: it is a repository
            return False
        return re.fullmatch(r"gitdir: .*/worktrees/[^/\n]+\n?", link) is not None


def _quoted(path: str) -> str:
    for character, escaped in (("\\", "\\\\"), ('"', '\\"'), ("\n", "\\n"), ("\r", "\\r")):
        path = path.replace(character, escaped)
    return f'"{path}"'


def _why_unreadable(said: str) -> str:
    if "dubious ownership" in said:
        return (
            "git refuses to read it, since another user owns it; "
            "allow it with: git config --global --add safe.directory <folder>"
        )
    if "must be run in a work tree" in said:
        return "a git repository without a work tree; run in a clone that has its files"
    if "not a git repository" in said:
        return "not in a git repository; run in a clone, or make one with: git init"
    return f"git cannot read it: {said.splitlines()[-1] if said else 'no message'}"


def _rows(done: Completed) -> Iterator[str]:
    return iter(done.text.split("\0")[:-1])
