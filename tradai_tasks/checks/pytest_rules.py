"""Decisions of `test`: what to install, what to run and what the result means."""

from __future__ import annotations

import json
import re
import shlex
from collections.abc import Iterable, Iterator, Mapping, Sequence
from configparser import ConfigParser
from configparser import Error as ConfigError
from dataclasses import dataclass
from pathlib import Path
from xml.etree import ElementTree as ET  # nosec B405 - reads only what pytest has just written

from tradai_tasks.files.file_tree import Tree, join
from tradai_tasks.settings.load import parse_toml
from tradai_tasks.workspace.discovery import Package, dependency_groups
from tradai_tasks.workspace.layout import TEST_FILE, Layout
from tradai_tasks.workspace.locked_tools import Place

__all__ = [
    "PytestOutcome",
    "Reports",
    "coverage_sources",
    "judge",
    "marked_files",
    "marker_expression",
    "marker_plugin",
    "narrows",
    "sync_commands",
    "tool_file",
]

_NO_TESTS_COLLECTED = 5
# Options with which a run does not cover the whole suite.
_NARROWING: tuple[str, ...] = (
    "-k",
    "-m",
    "--lf",
    "--last-failed",
    "--ff",
    "--deselect",
    "--ignore",
    "-x",
)
_NARROWING += ("--exitfirst", "--maxfail", "--sw", "--stepwise", "--co", "--collect-only", "--nf")


@dataclass(frozen=True, kw_only=True, slots=True)
class Reports:
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


@dataclass(frozen=True, kw_only=True, slots=True)
class PytestOutcome:
    """The result of a test run."""

    tests: int
    failed: int  # failures and errors
    skipped: int
    percent: float | None  # coverage in percent; None if it was not measured
    fault: str | None  # one line for the user; None when all is well
    died: bool = False  # pytest failed for another reason than its tests


def sync_commands(
    package: Package,
    places: Sequence[Place],
    *,
    root: Mapping[str, object],
    in_workspace: bool,
    is_root_of_others: bool = False,
) -> list[list[str]]:
    """Return the uv commands that install a package and its test tools, in order.

    A group of the root is given by its plain name, unless the package has a group of the same name:
    uv then uses the package's, so the root's needs a second call.
    """
    own_groups = {p.name for p in places if p.owner == "package" and p.kind == "group"}
    command = ["uv", "sync", "--locked", "--no-default-groups"]
    if is_root_of_others:
        command.append("--all-packages")  # its tests are the members'
    else:
        command += ["--package", package.name] if in_workspace else ["--project", package.path]
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
        elif place.name in own_groups or place.name in _group_names(package):
            further.append([*inexact, "--only-group", place.name])
        else:
            command += option
    return [command, *further]


def _group_names(package: Package) -> frozenset[str]:
    return frozenset(dependency_groups(package.document))


def coverage_sources(tree: Tree, package: Package, layout: Layout) -> list[str]:
    """Return what coverage measures: folders by path from the package, lone modules by name.

    Folders rather than names, since coverage by name omits a package that no test imports. Folders
    below without `__init__.py` are listed too: coverage does not search them for files that were
    never run.
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


def tool_file(tree: Tree, package: Package, tool: str) -> str | None:
    """Return the file, from the root, with the settings of pytest or coverage; the nearest wins."""
    alone = {"pytest": ("pytest.ini", ".pytest.ini"), "coverage": (".coveragerc",)}[tool]
    for folder in dict.fromkeys((package.path, *_above(package))):
        for name in alone:
            if tree.is_file(join(folder, name)):
                return join(folder, name)
        file = join(folder, "pyproject.toml")
        if tree.is_file(file) and tool in parse_toml(tree.read(file), file).get("tool", {}):
            return file
    return None


def _above(package: Package) -> list[str]:
    """Return the folders above a package's own, up to the root."""
    parts = package.path.split("/")[:-1]
    return ["/".join(parts[:end]) for end in range(len(parts), 0, -1)] + ["."]


def marker_expression(tree: Tree, package: Package, excluded: Sequence[str]) -> str:
    """Return the `-m` expression that deselects tests with a session of their own.

    pytest uses only the last `-m`, so one in the project's `addopts` is combined with it.
    """
    without = " and ".join(f"not {marker}" for marker in excluded)
    words = _addopts(tree, tool_file(tree, package, "pytest"))
    expression = None
    for position, word in enumerate(words):
        if word == "-m" and position + 1 < len(words):
            expression = words[position + 1]
        elif word.startswith("-m") and len(word) > 2:  # noqa: PLR2004 - the option's own length
            expression = word[2:].removeprefix("=")
    return f"({expression}) and {without}" if expression else without


def marker_plugin(markers: Iterable[str]) -> str:
    """Return a pytest plugin that registers markers.

    A project with strict markers would otherwise reject an expression with an unregistered marker.
    """
    lines = ['"""Registers the markers of the sessions contract and integration."""', "", ""]
    lines += ["def pytest_configure(config):"]
    lines += [
        f'    config.addinivalue_line("markers", "{marker}: runs in a session of its own")'
        for marker in markers
    ]
    return "\n".join([*lines, ""])


def _addopts(tree: Tree, file: str | None) -> list[str]:
    if file is None:
        return []
    content = tree.read(file)
    if file.endswith(".toml"):
        table = parse_toml(content, file)["tool"]["pytest"]
        found = table.get("ini_options", table).get("addopts", [])
        return shlex.split(found) if isinstance(found, str) else [str(word) for word in found]
    parser = ConfigParser(interpolation=None)
    try:
        parser.read_string(content.decode("utf-8", "replace"))
        return shlex.split(parser.get("pytest", "addopts", fallback=""))
    except ConfigError:
        return []  # pytest itself will report what is wrong with the file


def marked_files(tree: Tree, folders: Iterable[str], marker: str) -> list[str]:
    """Return the test files that may have tests with a marker, by name, content or conftest.

    pytest itself then decides by `-m`; this keeps it from importing unrelated files.
    """
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


def narrows(posargs: Sequence[str], folders: Iterable[Path]) -> tuple[bool, bool]:
    """Return whether arguments narrow a run, and whether they name paths.

    Args:
        posargs: What the user wrote after `--`.
        folders: Where a path among them may start: the package's folder.
    """
    bases = list(folders)
    names_paths = False
    for word in posargs:
        if not word.startswith("-"):
            path = word.split("::")[0]
            names_paths = names_paths or any((base / path).exists() for base in bases)
    options = any(
        word in _NARROWING
        or word.startswith(tuple(f"{option}=" for option in _NARROWING))
        or (word[:2] in {"-k", "-m"} and word[2:3] not in {"", "-"})
        for word in posargs
    )
    return options or names_paths, names_paths


def judge(
    name: str, exit_code: int, reports: Reports, *, floor: float | None, modules: Sequence[str] = ()
) -> PytestOutcome:
    """Evaluate a pytest run.

    Args:
        name: The package, for the message.
        exit_code: pytest's exit status.
        reports: The files that it wrote; without them, nothing counts as run.
        floor: Coverage floor in percent; None if it does not apply.
        modules: Files, relative to the package, that must be in the coverage report.
    """
    tests, failed, skipped = _counts(reports.junit)
    percent, files = _coverage(reports.coverage_json)
    fault: str | None = None
    did_run = exit_code != 1 or reports.junit.is_file()  # Python's exit status without pytest
    # pytest-cov replaces pytest's status for "no tests" by that of a missed floor
    if not did_run:
        fault = f"{name}: pytest did not run; the output above says why"
    elif exit_code == _NO_TESTS_COLLECTED or (exit_code in {0, 1} and tests == 0):
        fault = (
            f"{name}: no tests collected; add tests, or state that it has none by "
            f"`test = false` in its settings"
        )
    elif failed:
        fault = f"{name}: {failed} of {tests} tests failed"
    elif floor is not None and percent is not None and percent < floor:
        fault = (
            f"{name}: coverage {_percent(percent)} % is under its floor of {floor:g} %; the lines "
            f"to test are listed above"
        )
    elif exit_code != 0:
        fault = f"{name}: pytest ended with exit status {exit_code}; its output above says why"
    elif floor and percent is None:
        fault = f"{name}: no coverage was measured, so its floor of {floor:g} % is not shown"
    elif floor and (missing := [module for module in modules if module not in files]):
        fault = (
            f"{name}: {', '.join(missing)} is imported by no test: coverage 0 % is under its "
            f"floor of {floor:g} %"
        )
    return PytestOutcome(
        tests=tests,
        failed=failed,
        skipped=skipped,
        percent=percent,
        fault=fault,
        died=not did_run or exit_code not in {0, 1, _NO_TESTS_COLLECTED},
    )


def _percent(value: float) -> str:
    """Return a percentage, never rounded up to a floor that it missed."""
    return f"{int(value * 100) / 100:g}"


def _counts(junit: Path) -> tuple[int, int, int]:
    if not junit.is_file():
        return 0, 0, 0
    # pytest has just written it
    root = ET.parse(junit).getroot()  # noqa: S314  # nosec B314
    tests = failed = skipped = 0
    for suite in root.iter("testsuite"):
        tests += int(suite.get("tests", "0"))
        failed += int(suite.get("failures", "0")) + int(suite.get("errors", "0"))
        skipped += int(suite.get("skipped", "0"))
    return tests, failed, skipped


def _coverage(file: Path) -> tuple[float | None, frozenset[str]]:
    if not file.is_file():
        return None, frozenset()
    document = json.loads(file.read_text(encoding="utf-8"))
    return float(document["totals"]["percent_covered"]), frozenset(document["files"])
