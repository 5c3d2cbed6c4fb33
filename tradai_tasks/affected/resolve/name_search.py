"""The search for a dotted name from one place: level by level, each level looked up once."""

from __future__ import annotations

import sys
from collections.abc import Mapping, Sequence

__all__ = ["NOTHING", "Bases", "Found", "Outlook", "files_at"]

# (files of the module and of every package above it, parts of the name that were found,
#  whether it is outside what the member declares)
Found = tuple[tuple[int, ...], int, bool]
NOTHING: Found = ((), 0, False)
# Folders in which a name is looked for, source roots aside, each with whether it is certain to
# come before what other members provide.
Bases = tuple[tuple[str, bool], ...]
_FAR = 2  # the last of the tiers: what the member does not declare
_Level = tuple[list[int], list[int], list[int]]  # of one part of a name: own files, near, far


def files_at(ids: Mapping[str, int], base: str, dotted: str) -> list[int]:
    """Return the files that a name is below one folder."""
    inner = dotted.replace(".", "/")
    inner = f"{base}/{inner}" if base else inner
    return [
        number
        for ending in ("/__init__.py", "/__init__.pyi", ".py", ".pyi")
        if (number := ids.get(inner + ending)) is not None
    ]


class Outlook:
    """What a member's files find from folders with the same bases."""

    __slots__ = (
        *("_bases", "_closure", "_found", "_ids", "_levels", "_names", "_owner", "_owners"),
        "_packages",
    )

    def __init__(  # noqa: PLR0913 - the member, its bases and the tables of all files
        self,
        bases: Bases,
        *,
        owner: int,
        closure: frozenset[int] | None,
        ids: Mapping[str, int],
        names: Mapping[str, Sequence[int]],
        owners: Sequence[int],
    ) -> None:
        """Begin without having looked anything up.

        Args:
            bases: The folders.
            owner: The member; -1 for none.
            closure: The members that it declares; None for all.
            ids: Path -> file.
            names: Dotted name -> files, under any source root.
            owners: The member of each file.
        """
        self._bases = bases
        self._owner = owner
        self._closure = closure
        self._ids = ids
        self._names = names
        self._owners = owners
        self._found: dict[str, Found] = {}
        self._levels: dict[str, _Level] = {}
        self._packages: dict[tuple[str, int], tuple[int, ...]] = {}

    def find(self, dotted: str) -> Found:
        """Look an absolute name up.

        A module is what the first tier has under its whole name; the packages around it may have
        portions in every tier up to that one. What no tier has is looked for in its package.
        """
        found = self._found.get(dotted)
        if found is None:
            package = dotted.rpartition(".")[0]
            for place, tier in enumerate(self._level(dotted)):
                if tier:
                    files = tuple(dict.fromkeys((*self._around(package, place), *tier)))
                    found = files, dotted.count(".") + 1, place == _FAR
                    break
            else:
                found = self.find(package) if package else NOTHING
            self._found[dotted] = found
        return found

    def _around(self, package: str, place: int) -> tuple[int, ...]:
        """Return the files of a package and of those above it, in the tiers up to one."""
        if not package:
            return ()
        known = self._packages.get((package, place))
        if known is None:
            level = self._level(package)[: place + 1]
            above = self._around(package.rpartition(".")[0], place)
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
        near: list[int] = []
        far: list[int] = []
        for base, is_sure in self._bases:
            (own if is_sure else near).extend(files_at(self._ids, base, name))
        for number in self._names.get(name, ()):
            holder = self._owners[number]
            if holder == self._owner:
                own.append(number)
            elif self._closure is None or holder < 0 or holder in self._closure:
                near.append(number)
            else:
                far.append(number)
        if far and name.partition(".")[0] in sys.stdlib_module_names:
            far = []  # nobody means another member's module of that name
        return own, near, far
