"""Find the package that a path lies in."""

from __future__ import annotations

from tradai_tasks.workspace.discovery import Package, Workspace


class Owners:
    """The packages of a workspace by folder.

    A path lies in the innermost package around it. A package at the root owns its code and tests
    through the import graph; other files there belong to no package, unless it is the only one.
    """

    def __init__(self, workspace: Workspace) -> None:
        """Index the packages: there may be a thousand, and more paths than that."""
        self._by_path = {package.path: package for package in workspace.packages}
        root = self._by_path.pop(".", None)
        self._otherwise = None if self._by_path else root

    def of(self, path: str) -> Package | None:
        """Return the package that a path lies in, if there is one."""
        folder = path.rpartition("/")[0]
        while folder:
            found = self._by_path.get(folder)
            if found is not None:
                return found
            folder = folder.rpartition("/")[0]
        return self._otherwise
