"""Add code outside a package's import packages to its layout, so that sessions check it."""

from __future__ import annotations

from msgspec.structs import replace

from tradai_tasks.workspace.discovery import Package
from tradai_tasks.workspace.inventory import Inventory, Look
from tradai_tasks.workspace.layout import ImportName, Layout


def with_loose_code(package: Package, layout: Layout, inventory: Inventory, look: Look) -> Layout:
    """Return a layout with every file that a session is to look at among its imports.

    Files that cannot be imported by a name are left out for `coverage`, which finds code by names.
    """
    modules = dict.fromkeys(layout.imports)
    roots = dict.fromkeys(layout.source_roots)
    for file in inventory.sources(package.path):
        if look not in file.looks or file.is_installed:
            continue
        root, module = _module(file.path, package.path, layout.source_roots)
        is_named = all(map(str.isidentifier, module.name.split(".")))
        if is_named or look != "coverage":
            modules[module] = None
            roots[root] = None
    if len(modules) == len(layout.imports):
        return layout
    return replace(layout, imports=tuple(modules), source_roots=tuple(roots))


def units_of(inventory: Inventory) -> tuple[str, ...]:
    """Return the folders of services and lambdas without a project that are type-checked."""
    files = inventory.seen_by("typecheck")
    return tuple(dict.fromkeys(file.area.path for file in files if file.area.package is None))


def requirements_of(path: str) -> str:
    """Return where a service or lambda without a project lists what it needs installed."""
    return f"{path}/requirements.txt"


def layout_of_unit(path: str, inventory: Inventory) -> Layout:
    """Return the layout of a service or lambda without a project, for its type check."""
    empty = Layout(source_roots=(path,), imports=(), tests=())
    return with_loose_code(unit_package(path), empty, inventory, "typecheck")


def unit_package(path: str) -> Package:
    """Return a package that stands for a service or lambda without a project."""
    return Package(name=path, path=path, project=".", document={})


def _module(path: str, home: str, roots: tuple[str, ...]) -> tuple[str, ImportName]:
    """Return a file's source root and its name from there, as mypy and Python find it.

    The root is the nearest source root above it, or the package's folder; below a folder whose name
    is no identifier, it is that folder.
    """
    above = [root for root in roots if root == "." or path.startswith(f"{root}/")]
    root = max([home, *above], key=lambda folder: (folder != ".", len(folder)))
    inner = path if root == "." else path[len(root) + 1 :]
    *folders, name = inner.rpartition(".")[0].split("/")
    for depth in range(len(folders), 0, -1):
        if not folders[depth - 1].isidentifier():
            root = "/".join([*([] if root == "." else [root]), *folders[:depth]])
            folders = folders[depth:]
            break
    parts = folders if name == "__init__" and folders else [*folders, name]
    return root, ImportName(name=".".join(parts), path=path)
