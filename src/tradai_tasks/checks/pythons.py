"""Which Python the sessions run on where the settings name none."""

from __future__ import annotations

import re
from collections.abc import Iterable

from packaging.specifiers import InvalidSpecifier, SpecifierSet

from tradai_tasks.tree import Tree
from tradai_tasks.workspace import Package

__all__ = ["python_for"]

_PINNED = re.compile(r"^(?:cpython-)?(3\.\d{1,2})(?:\.\d+)?$")
_MINORS = range(8, 30)
_LATE_PATCH = 99  # a release late enough for any lower bound within a minor version


def python_for(tree: Tree, packages: Iterable[Package], running: str) -> str | None:
    """Return the version that all packages allow, as `3.12`; None where the running one will do.

    That is the one in `.python-version`, which uv goes by, if they allow it, else the lowest.
    None too where they allow none in common: uv then says so of the package at hand.

    Args:
        tree: The repository.
        packages: The packages, each with its `requires-python`.
        running: The version of the Python that runs nox, as `3.11.7`.
    """
    stated = {p.document.get("project", {}).get("requires-python") for p in packages}
    try:
        wanted = SpecifierSet(",".join(sorted(str(text) for text in stated if text)))
    except InvalidSpecifier:
        return None  # uv will say what is wrong with it
    if wanted.contains(running, prereleases=True):
        return None
    allowed = [
        f"3.{minor}"
        for minor in _MINORS
        if any(wanted.contains(f"3.{minor}.{patch}") for patch in (0, _LATE_PATCH))
    ]
    pinned = _pinned(tree)
    if pinned in allowed:
        return pinned
    return allowed[0] if allowed else None


def _pinned(tree: Tree) -> str | None:
    if not tree.is_file(".python-version"):
        return None
    first = tree.read(".python-version").decode("utf-8", "replace").strip().partition("\n")[0]
    found = _PINNED.match(first.strip())
    return found[1] if found else None
