"""Say of every Python file of the repository what it is and which sessions look at it.

lint, typecheck, security, coverage and the discovery of tests take their files from here, so that a
file can be left out in one place only, where it is named.
"""

from __future__ import annotations

import functools
from bisect import bisect_left
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from typing import Literal

import msgspec
from msgspec.structs import replace

from tradai_tasks.files.file_tree import Tree, folders_above
from tradai_tasks.files.path_globs import matches
from tradai_tasks.settings.model import Settings
from tradai_tasks.workspace.discovery import Package, Workspace
from tradai_tasks.workspace.file_kinds import Area, FileKind, KindRules, areas_of
from tradai_tasks.workspace.layout import Layout
from tradai_tasks.workspace.pytest_configuration import may_collect, pytest_configuration

Look = Literal["lint", "typecheck", "security", "coverage", "test"]
LOOKS: tuple[Look, ...] = ("lint", "typecheck", "security", "coverage", "test")


class InventoryFile(msgspec.Struct, frozen=True, kw_only=True):
    """One file: what it is, and who looks at it."""

    path: str  # POSIX from the workspace root
    kind: FileKind
    area: Area  # the package, service, lambda, stack or project that has it, or the root
    looks: frozenset[Look]  # the sessions that look at it; `coverage` is measured by `test`
    tested_by: str | None = None  # of a test: path of the package whose session runs it
    is_installed: bool = False  # part of an import package or module that the package declares
    reason: str | None = None  # why the settings say that it need not be checked
    why: str = ""  # why no session looks at it, where that is known

    @property
    def is_unseen(self) -> bool:
        """Whether it is a test that no session collects, or source that none examines."""
        if self.reason is not None:
            return False
        if self.kind == "test":
            return "test" not in self.looks
        return self.kind in {"source", "generated"} and self.looks <= {"lint"}


class Inventory:
    """All Python files of a repository, by path; those of one area are looked at when asked for."""

    def __init__(self, rules: LookRules, gone: frozenset[str] = frozenset()) -> None:
        """Create a view; `gone` are sessions that the repository does not have."""
        self.rules = rules
        self._gone = gone
        self._by_area: dict[str, tuple[InventoryFile, ...]] = {}
        self._tests_by_area: dict[str, Mapping[str, set[str | None]]] = {}

    @functools.cached_property
    def files(self) -> tuple[InventoryFile, ...]:
        """Every file, sorted by path."""
        found = (file for path in self.rules.by_area for file in self._of_area(path))
        return tuple(sorted(found, key=lambda file: file.path))

    @functools.cached_property
    def unmatched(self) -> tuple[str, ...]:
        """Globs of `unchecked` that match no file."""
        globs = (glob for entry in self.rules.settings.unchecked for glob in entry.paths)
        return tuple(g for g in globs if not any(matches(file.path, g) for file in self.files))

    @property
    def unseen(self) -> tuple[InventoryFile, ...]:
        """The tests that no session collects, and source that none examines."""
        return tuple(file for file in self.files if file.is_unseen)

    @property
    def unchecked(self) -> tuple[InventoryFile, ...]:
        """The files that the settings say need not be checked, each with its `reason`."""
        return tuple(file for file in self.files if file.reason is not None)

    def without(self, sessions: Collection[str]) -> Inventory:
        """Return the inventory of a repository that does not have some of the sessions."""
        gone = frozenset(sessions) | ({"coverage"} if "test" in sessions else set())
        return Inventory(self.rules, gone) if gone & set(LOOKS) else self

    def seen_by(self, look: Look) -> tuple[InventoryFile, ...]:
        """Return the files that a session looks at."""
        return self._by_look[look]

    @functools.cached_property
    def _by_look(self) -> Mapping[Look, tuple[InventoryFile, ...]]:
        return {look: tuple(f for f in self.files if look in f.looks) for look in LOOKS}

    def sources(self, path: str) -> tuple[InventoryFile, ...]:
        """Return the code of a package or unit by its folder: what it must answer for itself."""
        return tuple(
            file
            for file in self._of_area(path)
            if file.kind in {"source", "generated"} and file.reason is None
        )

    def below(self, paths: Collection[str]) -> Iterator[InventoryFile]:
        """Yield the files at some paths, and those below the folders among them."""
        wanted = frozenset(paths)
        for area in sorted({area for path in wanted for area in self.rules.areas_below(path)}):
            for file in self._of_area(area):
                if file.path in wanted or wanted & folders_above([file.path]):
                    yield file

    def tests(self, path: str) -> tuple[InventoryFile, ...]:
        """Return the test files that the test session of a package runs, by its folder."""
        areas = self.rules.areas_tested_in(path)
        found = [f for area in areas for f in self._of_area(area) if f.tested_by == path]
        return tuple(sorted((f for f in found if "test" in f.looks), key=lambda file: file.path))

    def find_tests(self, path: str) -> Iterator[InventoryFile]:
        """Yield the tests and doctests of a package, by its folder, as they are found."""
        for area in self.rules.areas_tested_in(path):
            files = self._by_area.get(area) or self.rules.files(area, first="test")
            yield from (file for file in files if "test" in file.looks - self._gone)

    def has_only_tests_of(self, path: str, folder: str) -> bool:
        """Return whether all tests below a folder are run by the test session of one package."""
        areas = self.rules.areas_below(folder)
        return all(self._tests_of_area(area).get(folder, set()) <= {path} for area in areas)

    def _tests_of_area(self, area: str) -> Mapping[str, set[str | None]]:
        """Return which sessions run the tests of an area, by each folder above them."""
        if area not in self._tests_by_area:
            found = self._tests_by_area[area] = {}
            for file in self._of_area(area):
                if file.kind == "test":
                    session = file.tested_by if "test" in file.looks else None
                    for folder in folders_above([file.path]):
                        found.setdefault(folder, set()).add(session)
        return self._tests_by_area[area]

    def _of_area(self, path: str) -> tuple[InventoryFile, ...]:
        if path not in self._by_area:
            found = self.rules.files(path)
            if self._gone:
                found = (replace(file, looks=file.looks - self._gone) for file in found)
            self._by_area[path] = tuple(found)
        return self._by_area[path]


class LookRules(msgspec.Struct, frozen=True, kw_only=True, dict=True):
    """Decides which sessions look at a file, by its kind and by whose it is."""

    paths: Callable[[], Iterable[str]]  # returns every file that git tracks or would
    tree: Tree
    workspace: Workspace
    layouts: Mapping[Package, Layout]
    settings: Settings

    @property
    def _is_of_strategies(self) -> bool:
        return self.workspace.kind == "strategies"

    @functools.cached_property
    def _has_root_tests(self) -> bool:
        virtual = self.workspace.virtual_root
        root = next((p for p in self.workspace.packages if p.path == "."), virtual)
        return root is not None and root.settings.test

    @functools.cached_property
    def _listed(self) -> tuple[str, ...]:
        return tuple(sorted(dict.fromkeys(self.paths())))

    @functools.cached_property
    def _stubs(self) -> frozenset[str]:
        return frozenset(path for path in self._listed if path.endswith(".pyi"))

    @functools.cached_property
    def kinds(self) -> KindRules:
        """What says of each file what it is."""
        areas = areas_of(self._listed, self.tree, self.workspace)
        return KindRules(self.tree, self.layouts, areas, self.settings.test.args)

    @functools.cached_property
    def by_area(self) -> Mapping[str, Sequence[str]]:
        """The paths in each area, by its own, both in order."""
        found: dict[str, list[str]] = {area: [] for area in sorted(self.kinds.areas)}
        for path in self._listed:
            found[self.kinds.area(path).path].append(path)
        return found

    @functools.cached_property
    def _areas(self) -> Sequence[str]:
        return tuple(self.by_area)

    def areas_below(self, folder: str) -> list[str]:
        """Return the area that a folder is in, and those that are in the folder."""
        inner = range(*(bisect_left(self._areas, folder + end) for end in ("/", "0")))
        return [self.kinds.area(f"{folder}/").path, *(self._areas[place] for place in inner)]

    def areas_tested_in(self, home: str) -> Sequence[str]:
        """Return the areas whose tests are run in a folder: those of a package, or of the root."""
        if home != ".":
            return [home]
        configuration = pytest_configuration(self.tree, ".", self.settings.test.args)
        others = frozenset(one.path for one in self.workspace.packages if one.path != ".")
        if not may_collect(self.tree, configuration, others):
            return []  # spares the list of all files
        return [path for path, area in self.kinds.areas.items() if area.test_home == "."]

    def files(self, area: str, *, first: str = "") -> Iterator[InventoryFile]:
        """Look at every file of an area, at first at those with some word in their paths."""
        for path in sorted(self.by_area.get(area, ()), key=lambda path: first not in path):
            # git also lists files that were deleted, or that a sparse checkout leaves out
            is_there = self.tree.is_file(path)
            kind = self.kinds.kind(path, self.kinds.areas[area]) if is_there else None
            if kind is not None:
                file = self._file(path, kind, self.kinds.areas[area])
                reasons = (
                    entry.reason
                    for entry in self.settings.unchecked
                    if any(matches(path, glob) for glob in entry.paths)
                )
                if (reason := next(reasons, None)) is not None:
                    file = replace(file, reason=reason, looks=file.looks & {"lint"})
                yield file

    def _file(self, path: str, kind: FileKind, area: Area) -> InventoryFile:
        rules = self.kinds
        looks: set[Look] = set()
        why = ""
        tested_by = None
        is_code = kind != "test" or path.endswith(".py")  # else text with doctests
        if is_code and not (self._is_of_strategies and area.package is None):
            looks.add("lint")  # of strategies, each is linted for itself
        is_python = path.endswith(".py")
        is_installed = rules.is_installed(path, area)
        if kind == "test":
            tested_by = area.test_home
            why = self._why_no_test(path, area)
            if not why:
                looks.add("test")
            if is_python and area.package and (self.settings.typecheck.tests or is_installed):
                looks.add("typecheck")  # mypy reads import packages with all that is in them
            if is_installed and not rules.is_in_test_folder(path, area):
                looks.add("security")  # it has the name of a test, but need not be one
        elif kind in {"source", "generated"}:
            is_checked = area.is_known and not (self._is_of_strategies and area.package is None)
            if is_checked and path.endswith((".py", ".pyi")) and not self._has_stub(path):
                looks.add("typecheck")  # mypy reads the stub instead of a module that has one
            if (area.is_known or area.noun == "stack") and is_python:
                looks.add("security")
            if area.package is not None and area.package.settings.test and is_python:
                looks.add("coverage")
            if is_python and rules.configuration(area).doctest_modules and "coverage" in looks:
                looks.add("test")
            why = "" if area.is_known else f"{area.path} is {area.described}"
        return InventoryFile(
            path=path,
            kind=kind,
            area=area,
            looks=frozenset(looks),
            tested_by=tested_by,
            is_installed=is_installed,
            why=why,
        )

    def _has_stub(self, path: str) -> bool:
        return f"{path}i" in self._stubs and self.tree.is_file(f"{path}i")

    def _why_no_test(self, path: str, area: Area) -> str:
        if area.noun == "project":
            return f"{area.path} is {area.described}"
        if area.package is not None and not area.package.settings.test:
            return f"the settings say `test = false` for {area.package.name}"
        if area.package is None and not self._has_root_tests:
            return "there is no test session for files outside the packages"
        barred = self.kinds.barred(path, area)
        if barred is not None:
            configuration = self.kinds.configuration(area)
            stated = f" ({configuration.file})" if configuration.states_norecursedirs else ""
            return f"pytest does not enter {barred}: norecursedirs{stated}"
        return ""
