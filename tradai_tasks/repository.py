"""A repository as sessions see it: its packages, layouts, settings and tests."""

from __future__ import annotations

import functools
import re
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import msgspec

from tradai_tasks.checks.pythons import python_for
from tradai_tasks.checks.testing.coverage_scope import Shares
from tradai_tasks.checks.testing.suite_detection import Suites, folders_with, suites_of
from tradai_tasks.files.file_tree import Tree
from tradai_tasks.settings.backtest import BacktestSettings, for_strategy
from tradai_tasks.settings.load import load_settings
from tradai_tasks.settings.model import Settings
from tradai_tasks.vcs.file_list import files_of
from tradai_tasks.workspace.discovery import Package, Workspace, discover
from tradai_tasks.workspace.inventory import Inventory, LookRules
from tradai_tasks.workspace.layout import Layout, layout_of

_PYTHON = re.compile(r"(?<=.)-(?:[a-z]*-?)\d+(?:\.\d+)*t?\Z")  # test-3.11, test-pypy3.10
_DEFAULT_FLOOR = {"platform": 60.0, "strategies": 80.0}  # percent


class Repository(msgspec.Struct, frozen=True, kw_only=True, dict=True):
    """A repository, on disk or at a commit; what follows from its files is computed once."""

    root: Path  # the workspace root
    tree: Tree  # its files, at that commit or on disk
    settings: Settings
    settings_file: str  # where they are, for messages
    workspace: Workspace
    # the markers of tests with a session of their own that any test has, where they are known
    known_markers: frozenset[str] | None = None

    @property
    def is_of_strategies(self) -> bool:
        """Whether its packages are strategies, each checked and released by itself."""
        return self.workspace.kind == "strategies"

    @functools.cached_property
    def pythons(self) -> tuple[str, ...]:
        """Python versions of the settings; empty if the one that runs nox is used.

        If the settings name none, it is that of `.python-version`, or one that the packages allow
        if they do not allow the one that runs nox.
        """
        python = self.settings.python
        if python is None:
            running = ".".join(map(str, sys.version_info[:3]))
            python = python_for(self.tree, self.workspace.packages, running)
        return (python,) if isinstance(python, str) else tuple(dict.fromkeys(python or ()))

    @property
    def python(self) -> str | None:
        """The Python of sessions that run on one version: the first of the list."""
        return self.pythons[0] if self.pythons else None

    @property
    def has_several_pythons(self) -> bool:
        """Whether session names contain the Python: the settings have a list, perhaps of one."""
        return isinstance(self.settings.python, tuple)

    @functools.cached_property
    def layouts(self) -> Mapping[Package, Layout]:
        """Where each package keeps its code and tests."""
        return {one: self._layout_of(one) for one in self.workspace.packages}

    @functools.cached_property
    def _folders(self) -> frozenset[str]:
        return frozenset(one.path for one in self.workspace.packages)

    def layout(self, package: Package) -> Layout:
        """Return the layout of a package, or of a root that is none and has only tests."""
        return self.layouts.get(package) or self._layout_of(package)

    def _layout_of(self, package: Package) -> Layout:
        return layout_of(self.tree, package, nested=self._folders)

    @functools.cached_property
    def shares(self) -> Shares:
        """Each package with a test session, and the code that its coverage measures."""
        return Shares(self.inventory, self.markers, required=self.requires_tests)

    @property
    def requires_tests(self) -> bool:
        """Whether a package without tests is a fault, not only named.

        Without a setting it is where the repository is known to be of strategies or a platform.
        """
        if self.settings.test.require is not None:
            return self.settings.test.require
        folders = ("services/", "lambdas/")
        is_platform = any(one.path.startswith(folders) for one in self.workspace.packages)
        units = self.workspace.services or self.workspace.lambdas
        return bool(self.settings.kind or self.is_of_strategies or is_platform or units)

    @functools.cached_property
    def files(self) -> tuple[str, ...]:
        """All files, as git tells them, by POSIX path from the root."""
        return files_of(self.tree, sorted(self._folders))

    @functools.cached_property
    def inventory(self) -> Inventory:
        """Every Python file: what it is, and which sessions look at it."""
        rules = LookRules(
            paths=lambda: self.files,
            tree=self.tree,
            workspace=self.workspace,
            layouts=self.layouts,
            settings=self.settings,
        )
        return Inventory(rules)

    @property
    def markers(self) -> tuple[str, str]:
        """Markers of tests that have a session of their own."""
        return self.settings.contract.marker, self.settings.integration.marker

    @functools.cached_property
    def suites(self) -> Suites:
        """Which tests have such a marker, and which packages have benchmarks."""
        homes = [package.path for package in self.layouts]
        # which tests there are takes longer to find out than to read all that may be some
        likely = {*folders_with(self.tree, homes, self.markers), "."}
        owned = {p.path: self.shares[p].tests for p in self.shares if p.path in likely}
        held = (layout.tests for one, layout in self.layouts.items() if one.path in likely)
        others = {path: None for tests in held for path in tests}
        tests = {**owned, "": tuple({**others, "tests": None, "test": None})}
        return suites_of(self.tree, tests, self.markers)

    @property
    def marked(self) -> frozenset[str]:
        """Those of the markers that any test has."""
        return self.suites.marked if self.known_markers is None else self.known_markers

    @property
    def benchmarked_packages(self) -> tuple[Package, ...]:
        """Packages with a test that takes the `benchmark` fixture."""
        return tuple(one for one in self.shares if one.path in self.suites.benchmarked)

    @functools.cached_property
    def backtested_packages(self) -> tuple[Package, ...]:
        """Strategies with backtest sessions: all, unless settings say no."""
        return tuple(one for one in self.workspace.strategies if self.backtest(one).enabled)

    def backtest(self, package: Package) -> BacktestSettings:
        """Return the settings of a strategy's backtests: its own, over the repository's."""
        return for_strategy(self.settings.backtest, package.settings.backtest)

    def floor(self, package: Package) -> float:
        """Return a package's coverage floor in percent: its own, the settings', or the kind's."""
        for floor in (package.settings.floor, self.settings.test.floor):
            if floor is not None:
                return floor
        return self.default_floor

    @property
    def default_floor(self) -> float:
        """The coverage floor of such a repository where settings are silent, in percent."""
        return _DEFAULT_FLOOR[self.workspace.kind]

    def session_names(
        self, name: str, packages: Sequence[Package] | None, *, every_python: bool = False
    ) -> list[str]:
        """Return nox's names for the sessions of one name, such as `test-3.12(backend)`."""
        several = every_python and self.has_several_pythons
        prefixes = [f"{name}-{version}" for version in self.pythons] if several else [name]
        suffixes = [""]
        if packages is not None:
            suffixes = [f"({self.workspace.session_id(one)})" for one in packages]
        return [prefix + suffix for prefix in prefixes for suffix in suffixes]


def base_of(name: str) -> str:
    """Return a session's name without Python version and package: `test-3.11(a)` -> `test`."""
    return _PYTHON.sub("", name.partition("(")[0])


def read_repository(root: Path, tree: Tree, over: Mapping[str, Any] | None = None) -> Repository:
    """Read the settings of a repository, with those of `over` in their place; find its packages.

    Raises:
        TasksError: The settings or the repository have a fault.
    """
    loaded = load_settings(tree, over)
    return Repository(
        root=root,
        tree=tree,
        settings=loaded.settings,
        settings_file=loaded.file,
        workspace=discover(tree, loaded.settings, settings_file=loaded.file),
    )
