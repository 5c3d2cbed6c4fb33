"""List the files of a repository: what git tracks or would track, or every file on disk."""

from __future__ import annotations

import os
from pathlib import Path

from tradai_tasks.errors import CommandFailedError, ToolMissingError
from tradai_tasks.files.file_tree import DiskTree, Tree, all_files
from tradai_tasks.vcs.git_environment import run_git

__all__ = ["files_of", "list_files"]

# Folders that tools leave behind, wherever they are.
_LEFTOVERS = frozenset(
    {
        ".eggs", ".git", ".hg", ".mypy_cache", ".nox", ".pytest_cache", ".ruff_cache", ".svn",
        ".tox", ".venv", "__pycache__", "node_modules", "site-packages",
    }
)  # fmt: skip


def files_of(tree: Tree) -> tuple[str, ...]:
    """Return the files of a tree: as `list_files` on disk, all files of a revision."""
    return list_files(tree.root)[0] if isinstance(tree, DiskTree) else tuple(all_files(tree))


def list_files(root: Path) -> tuple[tuple[str, ...], str | None]:
    """Return the files below a folder, by POSIX path from it, and why git was not asked.

    With git these are the tracked files and the new ones that no ignore rule hides; without it, or
    where it fails, all files but those in folders that tools leave behind.

    Returns:
        The paths, and None or the reason why they do not come from git.
    """
    if not any((folder / ".git").exists() for folder in (root, *root.parents)):
        return _walk(root), "there is no git repository"
    try:
        argv = ["ls-files", "-z", "--cached", "--others", "--exclude-standard"]
        rows = run_git(root, *argv).text.split("\0")
    except (CommandFailedError, ToolMissingError) as error:
        return _walk(root), str(error)
    # a row with a slash at its end is another repository inside this one
    return tuple(dict.fromkeys(row for row in rows if row and not row.endswith("/"))), None


def _walk(root: Path) -> tuple[str, ...]:
    found = []
    for folder, folders, names in os.walk(root):
        below = Path(folder).relative_to(root).as_posix()
        folders[:] = [
            name
            for name in folders
            if name not in _LEFTOVERS and not Path(folder, name, "pyvenv.cfg").is_file()
        ]
        if below == "build":
            folders[:] = [name for name in folders if name != "reports"]  # the library's own
        found += [name if below == "." else f"{below}/{name}" for name in names]
    return tuple(sorted(found))
