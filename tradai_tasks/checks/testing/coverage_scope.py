"""Decide which packages have a test session, and which code its coverage measures."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

from msgspec.structs import replace

from tradai_tasks.checks.testing.module_markers import marks_all
from tradai_tasks.files.file_tree import folders_above
from tradai_tasks.workspace.discovery import Package, Workspace
from tradai_tasks.workspace.inventory import Inventory
from tradai_tasks.workspace.layout import Layout
from tradai_tasks.workspace.loose_code import with_loose_code


def is_root_of_others(package: Package, layout: Layout, workspace: Workspace) -> bool:
    """Return whether a package is a workspace root that only holds others together.

    It has no code, or uv does not install it. Its tests are tests of the members.
    """
    if package.path != "." or (package.is_installed and layout.has_code):
        return False
    return any(other.path != "." for other in workspace.packages)


class Shares(Mapping[Package, Layout]):
    """Each package with a test session, with its tests and the code that they cover.

    That is its own code, with what lies beside its import packages. If the workspace root only
    holds others together and has tests, those are the tests of every member without any, and cover
    its code. Tests outside the packages are the root's. Any other package with code but no tests
    has a session that fails where tests are required, or where no package has any; else it has
    none, and is `untested`.
    """

    def __init__(self, inventory: Inventory, markers: Sequence[str], *, required: bool) -> None:
        """Find the packages.

        `markers` are those of tests that have a session of their own; `required` is whether every
        package with code must have tests.
        """
        workspace, layouts = inventory.rules.workspace, inventory.rules.layouts
        self._layouts = layouts
        self._inventory = inventory
        self._known: dict[Package, Layout] = {}
        roots = [p for p, held in layouts.items() if is_root_of_others(p, held, workspace)]
        root = roots[-1] if roots else workspace.virtual_root
        own = [p for p in layouts if p not in roots and p.settings.test and self._has_any(p)]
        self._root: Package | None = None
        self._without: list[Package] = []
        if root and root.settings.test and _any_unmarked(inventory, markers):
            self._root = root
            tested = {p for p in own if p.project != "." or any(inventory.find_tests(p.path))}
            self._without = [p for p in own if p not in tested]
            own = [root, *(p for p in own if p in tested)]
        held = own if required else [p for p in own if p is self._root or self._has_tests(p)]
        self._packages = dict.fromkeys(held or own)
        self.untested = tuple(p for p in own if p not in self._packages)

    def __iter__(self) -> Iterator[Package]:
        """Return the packages with a test session."""
        return iter(self._packages)

    def __len__(self) -> int:
        """Return how many packages have one."""
        return len(self._packages)

    def __getitem__(self, package: Package) -> Layout:
        """Return the tests of a package's session, and the code that they cover."""
        if package not in self._packages:
            raise KeyError(package)
        return self._own(package) if package != self._root else self._of_root(package)

    def _has_any(self, package: Package) -> bool:
        """Return whether a package has code or tests."""
        if self._layouts[package].has_code:
            return True
        share = self._own(package)
        return share.has_code or bool(share.tests)

    def _has_tests(self, package: Package) -> bool:
        return bool(self._layouts[package].tests or self._own(package).tests)

    def _own(self, package: Package) -> Layout:
        if package not in self._known:
            layout, inventory = self._layouts[package], self._inventory
            tests = test_arguments(inventory, package.path, layout.tests)
            covered = with_loose_code(package, layout, inventory, "coverage")
            self._known[package] = replace(covered, tests=tests)
        return self._known[package]

    def _of_root(self, root: Package) -> Layout:
        frame = self._layouts.get(root, Layout(source_roots=(".",), imports=(), tests=()))
        code = [module for module in frame.imports if not module.path.endswith(".py")]
        code += [module for package in self._without for module in self._own(package).imports]
        tests = test_arguments(self._inventory, root.path, ("tests", "test"))
        return Layout(source_roots=(".",), imports=tuple(code), tests=tests)


def test_arguments(inventory: Inventory, home: str, folders: Sequence[str]) -> tuple[str, ...]:
    """Return the folders and files that make pytest collect just the tests of one session.

    A folder is given where all tests below it are of this session, so that a `collect_ignore`
    applies; else its files are. `folders` are where its tests usually are; given as they are if
    they hold any.
    """
    tests = inventory.tests(home)
    found: dict[str, None] = {}
    for file in tests:
        known = next((one for one in folders if f"{file.path}/".startswith(f"{one}/")), None)
        folder = known or file.path.rpartition("/")[0] or "."
        is_whole = folder not in {".", home} and inventory.has_only_tests_of(home, folder)
        found[folder if is_whole or folder == file.path else file.path] = None
    for file in inventory.sources(home):
        if "test" in file.looks:  # doctests
            found[file.path] = None
    whole = frozenset(found)
    return tuple(path for path in found if not whole & folders_above([path]))


def _any_unmarked(inventory: Inventory, markers: Sequence[str]) -> bool:
    """Return whether the root has a test that may have none of the markers."""
    tests = (file.path for file in inventory.find_tests(".") if file.tested_by == ".")
    return any(not marks_all(inventory.rules.tree.read(path), markers) for path in tests)
