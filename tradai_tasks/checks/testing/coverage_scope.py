"""Decide which packages have a test session, and which code its coverage measures."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace

from tradai_tasks.checks.testing.module_markers import marks_all
from tradai_tasks.files.file_tree import Tree, folders_above
from tradai_tasks.workspace.discovery import Package, Workspace
from tradai_tasks.workspace.inventory import Inventory
from tradai_tasks.workspace.layout import Layout
from tradai_tasks.workspace.loose_code import with_loose_code


def is_root_of_others(package: Package, layout: Layout, workspace: Workspace) -> bool:
    """Return whether a package is a workspace root that only holds others together.

    It has no code, or uv does not install it, so that scripts at its top level are not a package.
    Its tests are tests of the members.
    """
    if package.path != "." or (package.is_installed and layout.has_code):
        return False
    return any(other.path != "." for other in workspace.packages)


def shares(
    tree: Tree,
    workspace: Workspace,
    layouts: Mapping[Package, Layout],
    inventory: Inventory,
    markers: Sequence[str],
) -> dict[Package, Layout]:
    """Return each package with a test session, with its tests and the code that they cover.

    That is its own code, with what lies beside its import packages; a package with code but no
    tests has a session that fails, since having none would look like success. But if the workspace
    root only holds others together and has tests, those are the tests of every member without any,
    and cover its code. Tests outside the packages are the root's.

    Args:
        tree: The repository.
        workspace: What is in it.
        layouts: The layout of each package.
        inventory: Every Python file.
        markers: Markers of tests that have a session of their own.
    """
    found: dict[Package, Layout] = {}
    root: Package | None = workspace.virtual_root
    for package, layout in layouts.items():
        if is_root_of_others(package, layout, workspace):
            root = package
            continue
        share = replace(
            with_loose_code(package, layout, inventory, "coverage"),
            tests=test_arguments(inventory, package.path, layout.tests),
        )
        if package.settings.test and (share.has_code or share.tests):
            found[package] = share
    if root is None or not root.settings.test or not _any_unmarked(tree, inventory, markers):
        return found
    frame = layouts.get(root, Layout(source_roots=(".",), imports=(), tests=()))
    without = [p for p, held in found.items() if p.project == "." and not held.tests]
    code = [module for module in frame.imports if not module.path.endswith(".py")]
    code += [module for package in without for module in found[package].imports]
    alone = {package: held for package, held in found.items() if package not in without}
    tests = test_arguments(inventory, root.path, ("tests", "test"))
    return {root: Layout(source_roots=(".",), imports=tuple(code), tests=tests), **alone}


def test_arguments(inventory: Inventory, home: str, folders: Sequence[str]) -> tuple[str, ...]:
    """Return the folders and files that make pytest collect just the tests of one session.

    A folder is given where all tests below it are of this session, so that a `collect_ignore`
    applies; else its files are.

    Args:
        inventory: Every Python file.
        home: The folder of the package whose session it is.
        folders: Where its tests usually are; given as they are if they hold any.
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


def _any_unmarked(tree: Tree, inventory: Inventory, markers: Sequence[str]) -> bool:
    """Return whether the root has a test that may have none of the markers."""
    return any(not marks_all(tree.read(file.path), markers) for file in inventory.tests("."))
