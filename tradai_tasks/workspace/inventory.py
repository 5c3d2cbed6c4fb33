"""Say of every Python file of the repository what it is and which sessions look at it.

lint, typecheck, security, coverage and the discovery of tests take their files from here, so that
a file can be left out in one place only, where it is named.
"""

from __future__ import annotations

import functools
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Literal

from tradai_tasks.files.file_tree import Tree, folders_above
from tradai_tasks.files.path_globs import matches
from tradai_tasks.settings.model import Settings
from tradai_tasks.workspace.discovery import Package, Workspace
from tradai_tasks.workspace.file_kinds import Area, FileKind, KindRules, areas_of
from tradai_tasks.workspace.layout import Layout
from tradai_tasks.workspace.pytest_configuration import PytestConfiguration, pytest_configuration

Look = Literal["lint", "typecheck", "security", "coverage", "test"]
LOOKS: tuple[Look, ...] = ("lint", "typecheck", "security", "coverage", "test")


@dataclass(frozen=True, kw_only=True, slots=True)
class InventoryFile:
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


@dataclass(frozen=True, kw_only=True)
class Inventory:
    """All Python files of a repository, by path."""

    files: tuple[InventoryFile, ...]
    unmatched: tuple[str, ...] = ()  # globs of `unchecked` that match no file

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
        gone = set(sessions) | ({"coverage"} if "test" in sessions else set())
        if not gone & set(LOOKS):
            return self
        files = tuple(replace(file, looks=file.looks - gone) for file in self.files)
        return replace(self, files=files)

    def seen_by(self, look: Look) -> tuple[InventoryFile, ...]:
        """Return the files that a session looks at."""
        return self._by_look[look]

    def sources(self, path: str) -> tuple[InventoryFile, ...]:
        """Return the code of a package or unit by its folder: what it must answer for itself."""
        return tuple(
            file
            for file in self._by_area.get(path, ())
            if file.kind in {"source", "generated"} and file.reason is None
        )

    def tests(self, path: str) -> tuple[InventoryFile, ...]:
        """Return the test files that the test session of a package runs, by its folder."""
        return self._by_session.get(path, ())

    def has_only_tests_of(self, path: str, folder: str) -> bool:
        """Return whether all tests below a folder are run by the test session of one package."""
        return self._sessions_below.get(folder, set()) <= {path}

    @functools.cached_property
    def _sessions_below(self) -> Mapping[str, set[str | None]]:
        found: dict[str, set[str | None]] = {}
        for file in self.files:
            if file.kind == "test":
                session = file.tested_by if "test" in file.looks else None
                for folder in folders_above([file.path]):
                    found.setdefault(folder, set()).add(session)
        return found

    @functools.cached_property
    def _by_look(self) -> Mapping[Look, tuple[InventoryFile, ...]]:
        return {look: tuple(f for f in self.files if look in f.looks) for look in LOOKS}

    @functools.cached_property
    def _by_area(self) -> Mapping[str, Sequence[InventoryFile]]:
        found: dict[str, list[InventoryFile]] = {}
        for file in self.files:
            found.setdefault(file.area.path, []).append(file)
        return found

    @functools.cached_property
    def _by_session(self) -> Mapping[str, tuple[InventoryFile, ...]]:
        found: dict[str, list[InventoryFile]] = {}
        for file in self.files:
            if file.tested_by is not None and "test" in file.looks:
                found.setdefault(file.tested_by, []).append(file)
        return {path: tuple(files) for path, files in found.items()}


def inventory_of(
    paths: Iterable[str],
    *,
    tree: Tree,
    workspace: Workspace,
    layouts: Mapping[Package, Layout],
    settings: Settings,
) -> Inventory:
    """Return the inventory of a repository.

    Args:
        paths: Every file that git tracks or would; where git is missing, every file.
        tree: Reads configuration, and the first line of a file without an ending.
        workspace: What discovery found.
        layouts: The layout of each package.
        settings: The settings.
    """
    # git also lists files that were deleted, or that a sparse checkout leaves out
    listed = sorted(path for path in set(paths) if tree.is_file(path))
    areas = areas_of(listed, tree, workspace)
    configurations: dict[str, PytestConfiguration] = {}
    for path in {area.test_home for area in areas.values()}:
        configurations[path] = pytest_configuration(tree, path, settings.test.args)
    rules = KindRules(tree, layouts, areas, configurations)
    looking = _Looking(workspace, settings, frozenset(listed))
    found = []
    used: set[str] = set()
    for path in listed:
        area = rules.area(path)
        kind = rules.kind(path, area)
        if kind is None:
            continue
        file = looking.file(path, kind, area, rules)
        for entry in settings.unchecked:
            met = [glob for glob in entry.paths if matches(path, glob)]
            used.update(met)
            if met and file.reason is None:
                looks = file.looks & {"lint"}
                file = replace(file, reason=entry.reason, looks=looks)
        found.append(file)
    unmatched = [g for entry in settings.unchecked for g in entry.paths if g not in used]
    return Inventory(files=tuple(found), unmatched=tuple(unmatched))


class _Looking:
    """Decides which sessions look at a file, by its kind and by whose it is."""

    def __init__(
        self,
        workspace: Workspace,
        settings: Settings,
        listed: frozenset[str],
    ) -> None:
        self.settings = settings
        self.listed = listed
        self.is_strategies = workspace.kind == "strategies"
        root = next((p for p in workspace.packages if p.path == "."), workspace.virtual_root)
        self.has_root_tests = root is not None and root.settings.test

    def file(self, path: str, kind: FileKind, area: Area, rules: KindRules) -> InventoryFile:
        looks: set[Look] = set()
        why = ""
        tested_by = None
        is_code = kind != "test" or path.endswith(".py")  # else text with doctests
        if is_code and not (self.is_strategies and area.package is None):
            looks.add("lint")  # of strategies, each is linted for itself
        is_python = path.endswith(".py")
        is_installed = rules.is_installed(path, area)
        if kind == "test":
            tested_by = area.test_home
            why = self._why_no_test(path, area, rules)
            if not why:
                looks.add("test")
            if is_python and area.package and (self.settings.typecheck.tests or is_installed):
                looks.add("typecheck")  # mypy reads import packages with all that is in them
            if is_installed and not rules.is_in_test_folder(path, area):
                looks.add("security")  # it has the name of a test, but need not be one
        elif kind in {"source", "generated"}:
            is_checked = area.is_known and not (self.is_strategies and area.package is None)
            if is_checked and path.endswith((".py", ".pyi")) and f"{path}i" not in self.listed:
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

    def _why_no_test(self, path: str, area: Area, rules: KindRules) -> str:
        if area.noun == "project":
            return f"{area.path} is {area.described}"
        if area.package is not None and not area.package.settings.test:
            return f"the settings say `test = false` for {area.package.name}"
        if area.package is None and not self.has_root_tests:
            return "there is no test session for files outside the packages"
        barred = rules.barred(path, area)
        if barred is not None:
            file = rules.configuration(area).file
            stated = f" ({file})" if rules.configuration(area).states_norecursedirs else ""
            return f"pytest does not enter {barred}: norecursedirs{stated}"
        return ""
