"""Resolve dotted names to files, as Python's import system would for the importing file.

Order of the search: what the file's own folder and member provide, then the members in its
closure, then any other member.
"""

from __future__ import annotations

import posixpath
from collections.abc import Sequence

from tradai_tasks.affected.resolve.file_table import FileTable
from tradai_tasks.affected.resolve.model import Member
from tradai_tasks.affected.resolve.name_search import NOTHING, NameSearch, Resolution, module_files
from tradai_tasks.affected.resolve.root_names import RootNames
from tradai_tasks.affected.resolve.search_path import PathChanges, SearchFolders, SearchPath


class ModuleIndex(FileTable):
    """The Python files of one snapshot, by path and by name."""

    def __init__(self, paths: Sequence[str], members: Sequence[Member]) -> None:
        super().__init__(paths, members)
        numbers = {member.name: number for number, member in enumerate(members)}
        self.closures = [
            frozenset(numbers[name] for name in member.closure if name in numbers) | {number}
            for number, member in enumerate(members)
        ]
        self._names = RootNames(self)
        self._path = SearchPath(self, self._names, self.closures)
        self._searches: dict[tuple[str, str], NameSearch | None] = {}
        # shared by the folders of one member that have the same search folders
        self._shared: dict[tuple[int, SearchFolders], NameSearch] = {}

    @property
    def path_changes(self) -> PathChanges:
        """What else steers the search, apart from files and members: to be set before the first."""
        return self._path.changes

    def names_folder(self, dotted: str) -> bool:
        """Tell whether a name is a folder below a source root, with an `__init__` or without."""
        return dotted in self._names.folders

    def find(self, dotted: str, folder: str, owner: int) -> Resolution:
        """Look up an absolute name."""
        search = self._search(folder, dotted.partition(".")[0], owner)
        return search.find(dotted) if search else NOTHING

    def finds_top(self, top: str, folder: str, owner: int) -> bool:
        """Tell whether any name that begins with a top-level name can be found from a folder."""
        return self._search(folder, top, owner) is not None

    def provides_top(self, top: str) -> bool:
        """Tell whether any folder of the snapshot can provide a top-level name."""
        return self._path.provides(top)

    def find_anywhere(self, dotted: str) -> list[int]:
        """Return the files of a module or package of that name below any folder at all."""
        holders = self._path.holders.get(dotted.partition(".")[0], ())
        return [file for folder in holders for file in module_files(self.ids, folder, dotted)]

    def _search(self, folder: str, top: str, owner: int) -> NameSearch | None:
        """Return what looks up names with that first part; None where there are none."""
        key = (folder, top)
        if key not in self._searches:
            folders = self._path.folders_of(top, folder, owner)
            search = None
            if folders or self._names.has(top):
                search = self._shared.get((owner, folders))
                if search is None:
                    closure = self.closures[owner] if owner >= 0 else None
                    search = NameSearch(folders, owner, closure, self._names)
                    self._shared[owner, folders] = search
            self._searches[key] = search
        return self._searches[key]

    def find_relative(self, module: str, folder: str, owner: int) -> Resolution:
        """Look up a relative name: "." is the file's own package, "..a" a sibling of that."""
        level = len(module) - len(module.lstrip("."))
        rest = module[level:]
        package = folder
        for _ in range(level - 1):
            package = package.rpartition("/")[0]
        at = module_files(self.ids, package, rest) if rest else self.init_files(package)
        count = rest.count(".") + 1 if rest else 0
        if at:
            return Resolution(tuple(at), count)
        for name in self._names.names_of(package):  # the package may have portions elsewhere
            found = self.find(f"{name}.{rest}" if rest else name, folder, owner)
            if found.files:
                length = max(0, found.length - name.count(".") - 1)
                return Resolution(found.files, length, found.is_undeclared)
        while "." in rest:  # a name inside a module
            rest = rest.rpartition(".")[0]
            at = module_files(self.ids, package, rest)
            if at:
                return Resolution(tuple(at), rest.count(".") + 1)
        return NOTHING

    def parent_inits(self, path: str) -> list[int]:
        """Return the `__init__` files that run before a module: of its folder and those above."""
        folder, _, name = path.rpartition("/")
        if name.startswith("__init__."):
            if not folder:
                return []
            folder = folder.rpartition("/")[0]
        depth = max((name.count(".") + 1 for name in self._names.names_of(folder)), default=0)
        while True:
            found = self.init_files(folder)
            if found or not folder:
                return found
            depth -= 1
            if depth <= 0:
                return []
            folder = folder.rpartition("/")[0]

    def files_with_prefix(self, prefix: str, folder: str, owner: int) -> list[int]:
        """Return all files that a prefix covers: "a.b." by name, "." and "/x" by folder."""
        if prefix.startswith("/"):
            return self.files_below(self.folders_named(prefix[1:], folder))
        if prefix.startswith("."):
            rest = prefix.lstrip(".")
            base = folder
            for _ in range(len(prefix) - len(rest) - 1):
                base = base.rpartition("/")[0]
            base = posixpath.join(base, rest.rstrip(".").replace(".", "/")).rstrip("/")
            names = self._names.names_of(base)
            portions = {number for name in names for number in self._names.files_below(name)}
            return sorted({*self.files_below([base]), *portions})
        name = prefix.rstrip(".")
        folders = self._path.folders_of(name.partition(".")[0], folder, owner)
        inner = name.replace(".", "/")
        found = self.files_below(posixpath.join(base, inner) for base, _ in folders)
        return sorted({*found, *self._names.files_below(name)})
