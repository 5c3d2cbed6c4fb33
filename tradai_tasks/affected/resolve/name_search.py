"""Look up dotted names in given search folders and among the names below source roots.

A name is looked up level by level: `a`, `a.b`, `a.b.c`, and each level once.
"""

from __future__ import annotations

import sys
from collections.abc import Mapping
from typing import NamedTuple

from tradai_tasks.affected.resolve.root_names import RootNames
from tradai_tasks.affected.resolve.search_path import SearchFolders


class Resolution(NamedTuple):
    """What a dotted name was found to be."""

    files: tuple[int, ...]  # of the module, and of every package above it
    length: int  # how many parts of the name were found
    is_undeclared: bool = False  # whether it is outside what the importing member declares


NOTHING = Resolution((), 0)
_UNDECLARED = 2  # the last of the tiers
# The files of one level of a name by tier: the importing member's own, those of members that it
# declares, those of others.
_Level = tuple[list[int], list[int], list[int]]


def module_files(ids: Mapping[str, int], folder: str, dotted: str) -> list[int]:
    """Return the files that a module or package of a name has below one folder."""
    inner = dotted.replace(".", "/")
    inner = f"{folder}/{inner}" if folder else inner
    return [
        number
        for ending in ("/__init__.py", "/__init__.pyi", ".py", ".pyi")
        if (number := ids.get(inner + ending)) is not None
    ]


class NameSearch:
    """Finds the names that a member's files can import from the same search folders."""

    __slots__ = ("_closure", "_folders", "_found", "_levels", "_names", "_owner", "_packages")

    def __init__(
        self, folders: SearchFolders, owner: int, closure: frozenset[int] | None, names: RootNames
    ) -> None:
        self._folders = folders
        self._owner = owner
        self._closure = closure  # the members that it declares; None for all
        self._names = names
        self._found: dict[str, Resolution] = {}
        self._levels: dict[str, _Level] = {}
        self._packages: dict[tuple[str, int], tuple[int, ...]] = {}

    def find(self, dotted: str) -> Resolution:
        """Look up an absolute name.

        A module is what the first tier has under its whole name; the packages around it may have
        portions in every tier up to that one. What no tier has is looked for in its package.
        """
        found = self._found.get(dotted)
        if found is None:
            package = dotted.rpartition(".")[0]
            for place, tier in enumerate(self._level(dotted)):
                if tier:
                    files = tuple(dict.fromkeys((*self._packages_around(package, place), *tier)))
                    found = Resolution(files, dotted.count(".") + 1, place == _UNDECLARED)
                    break
            else:
                found = self.find(package) if package else NOTHING
            self._found[dotted] = found
        return found

    def _packages_around(self, package: str, place: int) -> tuple[int, ...]:
        """Return the files of a package and of those above it, in the tiers up to one."""
        if not package:
            return ()
        known = self._packages.get((package, place))
        if known is None:
            level = self._level(package)[: place + 1]
            above = self._packages_around(package.rpartition(".")[0], place)
            known = (*above, *(number for tier in level for number in tier))
            self._packages[package, place] = known
        return known

    def _level(self, name: str) -> _Level:
        """Return the files that are just a name, without the packages around it, by tier."""
        known = self._levels.get(name)
        if known is None:
            known = self._levels[name] = self._tiers(name)
        return known

    def _tiers(self, name: str) -> _Level:
        own: list[int] = []
        declared: list[int] = []
        undeclared: list[int] = []
        for folder, is_first in self._folders:
            (own if is_first else declared).extend(
                module_files(self._names.table.ids, folder, name)
            )
        for number in self._names.files.get(name, ()):
            holder = self._names.table.owners[number]
            if holder == self._owner:
                own.append(number)
            elif self._closure is None or holder < 0 or holder in self._closure:
                declared.append(number)
            else:
                undeclared.append(number)
        if undeclared and name.partition(".")[0] in sys.stdlib_module_names:
            undeclared = []  # a standard module is meant, not another member's
        return own, declared, undeclared
