"""Decide which files ruff is given, and which it does not look at."""

from __future__ import annotations

import posixpath
from collections.abc import Collection, Iterable

from tradai_tasks.errors import CheckFailedError
from tradai_tasks.workspace.inventory import Inventory

# What ruff finds in a folder by itself.
_FOUND = (".py", ".pyi", ".ipynb")


def lint_files(inventory: Inventory, package: str | None) -> tuple[str, ...]:
    """Return the files to lint but for those left unchecked, all or those of a package's folder."""
    return tuple(
        file.path
        for file in inventory.seen_by("lint")
        if file.reason is None and package in {None, file.area.path}
    )


def unlisted_files(files: Collection[str]) -> tuple[str, ...]:
    """Return those that ruff does not find in a folder: programs without an ending, `.pyw`."""
    return tuple(path for path in files if not path.endswith(_FOUND))


def hidden_files(files: Collection[str], shown: Collection[str], *, where: str) -> tuple[str, ...]:
    """Return the files that ruff ignores; raise CheckFailedError if it looks at none at all."""
    if not shown:
        raise CheckFailedError(
            f"lint: ruff finds no Python file in {where}, so nothing was linted; see its settings "
            f"`include` and `exclude`, and the rules of .gitignore"
        )
    known = set(shown)
    return tuple(path for path in files if path not in known)


def ignore_options(ignored: Iterable[str], home: str) -> list[str]:
    """Return ruff's options for the rules that `lint.ignore` lets pass.

    A rule is `F401`, or one of one file: `src/a.py:F401`. Paths are from `home`, where ruff runs.
    """
    options = []
    for entry in ignored:
        path, colon, rule = entry.rpartition(":")
        where = f"{posixpath.relpath(path, home)}:" if colon else ""
        options.append(f"--{'extend-per-file-ignores' if colon else 'ignore'}={where}{rule}")
    return options
