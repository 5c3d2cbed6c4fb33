"""The Python files of one snapshot, by path, by folder and by the member that owns them.

A file is a number: its place among the sorted paths. So is a member; -1 is no member.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from functools import cached_property

from tradai_tasks.affected.parse.dotted_names import folders_around, paths_around
from tradai_tasks.affected.resolve.model import Member


def is_python(path: str) -> bool:
    """Tell whether a file holds Python code or a stub; a template of one is data."""
    return path.endswith((".py", ".pyi")) and "{{" not in path and "{%" not in path


def is_collected(path: str) -> bool:
    """Tell whether pytest imports a file by itself, going by its usual names."""
    name = path.rpartition("/")[2]
    return name == "conftest.py" or name.startswith("test_") or name.endswith("_test.py")


class FileTable:
    """Python files and stubs by where they lie."""

    def __init__(self, paths: Sequence[str], members: Sequence[Member]) -> None:
        self.paths = paths
        self.members = members
        self.ids: dict[str, int] = {path: number for number, path in enumerate(paths)}
        self.folders: set[str] = set()  # with a file in them or anywhere below
        self.by_folder: dict[str, list[int]] = {}  # folder -> files directly in it
        self.owners: list[int] = []  # for each file its member; -1 for none
        # folder -> the innermost member around it, as far as it was asked for; -1 for none
        self._owner_of = {member.home: number for number, member in enumerate(members)}
        for number, path in enumerate(paths):
            folder = path.rpartition("/")[0]
            if folder not in self.by_folder:
                self.by_folder[folder] = []
                self._add_folder(folder)
            self.by_folder[folder].append(number)
            self.owners.append(self.owner_of_folder(folder))

    def _add_folder(self, folder: str) -> None:
        while folder not in self.folders:
            self.folders.add(folder)
            folder = folder.rpartition("/")[0]

    def owner_of_folder(self, folder: str) -> int:
        """Return the innermost member around a folder; -1 where there is none."""
        known = self._owner_of.get(folder)
        if known is None:
            known = self.owner_of_folder(folder.rpartition("/")[0]) if folder else -1
            self._owner_of[folder] = known
        return known

    @cached_property
    def members_in(self) -> Mapping[str, set[int]]:
        """Folder -> the members that it is, or contains; "" is the root."""
        found: dict[str, set[int]] = {}
        for number, member in enumerate(self.members):
            for around in folders_around(member.home):
                found.setdefault(around, set()).add(number)
        return found

    def is_package(self, folder: str) -> bool:
        """Tell whether a folder has an `__init__`."""
        return f"{folder}/__init__.py" in self.ids or f"{folder}/__init__.pyi" in self.ids

    def init_files(self, folder: str) -> list[int]:
        """Return the `__init__` files directly in a folder."""
        stem = f"{folder}/__init__" if folder else "__init__"
        return [self.ids[p] for p in (f"{stem}.py", f"{stem}.pyi") if p in self.ids]

    @cached_property
    def subpackage_inits(self) -> Mapping[str, list[int]]:
        """Folder -> the `__init__` files of the folders directly in it."""
        found: dict[str, list[int]] = {}
        for number, path in enumerate(self.paths):
            inner, _, name = path.rpartition("/")
            if inner and name.startswith("__init__."):
                found.setdefault(inner.rpartition("/")[0], []).append(number)
        return found

    def stub_or_module(self, path: str) -> list[int]:
        """Return the stub of a module, or the module of a stub."""
        stem, _, ending = path.rpartition(".")
        other = self.ids.get(f"{stem}.{'pyi' if ending == 'py' else 'py'}")
        return [] if other is None else [other]

    def test_setup_files(self, folder: str) -> list[int]:
        """Return what pytest runs for a test in a folder: from there up to the workspace root.

        Source: pytest's documentation; `Package.setup` imports the `__init__.py` of every folder
        around a test, also where a folder without one lies between.
        """
        found = []
        for up in folders_around(folder):
            for name in ("conftest.py", "__init__.py"):
                number = self.ids.get(f"{up}/{name}" if up else name)
                if number is not None:
                    found.append(number)
        return found

    def folders_named(self, path: str, folder: str) -> list[str]:
        """Return the nearest folder that a relative path can be: from a folder or any above it."""
        return [inner for inner in paths_around(path, folder) if inner in self.folders][:1]

    def files_named(self, path: str, folder: str) -> list[int]:
        """Return the nearest Python file that a relative path can be: as `folders_named`."""
        if not path.rstrip("/").endswith((".py", ".pyi")):
            return []
        return [self.ids[inner] for inner in paths_around(path, folder) if inner in self.ids][:1]

    def files_below(self, folders: Iterable[str]) -> list[int]:
        """Return all files in some folders and below them."""
        found: list[int] = []
        for folder in folders:
            start = f"{folder}/" if folder else ""
            for inner, numbers in self.by_folder.items():
                if inner == folder or inner.startswith(start):
                    found += numbers
        return found
