"""Projects from a dict of files: on disk for nox, in memory for what only reads a tree."""

from __future__ import annotations

import posixpath
from collections.abc import Iterable, Mapping
from pathlib import Path

from tradai_tasks.files.file_tree import Tree, all_files
from tradai_tasks.settings.load import load_settings
from tradai_tasks.settings.model import Settings
from tradai_tasks.workflows.checkout import FOLDER, Checkout
from tradai_tasks.workspace.discovery import Package, Workspace, discover
from tradai_tasks.workspace.inventory import Inventory, LookRules
from tradai_tasks.workspace.layout import layout_of

__all__ = ["DictTree", "checkout_of", "found", "inventory_in", "package", "project", "pyproject"]


def project(home: Path, files: Mapping[str, str | bytes]) -> Path:
    """Write files below a folder and return it."""
    for name, content in files.items():
        file = home / name
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_bytes(content.encode() if isinstance(content, str) else content)
    return home


class DictTree:
    """A tree in memory, from content by path; a path that ends with a slash is a bare folder."""

    def __init__(self, files: Mapping[str, str | bytes]) -> None:
        self._content: dict[str, bytes] = {}
        self._files: dict[str, set[str]] = {".": set()}
        self._folders: dict[str, set[str]] = {".": set()}
        for path, content in files.items():
            folder, name = posixpath.split(path)
            self._make(folder)
            if name:
                raw = content.encode() if isinstance(content, str) else content
                self._content[path] = raw
                self._files[folder or "."].add(name)

    def _make(self, folder: str) -> None:
        folder = folder or "."
        if folder in self._folders:
            return
        above, name = posixpath.split(folder)
        self._make(above)
        self._folders[above or "."].add(name)
        self._folders[folder] = set()
        self._files[folder] = set()

    def read(self, path: str) -> bytes:
        if path not in self._content:
            raise FileNotFoundError(path)
        return self._content[path]

    def is_file(self, path: str) -> bool:
        return path in self._content

    def files(self, path: str) -> tuple[str, ...]:
        return tuple(sorted(self._files.get(path, ())))

    def folders(self, path: str) -> tuple[str, ...]:
        return tuple(sorted(self._folders.get(path, ())))


def checkout_of(tree: Tree, branch: str = "main") -> Checkout:
    """A tree's place at the top of a git repository, with its workflow files."""
    files = {
        f"{FOLDER}/{name}": tree.read(f"{FOLDER}/{name}").decode() for name in tree.files(FOLDER)
    }
    return Checkout(top=Path("/nowhere"), files=files, branch=branch)


def pyproject(name: str, more: str = "") -> str:
    """A pyproject.toml of just a name; `more` is TOML that follows."""
    return f'[project]\nname = "{name}"\nversion = "1.0"\n{more}'


def package(tree: DictTree, path: str) -> Package:
    """The package of a folder, found as the library finds it."""
    return next(one for one in found(tree).packages if one.path == path)


def found(tree: DictTree, settings: Settings | None = None) -> Workspace:
    """What discovery finds, by default with the settings of the tree itself."""
    if settings is not None:
        return discover(tree, settings)
    loaded = load_settings(tree)
    return discover(tree, loaded.settings, settings_file=loaded.file)


def inventory_in(
    tree: Tree, settings: Settings | None = None, *, paths: Iterable[str] | None = None
) -> Inventory:
    """The inventory of files of a tree, by default of all and with the tree's own settings."""
    loaded = settings or load_settings(tree).settings
    workspace = discover(tree, loaded)
    nested = [one.path for one in workspace.packages]
    rules = LookRules(
        paths=lambda: all_files(tree) if paths is None else paths,
        tree=tree,
        workspace=workspace,
        layouts={one: layout_of(tree, one, nested=nested) for one in workspace.packages},
        settings=loaded,
    )
    return Inventory(rules)
