"""List the files of a repository: what git tracks or would track, or every file on disk."""

from __future__ import annotations

import os
from collections.abc import Iterable
from pathlib import Path

from tradai_tasks.errors import CommandFailedError, ToolMissingError
from tradai_tasks.files.file_tree import DiskTree, Tree, all_files, folders_above
from tradai_tasks.vcs.git_environment import run_git
from tradai_tasks.vcs.git_records import SUBMODULE

# Folders that tools leave behind, wherever they are.
_LEFTOVERS = frozenset(
    {
        ".eggs", ".git", ".hg", ".mypy_cache", ".nox", ".pytest_cache", ".ruff_cache", ".svn",
        ".tox", ".venv", "__pycache__", "node_modules", "site-packages",
    }
)  # fmt: skip


def files_of(tree: Tree, folders: Iterable[str] = ()) -> tuple[str, ...]:
    """Return the files of a tree: on disk as `list_files`, of a revision all.

    Where git has no file in one of the `folders` known to hold code, all on disk are added.
    """
    if not isinstance(tree, DiskTree):
        return tuple(all_files(tree))
    files, _ = list_files(tree.root)
    known = folders_above(files)
    missing = [folder for folder in folders if folder not in known and folder != "."]
    return (*files, *(file for folder in missing for file in walk_files(tree.root, folder)))


def list_files(root: Path) -> tuple[tuple[str, ...], str | None]:
    """Return the files below a folder, by POSIX path from it, and why git was not asked.

    With git these are the tracked files, those of checked out submodules, and the new ones that no
    ignore rule hides; without it, or where it tracks nothing here, all files but those in folders
    that tools leave behind.
    """
    if not any((folder / ".git").exists() for folder in (root, *root.parents)):
        return walk_files(root), "there is no git repository"
    try:
        argv = ["ls-files", "-z", "-v", "--stage", "--cached", "--others", "--exclude-standard"]
        rows = run_git(root, *argv).text.split("\0")[:-1]
    except (CommandFailedError, ToolMissingError) as error:
        return walk_files(root), str(error)
    found: dict[str, None] = {}
    for row in rows:
        # a tracked file as "H 100644 <id> 0<tab><path>", and a new one as "? <path>"
        head, path = row[:2], row[2:]
        if head != "? ":
            mode, path = path[:6], path.partition("\t")[2]
            if mode == SUBMODULE:
                found.update(dict.fromkeys(walk_files(root, path)))
                continue
        if not path.endswith("/"):  # else another repository inside this one
            found[path] = None
    if not found:
        return walk_files(root), "git knows no file here"
    return tuple(found), None


def walk_files(root: Path, start: str = ".", *, links: bool = False) -> tuple[str, ...]:
    """Return all files on disk below a folder, by POSIX path from `root`, except tools' own.

    With `links`, links to folders are followed, each folder once.
    """
    found = []
    seen: set[str] = set()
    for folder, folders, names in os.walk(root / start, followlinks=links):
        below = Path(folder).relative_to(root).as_posix()
        if links:
            real = os.path.realpath(folder)
            if real in seen:
                folders.clear()
                continue
            seen.add(real)
        folders[:] = [
            name
            for name in folders
            if name not in _LEFTOVERS and not Path(folder, name, "pyvenv.cfg").is_file()
        ]
        if below == "build":
            folders[:] = [name for name in folders if name != "reports"]  # the library's own
        found += [name if below == "." else f"{below}/{name}" for name in names]
    return tuple(sorted(found))
