"""Decisions of `typecheck`: group sources into mypy runs, and check Protocols."""

from __future__ import annotations

import posixpath
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from configparser import ConfigParser
from configparser import Error as ConfigError
from contextlib import suppress
from dataclasses import dataclass
from typing import Any

from tradai_tasks.files.file_tree import Tree, join
from tradai_tasks.settings.load import parse_toml
from tradai_tasks.settings.model import ProtocolPair
from tradai_tasks.workspace.discovery import Package
from tradai_tasks.workspace.layout import Layout

__all__ = ["Batch", "batches", "config_file", "exclusions", "is_excluded", "protocol_module"]

_CONFIG_FILES = ("mypy.ini", ".mypy.ini", "pyproject.toml", "setup.cfg")
_SHARED = frozenset({"pyproject.toml", "setup.cfg"})  # mypy reads them if they have its section


@dataclass(frozen=True, kw_only=True, slots=True)
class Batch:
    """Sources for one mypy run, without two modules of the same name."""

    packages: tuple[str, ...]
    sources: tuple[str, ...]  # folders and files, from the workspace root
    search: tuple[str, ...]  # its part of MYPYPATH, from the workspace root
    borrowed: tuple[str, ...]  # the part that other runs check: nothing is reported on it
    home: str  # folder that mypy runs in: that of its configuration, else the project's
    excluded: tuple[str, ...] = ()  # files that its configuration leaves out


@dataclass(kw_only=True)
class _Open:
    """A batch that is being filled."""

    home: str
    taken: dict[str, str]  # module name -> its file
    held: dict[Package, list[str]]  # sources of each package


def config_file(tree: Tree, folder: str, project: str) -> str | None:
    """Return the configuration that mypy reads in a folder; None if there is none.

    mypy looks in the folder and in those above it.

    Args:
        tree: The repository.
        folder: The folder.
        project: The project that it is in, the last folder to look in.
    """
    while True:
        for name in _CONFIG_FILES:
            file = join(folder, name)
            if tree.is_file(file) and (name not in _SHARED or _settings(tree, file) is not None):
                return file
        if folder in {project, "."}:
            return None
        folder = posixpath.dirname(folder) or "."


def _settings(tree: Tree, file: str) -> Mapping[str, Any] | None:
    """Return mypy's own section of a configuration file; None if it has none."""
    if file.endswith(".toml"):
        table = parse_toml(tree.read(file), file).get("tool", {}).get("mypy")
        return table if isinstance(table, Mapping) else None
    parser = ConfigParser(interpolation=None)
    try:
        parser.read_string(tree.read(file).decode("utf-8", "replace"))
    except ConfigError:
        return {}  # mypy itself will report what is wrong with the file
    return parser["mypy"] if parser.has_section("mypy") else None


def batches(
    tree: Tree,
    layouts: Mapping[Package, Layout],
    *,
    tests: bool,
    extra: Sequence[str] = (),
    project: str = ".",
) -> tuple[Batch, ...]:
    """Divide the packages into as few mypy runs as their module names and configurations allow.

    mypy refuses two modules of one name (`handler` in two lambdas, `conftest` in two test
    folders), so each package goes into the first run where its names are still free. What has one
    name twice in itself is divided, too.

    Args:
        tree: The repository.
        layouts: The layout of each package.
        tests: Whether tests are checked too.
        extra: Further files to check in the first run.
        project: Folder of the project that the packages are in.
    """
    found: list[_Open] = []
    for package, layout in layouts.items():
        config = config_file(tree, package.path, project)
        home = project if config is None else posixpath.dirname(config) or "."
        for part in _parts(tree, layout, home, tests=tests):
            names = {name: file for one in part.values() for name, file in one.items()}
            for batch in found:
                if batch.home == home and not batch.taken.keys() & names.keys():
                    batch.taken.update(names)
                    batch.held.setdefault(package, []).extend(part)
                    break
            else:
                found.append(_Open(home=home, taken=names, held={package: [*part]}))
    untyped = {
        package: layout for package, layout in layouts.items() if _is_untyped(tree, package, layout)
    }
    return tuple(
        _batch(tree, one, layouts, untyped, extra=() if position else extra, project=project)
        for position, one in enumerate(found)
    )


def _parts(
    tree: Tree, layout: Layout, home: str, *, tests: bool
) -> list[dict[str, dict[str, str]]]:
    """Divide a package's sources, each with its modules, into parts without a name twice."""
    sources = [module.path for module in layout.imports]
    if tests:
        sources += [p for p in layout.tests if not any(p.startswith(f"{s}/") for s in sources)]
    parts: list[dict[str, dict[str, str]]] = []
    for source in dict.fromkeys(sources):
        names = {_module_name(file, (*layout.source_roots, home)): file
                 for file in _files(tree, source)}  # fmt: skip
        for part in parts:
            taken = {name: file for one in part.values() for name, file in one.items()}
            if all(taken.get(name, file) == file for name, file in names.items()):
                part[source] = names
                break
        else:
            if names:
                parts.append({source: names})
    return parts


def _files(tree: Tree, source: str) -> Iterator[str]:
    """Yield the Python files of a source, as mypy finds them in a folder."""
    if source.endswith((".py", ".pyi")):
        yield source
        return
    yield from (join(source, n) for n in tree.files(source) if n.endswith((".py", ".pyi")))
    for name in tree.folders(source):
        if not name.startswith(".") and name not in {"__pycache__", "node_modules"}:
            yield from _files(tree, join(source, name))


def _module_name(file: str, bases: Iterable[str]) -> str:
    """Return a file's module name for mypy with explicit bases: from the nearest one above it."""
    base = max((b for b in bases if b == "." or file.startswith(f"{b}/")), key=_depth, default=".")
    inner = file if base == "." else file[len(base) + 1 :]
    return inner.rpartition(".")[0].removesuffix("/__init__").replace("/", ".")


def _depth(folder: str) -> int:
    return 0 if folder == "." else len(folder)


def _is_untyped(tree: Tree, package: Package, layout: Layout) -> bool:
    """Return whether mypy would ignore an installed package, for lack of `py.typed`."""
    return package.is_installed and not all(
        tree.is_file(join(module.path, "py.typed")) for module in layout.imports
    )


def _batch(  # noqa: PLR0913 - what it is made from
    tree: Tree,
    one: _Open,
    layouts: Mapping[Package, Layout],
    untyped: Mapping[Package, Layout],
    *,
    extra: Sequence[str],
    project: str,
) -> Batch:
    search = dict.fromkeys(root for package in one.held for root in layouts[package].source_roots)
    others = [layout for package, layout in untyped.items() if package not in one.held]
    borrowed = dict.fromkeys(root for layout in others for root in layout.source_roots)
    patterns = exclusions(tree, config_file(tree, one.home, project))
    sources, excluded = [], []
    for source in dict.fromkeys(source for held in one.held.values() for source in held):
        files = list(_files(tree, source))
        left_out = [file for file in files if is_excluded(file, source, one.home, patterns)]
        excluded += left_out
        if len(left_out) < len(files):  # mypy exits if all files of one are excluded
            sources.append(source)
    return Batch(
        packages=tuple(package.name for package in one.held),
        sources=(*sources, *extra),
        search=tuple(search),
        borrowed=tuple(root for root in borrowed if root not in search),
        home=one.home,
        excluded=tuple(excluded),
    )


def exclusions(tree: Tree, config: str | None) -> tuple[re.Pattern[str], ...]:
    """Return the `exclude` patterns of a configuration, which are searched in paths."""
    found = (_settings(tree, config) or {}).get("exclude", ()) if config else ()
    compiled = []
    for pattern in filter(None, [found] if isinstance(found, str) else found):
        with suppress(re.error):  # mypy itself will report what is wrong with it
            compiled.append(re.compile(str(pattern)))
    return tuple(compiled)


def is_excluded(file: str, source: str, home: str, patterns: Sequence[re.Pattern[str]]) -> bool:
    """Return whether mypy's configuration leaves a file out, or a folder above it.

    Args:
        file: The file, from the workspace root.
        source: The folder or file that mypy is given.
        home: The folder that mypy runs in, from which paths are matched.
        patterns: From `exclusions`; a folder's path ends in a slash.
    """
    paths = [posixpath.relpath(file, home)]
    folder = file
    while folder != source:
        folder = posixpath.dirname(folder)
        paths.append(f"{posixpath.relpath(folder, home)}/")
    return any(regex.search(path) for regex in patterns for path in paths)


def protocol_module(pairs: Iterable[ProtocolPair]) -> str:
    """Return a module whose type check verifies that classes satisfy their Protocols.

    Each class is assigned to its Protocol. If one of the two were `Any` for mypy (an import that
    cannot be followed, a base class without types), every assignment would pass; so each is also
    used in a check that must fail, and an unused `type: ignore` then reveals it.
    """
    lines = [
        '"""Made by tradai-tasks: mypy judges here which class satisfies which Protocol."""',
        "# mypy: warn-unused-ignores, disallow-any-unimported, disallow-subclassing-any",
        "",
    ]
    body = ["", "", "class _Unrelated:", '    """Satisfies nothing but `object`."""']
    for position, pair in enumerate(pairs):
        module, _, name = pair.class_.partition(":")
        protocol_home, _, protocol = pair.protocol.partition(":")
        lines.append(f"from {module} import {name} as _Class{position}")
        lines.append(f"from {protocol_home} import {protocol} as _Protocol{position}")
        body += [
            "",
            "",
            f"def _check{position}(value: _Class{position}, other: _Unrelated) -> None:",
            f"    # {pair.class_} must satisfy {pair.protocol}",
            f"    judged: _Protocol{position} = value",
            f"    # 'unused type: ignore' here: mypy knows nothing of {pair.protocol}",
            f"    blind: _Protocol{position} = other  # type: ignore[assignment]",
            f"    # 'unused type: ignore' here: mypy knows nothing of {pair.class_} or its base",
            "    vague: _Unrelated = value  # type: ignore[assignment]",
        ]
    return "\n".join([*lines, *body, ""])
