"""Find the folders in which a file's imports are looked for, in addition to source roots.

These are what pytest puts on sys.path for a test, what its settings and the code of tests add, and,
for a name that is found nowhere else, folders that a build may take packages from.
"""

from __future__ import annotations

import sys
from collections.abc import Collection, Iterable, Mapping, Sequence
from functools import cached_property

import msgspec

from tradai_tasks.affected.resolve.file_table import FileTable
from tradai_tasks.affected.resolve.root_names import RootNames

# Folders, each with whether it is certain to come before what other members provide.
SearchFolders = tuple[tuple[str, bool], ...]
_NOT_INSTALLED = frozenset({"test", "tests", "docs", "examples"})  # folders of what is not


class PathChanges(msgspec.Struct, kw_only=True):
    """What pytest's settings and code do to sys.path and to the `__path__` of packages.

    Members go by their numbers; -1 is what belongs to none.
    """

    added_roots: dict[int, tuple[str, ...]] = {}  # member -> folders
    sys_path_members: set[int] = set()  # whose code changes sys.path
    package_path_members: set[int] = set()  # whose code changes a `__path__`


class SearchPath:
    """Finds the search folders of files."""

    def __init__(
        self, table: FileTable, names: RootNames, closures: Sequence[frozenset[int]]
    ) -> None:
        self.changes = PathChanges()
        self._table = table
        self._names = names
        self._closures = closures
        self._own: dict[str, SearchFolders] = {}
        self._found: dict[tuple[str, str], SearchFolders] = {}

    def folders_of(self, top: str, folder: str, owner: int) -> SearchFolders:
        """Return the folders, apart from source roots, in which a file finds a top-level name."""
        key = (folder, top)
        found = self._found.get(key)
        if found is None:
            found = self._own_folders(top, folder, owner)
            if not found and not self._names.has(top):
                found = self._any_folder(top, owner) or self._unlisted_packages(top, owner)
            self._found[key] = found
        return found

    def provides(self, top: str) -> bool:
        """Tell whether any folder can provide a top-level name."""
        return self._names.has(top) or bool(self._candidates(top))

    def _own_folders(self, top: str, folder: str, owner: int) -> SearchFolders:
        """Return the folders of the file's own member that provide a top-level name.

        One is not certain to come first where the file can be imported from elsewhere, without
        that folder on sys.path.
        """
        known = self._own.get(folder)
        if known is None:
            is_inner = self._names.is_below_root(folder)
            known = self._own[folder] = tuple(
                (base, not is_inner or self._names.is_root(base))
                for base in dict.fromkeys(self._on_path(folder, owner))
            )
        holders = self.holders.get(top, ())
        return tuple(pair for pair in known if pair[0] in holders) if holders else ()

    def _on_path(self, folder: str, owner: int) -> Iterable[str]:
        """Yield what can be on sys.path for a file: pytest puts the first folder without __init__.

        Source: pytest's documentation, "pytest import mechanisms and sys.path", `prepend`; the
        folders above are there when a test or a conftest.py in them is collected too.
        """
        home = "" if owner < 0 else self._table.members[owner].home
        up = folder
        is_above = is_inside = False
        while up:
            is_package = self._table.is_package(up)
            has_conftest = f"{up}/conftest.py" in self._table.ids
            if not is_package and (not is_above or is_inside or has_conftest):
                yield up
            is_inside = is_package
            is_above = is_above or up == home
            up = up.rpartition("/")[0]
        if not home:
            yield ""
        yield from self.changes.added_roots.get(owner, ())
        if home:
            yield ""

    def _any_folder(self, top: str, owner: int) -> SearchFolders:
        """Return every folder with a top-level name, for a member that changes sys.path."""
        if not self.changes.sys_path_members & {owner, -1} or top in sys.stdlib_module_names:
            return ()
        return tuple((folder, True) for folder in self._candidates(top))

    def _unlisted_packages(self, top: str, owner: int) -> SearchFolders:
        """Return the folders with a package that no source root holds, for what declares it.

        A build backend may take packages from anywhere, in ways that its settings do not tell.
        """
        if owner < 0 or top in sys.stdlib_module_names:
            return ()
        return tuple(
            (folder, False)
            for folder in self._candidates(top)
            if self._table.owner_of_folder(folder) in self._closures[owner]
            and self._table.is_package(f"{folder}/{top}" if folder else top)
            and _NOT_INSTALLED.isdisjoint(folder.split("/"))
        )

    @cached_property
    def holders(self) -> Mapping[str, Collection[str]]:
        """Name -> the folders in which it is a module, a package or a folder of them."""
        found: dict[str, dict[str, None]] = {}
        stems = (path.rpartition(".")[0] for path in self._table.paths)
        for path in (*filter(None, self._table.folders), *stems):
            folder, _, name = path.rpartition("/")
            found.setdefault(name, {})[folder] = None
        return found

    def _candidates(self, top: str) -> list[str]:
        """Return those of the folders that can be on sys.path."""
        return sorted(f for f in self.holders.get(top, ()) if not self._table.is_package(f))
