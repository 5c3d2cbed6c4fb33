"""Decide which packages have a test session, and which code its coverage measures."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence

from tradai_tasks.files.file_tree import Tree, join
from tradai_tasks.workspace.discovery import Package, Workspace
from tradai_tasks.workspace.layout import TEST_FILE, Layout

__all__ = ["is_root_of_others", "shares"]


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
    markers: Sequence[str],
) -> dict[Package, Layout]:
    """Return each package with a test session, with its tests and the code that they cover.

    That is its own code; a package with code but no tests has a session that fails, since having
    none would look like success. But if the workspace root only holds others together and has
    tests, those are the tests of every member without any, and cover its code.

    Args:
        tree: The repository.
        workspace: What is in it.
        layouts: The layout of each package.
        markers: Markers of tests that have a session of their own.
    """
    found: dict[Package, Layout] = {}
    root: Package | None = workspace.virtual_root
    for package, layout in layouts.items():
        if is_root_of_others(package, layout, workspace):
            root = package
        elif package.settings.test and (layout.has_code or layout.tests):
            found[package] = layout
    tests = _root_tests(tree, workspace, markers) if root and root.settings.test else ()
    if root is None or not tests:
        return found
    without = [p for p, held in found.items() if p.project == "." and not held.tests]
    own = layouts[root].imports if root in layouts else ()
    code = [module for module in own if not module.path.endswith(".py")]
    code += [module for package in without for module in layouts[package].imports]
    alone = {package: held for package, held in found.items() if package not in without}
    return {root: Layout(source_roots=(".",), imports=tuple(code), tests=tests), **alone}


def _root_tests(tree: Tree, workspace: Workspace, markers: Sequence[str]) -> tuple[str, ...]:
    """Return the root's test folders with tests that have no session of their own."""
    members = {package.path for package in workspace.packages}
    word = re.compile("|".join(rf"\b{re.escape(marker)}\b" for marker in markers).encode())
    return tuple(
        folder
        for folder in ("tests", "test")
        if folder not in members and any(_unmarked(tree, folder, word))
    )


def _unmarked(tree: Tree, folder: str, word: re.Pattern[bytes]) -> Iterator[str]:
    """Yield the test files below a folder in which no marker can apply."""
    names = tree.files(folder)
    if word.search(folder.encode()):
        return
    if "conftest.py" in names and word.search(tree.read(join(folder, "conftest.py"))):
        return  # it may mark any test below it
    for name in names:
        path = join(folder, name)
        if TEST_FILE.match(name) and not word.search(name.encode() + b"\n" + tree.read(path)):
            yield path
    for name in tree.folders(folder):
        if not name.startswith((".", "__pycache__")):
            yield from _unmarked(tree, join(folder, name), word)
