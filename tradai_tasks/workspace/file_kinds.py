"""Say what a file of the repository is, and which package, service, lambda or stack has it."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from typing import Literal

import msgspec

from tradai_tasks.files.file_tree import Tree, join
from tradai_tasks.workspace.discovery import Package, Workspace
from tradai_tasks.workspace.layout import Layout
from tradai_tasks.workspace.pytest_configuration import PytestConfiguration, pytest_configuration

FileKind = Literal["source", "generated", "test", "support", "script", "documentation"]
AreaNoun = Literal["package", "strategy", "service", "lambda", "stack", "project", "root"]

_CODE = (".py", ".pyi", ".pyw", ".ipynb")
_GENERATED = re.compile(r"_pb2(_grpc)?\.pyi?\Z")
_TEST_FOLDER = re.compile(r"(?:.*[_-])?tests?(?:[_-].*)?\Z", re.IGNORECASE)
_DOCUMENTATION = frozenset({"doc", "docs", "documentation"})
_SCRIPT_FOLDERS = frozenset(
    {"benchmark", "benchmarks", "bin", "example", "examples", "notebooks", "script", "scripts",
     "tools"}
)  # fmt: skip
_SCRIPTS = frozenset({"dodo.py", "fabfile.py", "noxfile.py", "pavement.py", "setup.py"})
_SHEBANG = re.compile(rb"#!\s*\S*(?:/env\s+(?:-S\s+)?\S*)?\bpython[\d.]*w?\b|#!.*\buv run\b")
_UNITS: Mapping[str, AreaNoun] = {"services/": "service", "lambdas/": "lambda"}
_EXAMPLE = b">>>"  # how an example in a doctest begins


class Area(msgspec.Struct, frozen=True, kw_only=True):
    """A folder whose files belong together, with all below it that is no area of its own."""

    noun: AreaNoun
    path: str  # POSIX from the workspace root; "." for the root
    package: Package | None = None
    holds_code: bool = True  # false where code is in other areas: a root of members

    @property
    def is_known(self) -> bool:
        """Whether the library's sessions check its code for themselves."""
        return self.noun in {"package", "strategy", "service", "lambda"}

    @property
    def test_home(self) -> str:
        """The folder that pytest is started in for its tests: the package's own, or the root."""
        return "." if self.package is None else self.package.path

    @property
    def described(self) -> str:
        """What it is, for a message."""
        if self.noun == "project":
            return (
                "a project of its own that no session knows; add it to tool.uv.workspace.members "
                "or to the setting `members`"
            )
        return f"a {self.noun}"


def areas_of(paths: Iterable[str], tree: Tree, workspace: Workspace) -> dict[str, Area]:
    """Return the areas of a repository by their folder; the root is always one."""
    others = [package for package in workspace.packages if package.path != "."]
    found: dict[str, Area] = {".": Area(noun="root", path=".", holds_code=False)}
    for package in workspace.packages:
        is_frame = package.path == "." and bool(others) and not package.is_installed
        noun: AreaNoun = "strategy" if package.is_strategy else _noun(package.path)
        found[package.path] = Area(
            noun=noun, path=package.path, package=package, holds_code=not is_frame
        )
    for stack in workspace.stacks:
        top = stack.path.partition("/")[0]
        found.setdefault(top, Area(noun="stack", path=top))
    for path in (path for path in paths if path.endswith("/pyproject.toml")):
        folder = path.rpartition("/")[0]
        # a project in a folder of tests is data of a test
        if folder in found or any(map(_TEST_FOLDER.match, folder.split("/"))):
            continue
        if tree.is_file(path) and b"[project]" in tree.read(path):
            found[folder] = Area(noun="project", path=folder)
    for path in (path for path in paths if path.startswith(tuple(_UNITS)) and path.endswith(".py")):
        parts = path.split("/")
        unit = "/".join(parts[:2])
        is_deep = len(parts) > 2 and not _TEST_FOLDER.match(parts[1])  # noqa: PLR2004 - services/<name>/<file>
        if is_deep and unit not in found and tree.is_file(path):
            found[unit] = Area(noun=_noun(unit), path=unit)
    return found


def _noun(path: str) -> AreaNoun:
    return _UNITS.get(f"{path.partition('/')[0]}/", "package")


class KindRules:
    """The rules that say what a file is, with what they need to know of the repository."""

    def __init__(
        self,
        tree: Tree,
        layouts: Mapping[Package, Layout],
        areas: Mapping[str, Area],
        args: Sequence[str],
    ) -> None:
        """Prepare the rules; `areas` are from `areas_of`, `args` are of each pytest run."""
        self._tree = tree
        self.areas = areas
        self._args = args
        self._configurations: dict[str, PytestConfiguration] = {}
        self._imports = {
            package.path: frozenset(module.path for module in layout.imports)
            for package, layout in layouts.items()
        }
        # What depends on a file's folder alone is looked up once for each folder.
        self._folders: dict[str, Area] = {".": areas["."]}
        self._import_by_folder: dict[tuple[str, str], str | None] = {}
        self._is_in_tests: dict[tuple[str, str], bool] = {}
        self._testpaths: dict[str, tuple[str, ...]] = {}

    def area(self, path: str) -> Area:
        """Return the area of a file: the nearest folder above it that is one."""
        return self._area_of_folder(path.rpartition("/")[0] or ".")

    def _area_of_folder(self, folder: str) -> Area:
        if folder not in self._folders:
            above = folder.rpartition("/")[0] or "."
            self._folders[folder] = self.areas.get(folder) or self._area_of_folder(above)
        return self._folders[folder]

    def configuration(self, area: Area) -> PytestConfiguration:
        """Return the pytest configuration in force for an area's tests."""
        home = area.test_home
        if home not in self._configurations:
            self._configurations[home] = pytest_configuration(self._tree, home, self._args)
        return self._configurations[home]

    def is_installed(self, path: str, area: Area) -> bool:
        """Return whether a file is in an import package or module that its package declares."""
        return self._import_of(path, area) is not None

    def _import_of(self, path: str, area: Area) -> str | None:
        """Return the import package or module that a file is in; None if there is none."""
        if path in self._imports.get(area.path, ()):
            return path
        return self._import_above(path.rpartition("/")[0], area)

    def _import_above(self, folder: str, area: Area) -> str | None:
        key = (folder, area.path)
        if key not in self._import_by_folder:
            imports = self._imports.get(area.path, frozenset())
            above = folder
            while len(above) > len(area.path) or (above and area.path == "."):
                if above in imports:
                    break
                above = above.rpartition("/")[0]
            self._import_by_folder[key] = above if above in imports else None
        return self._import_by_folder[key]

    def barred(self, path: str, area: Area) -> str | None:
        """Return the folder above a test file that pytest does not enter; None if there is none."""
        configuration = self.configuration(area)
        start = 0 if area.test_home == "." else len(area.test_home) + 1
        parts = path[start:].split("/")[:-1]
        for depth in range(1, len(parts) + 1):
            folder = path[:start] + "/".join(parts[:depth])
            if not configuration.enters(folder):
                return folder
        return None

    def kind(self, path: str, area: Area) -> FileKind | None:
        """Return what a file is; None if it is neither Python nor read for doctests."""
        name = path.rpartition("/")[2]
        configuration = self.configuration(area)
        if not name.endswith(_CODE):
            if configuration.is_doctest(path) and _EXAMPLE in self._tree.read(path):
                return "test"
            return "script" if "." not in name and self._has_shebang(path) else None
        if configuration.is_test(path):
            return "test"
        if name == "conftest.py":
            return "support"
        is_installed = self.is_installed(path, area)
        if self.is_in_test_folder(path, area) or (
            not is_installed and self._in_testpaths(path, area)
        ):
            return "support"
        if is_installed and not name.endswith(".ipynb"):
            return "generated" if _GENERATED.search(name) else "source"
        return self._loose_kind(name, self._folders_below(path, area), area)

    def is_in_test_folder(self, path: str, area: Area) -> bool:
        """Return whether a folder above a file, in its area or import package, is one of tests."""
        if path in self._imports.get(area.path, ()):
            return False
        key = (path.rpartition("/")[0], area.path)
        if key not in self._is_in_tests:
            below = self._folders_below(path, area)
            self._is_in_tests[key] = any(map(_TEST_FOLDER.match, below))
        return self._is_in_tests[key]

    def _folders_below(self, path: str, area: Area) -> list[str]:
        """Return the names of the folders between a file and its import package, or its area."""
        home = self._import_of(path, area) or ("" if area.path == "." else area.path)
        return [part for part in path[len(home) :].split("/")[:-1] if part]

    def _loose_kind(self, name: str, folders: list[str], area: Area) -> FileKind:
        """Return the kind of a file outside the import packages."""
        if folders and folders[0] in _DOCUMENTATION:
            return "documentation"
        is_aside = any(one in _SCRIPT_FOLDERS or one.startswith(".") for one in folders)
        if is_aside or name in _SCRIPTS or name.endswith(".ipynb") or not area.holds_code:
            return "script"
        return "generated" if _GENERATED.search(name) else "source"

    def _in_testpaths(self, path: str, area: Area) -> bool:
        if area.test_home not in self._testpaths:
            configuration = self.configuration(area)
            home = (configuration.file or "").rpartition("/")[0] or "."
            stated = [one for one in configuration.testpaths if one != "."]
            self._testpaths[area.test_home] = tuple(f"{join(home, one)}/" for one in stated)
        return path.startswith(self._testpaths[area.test_home])

    def _has_shebang(self, path: str) -> bool:
        try:
            first = self._tree.read(path).partition(b"\n")[0]
        except OSError:  # a link to nowhere, or a submodule
            return False
        return _SHEBANG.match(first) is not None
