"""Decisions of `test`: what to install, what to run and what to measure."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import msgspec
from packaging.utils import canonicalize_name

from tradai_tasks.errors import ToolNotLockedError
from tradai_tasks.files.file_tree import Tree, join
from tradai_tasks.settings.load import parse_toml
from tradai_tasks.workspace.discovery import Package, dependency_groups
from tradai_tasks.workspace.layout import TEST_FILE, Layout
from tradai_tasks.workspace.locks.locked_tools import Place


class Reports(msgspec.Struct, frozen=True, kw_only=True):
    """Files that a test run leaves for CI to upload, all absolute."""

    folder: Path

    @property
    def junit(self) -> Path:
        """JUnit XML."""
        return self.folder / "junit.xml"

    @property
    def coverage_xml(self) -> Path:
        """Coverage as XML, for services that read it."""
        return self.folder / "coverage.xml"

    @property
    def coverage_json(self) -> Path:
        """Coverage as JSON, which the verdict is read from."""
        return self.folder / "coverage.json"

    @property
    def coverage_data(self) -> Path:
        """coverage.py's data file, separate for each session so that none overwrites another's."""
        return self.folder / ".coverage"

    @property
    def divided(self) -> Path:
        """Coverage as JSON, divided by test file."""
        return self.folder / "divided.json"

    @property
    def coverage_orders(self) -> Path:
        """What is to be done with coverage, as JSON."""
        return self.folder / "orders.json"

    @property
    def record(self) -> Path:
        """Folder of the record of what pytest did."""
        return self.folder / "record"

    @property
    def inputs(self) -> Path:
        """Folder of the recording of what test files load and read."""
        return self.folder / "inputs"


def sync_commands(
    package: Package,
    places: Sequence[Place],
    *,
    root: Mapping[str, object],
    is_root_of_others: bool = False,
) -> list[list[str]]:
    """Return the uv commands that install a package and its test tools, in order.

    A group of the root with the name of one of the package's needs a second call: uv would use the
    package's.
    """
    own_groups = {p.name for p in places if p.owner == "package" and p.kind == "group"}
    command = ["uv", "sync", "--locked", "--no-default-groups"]
    if is_root_of_others:
        command.append("--all-packages")  # its tests are the members'
    else:
        command += (
            ["--package", package.name] if package.project == "." else ["--project", package.path]
        )
    project = root.get("project")
    root_name = project.get("name") if isinstance(project, Mapping) else None
    inexact = ["uv", "sync", "--locked", "--inexact", "--no-default-groups"]
    further: list[list[str]] = []
    for place in places:
        option = [f"--{place.kind}", place.name]
        if place.owner == "package":
            command += option
        elif place.kind == "extra":
            named = ["--package", str(root_name), *option, "--no-install-project"]
            further.append([*inexact, *named])
        elif place.name in own_groups or place.name in dependency_groups(package.document):
            further.append([*inexact, "--only-group", place.name])
        else:
            command += option
    return [command, *further]


def check_conflicts(package: Package, places: Sequence[Place], root: Mapping[str, Any]) -> None:
    """Raise ToolNotLockedError if uv cannot install the places of test tools together.

    `tool.uv.conflicts` has sets of groups and extras that exclude each other; an entry without
    `package` is of the project in whose file it is:
    https://docs.astral.sh/uv/concepts/projects/config/#conflicting-dependencies
    """
    for document in (package.document, root):
        own = document is package.document or package.path == "."
        for entries in document.get("tool", {}).get("uv", {}).get("conflicts", []):
            met = [p for p in places if any(_is_of(entry, p, package, own) for entry in entries)]
            if len(met) > 1:
                raise ToolNotLockedError(
                    f"{join(package.path, 'pyproject.toml')}: {' and '.join(map(str, met))} "
                    f"exclude each other (tool.uv.conflicts), and the tests of {package.name} "
                    f"would have both; choose one by the setting test.groups, or the package's own "
                    f"`groups`"
                )


def _is_of(entry: Mapping[str, str], place: Place, package: Package, own: bool) -> bool:  # noqa: FBT001 - private
    stated = entry.get("package")
    is_own = own if stated is None else canonicalize_name(stated) == package.name
    name = entry.get(place.kind)
    return (
        name is not None
        and canonicalize_name(name) == canonicalize_name(place.name)
        and place.owner == ("package" if is_own else "root")
    )


def coverage_sources(tree: Tree, package: Package, layout: Layout) -> list[str]:
    """Return what coverage measures: folders by path from the package, lone modules by name.

    Coverage by name omits a package that no test imports. Folders below without `__init__.py` are
    listed too: coverage does not search them for files that were never run.
    """
    found: dict[str, None] = {}
    for module in layout.imports:
        if not module.path.endswith(".py"):
            for folder in (module.path, *_bare_folders(tree, module.path)):
                found[_from(package, folder)] = None
            continue
        parent = module.path.rpartition("/")[0] or "."
        if parent == package.path:
            found[module.name] = None
        else:
            found[_from(package, parent)] = None
    return list(found)


def _bare_folders(tree: Tree, folder: str) -> Iterable[str]:
    for name in tree.folders(folder):
        path = join(folder, name)
        if name == "__pycache__" or not name.isidentifier():
            continue
        files = tree.files(path)
        if "__init__.py" not in files and any(file.endswith(".py") for file in files):
            yield path
        yield from _bare_folders(tree, path)


def _from(package: Package, path: str) -> str:
    return path if package.path == "." else path.removeprefix(f"{package.path}/")


def coverage_config(tree: Tree, package: Package) -> str | None:
    """Return the file, from the root, with the settings of coverage.py; the nearest wins."""
    for folder in dict.fromkeys((package.path, *_above(package))):
        for name, has_settings in _COVERAGE_FILES.items():
            file = join(folder, name)
            if tree.is_file(file) and has_settings(tree.read(file), file):
                return file
    return None


def _has_table(content: bytes, file: str) -> bool:
    return "coverage" in parse_toml(content, file).get("tool", {})


def _has_section(content: bytes, _: str) -> bool:
    return re.search(rb"^\[coverage:", content, re.MULTILINE) is not None


# in coverage's own order
_COVERAGE_FILES: dict[str, Callable[[bytes, str], bool]] = {
    ".coveragerc": lambda *_: True,
    "setup.cfg": _has_section,
    "tox.ini": _has_section,
    "pyproject.toml": _has_table,
}


def _above(package: Package) -> list[str]:
    """Return the folders above a package's own, up to the root."""
    parts = package.path.split("/")[:-1]
    return ["/".join(parts[:end]) for end in range(len(parts), 0, -1)] + ["."]


def marked_files(tree: Tree, folders: Iterable[str], marker: str) -> list[str]:
    """Return the test files that may have tests with a marker; pytest then decides by `-m`."""
    word = re.compile(rb"\b" + re.escape(marker.encode()) + rb"\b")
    return [file for folder in folders for file in _marked(tree, folder, word, inherited=False)]


def _marked(tree: Tree, path: str, word: re.Pattern[bytes], *, inherited: bool) -> Iterator[str]:
    if path.endswith(".py"):
        if inherited or word.search(path.encode()) or word.search(tree.read(path)):
            yield path
        return
    names = tree.files(path)
    # a conftest.py may mark any test below it
    conftest = join(path, "conftest.py")
    inherited = inherited or ("conftest.py" in names and bool(word.search(tree.read(conftest))))
    for name in names:
        if TEST_FILE.match(name):
            yield from _marked(tree, join(path, name), word, inherited=inherited)
    for name in tree.folders(path):
        if not name.startswith((".", "__pycache__")):
            yield from _marked(tree, join(path, name), word, inherited=inherited)
