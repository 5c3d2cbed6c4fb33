"""Decisions of `typecheck`: group sources into mypy runs, and check Protocols."""

from __future__ import annotations

import posixpath
import re
from collections.abc import Iterable, Mapping, Sequence
from configparser import ConfigParser
from configparser import Error as ConfigError
from contextlib import suppress
from dataclasses import dataclass

from tradai_tasks.files.file_tree import Tree, join
from tradai_tasks.settings.load import parse_toml
from tradai_tasks.settings.model import ProtocolPair
from tradai_tasks.workspace.discovery import Package
from tradai_tasks.workspace.layout import Layout

__all__ = [
    "Batch",
    "batches",
    "config_file",
    "exclusions",
    "protocol_module",
    "without_excluded",
]

_CONFIG_FILES = ("mypy.ini", ".mypy.ini")


@dataclass(frozen=True, kw_only=True, slots=True)
class Batch:
    """Sources for one mypy run, without two modules of the same name."""

    packages: tuple[str, ...]
    sources: tuple[str, ...]  # folders and files, from the workspace root
    search: tuple[str, ...]  # its part of MYPYPATH, from the workspace root
    borrowed: tuple[str, ...]  # the part that other runs check: nothing is reported on it
    config: str | None  # a configuration file other than the root's


def config_file(tree: Tree, package: Package) -> str | None:
    """Return the package's own mypy configuration; None if the root's applies."""
    for name in _CONFIG_FILES:
        if tree.is_file(join(package.path, name)):
            return join(package.path, name)
    if package.path != "." and "mypy" in package.document.get("tool", {}):
        return join(package.path, "pyproject.toml")
    return None


def batches(
    tree: Tree, layouts: Mapping[Package, Layout], *, tests: bool, extra: Sequence[str] = ()
) -> tuple[Batch, ...]:
    """Divide the packages into as few mypy runs as their module names allow.

    mypy refuses two modules of one name (`handler` in two lambdas, `conftest` in two test
    folders), so each package goes into the first run where its names are still free.

    Args:
        tree: The repository.
        layouts: The layout of each package.
        tests: Whether tests are checked too.
        extra: Further files to check in the first run.
    """
    open_batches: list[tuple[str | None, set[str], list[tuple[Package, Layout]]]] = []
    for package, layout in layouts.items():
        names = _names(tree, layout, tests=tests)
        if not names:
            continue
        config = config_file(tree, package)
        for known, taken, held in open_batches:
            if known == config and not taken & names:
                taken.update(names)
                held.append((package, layout))
                break
        else:
            open_batches.append((config, set(names), [(package, layout)]))
    untyped = {
        package: layout for package, layout in layouts.items() if _is_untyped(tree, package, layout)
    }
    return tuple(
        _batch(held, config, tests=tests, extra=extra if position == 0 else (), untyped=untyped)
        for position, (config, _, held) in enumerate(open_batches)
    )


def _is_untyped(tree: Tree, package: Package, layout: Layout) -> bool:
    """Return whether mypy would ignore an installed package, for lack of `py.typed`."""
    return package.is_installed and not all(
        tree.is_file(join(module.path, "py.typed")) for module in layout.imports
    )


def _batch(
    held: Iterable[tuple[Package, Layout]],
    config: str | None,
    *,
    tests: bool,
    extra: Sequence[str],
    untyped: Mapping[Package, Layout],
) -> Batch:
    held = list(held)
    sources: dict[str, None] = {}
    search: dict[str, None] = {}
    for _, layout in held:
        for module in layout.imports:
            sources[module.path] = None
        if tests:
            for path in layout.tests:
                if not any(path.startswith(f"{module.path}/") for module in layout.imports):
                    sources[path] = None
        for root in layout.source_roots:
            search[root] = None
    own = {package for package, _ in held}
    others = [layout for package, layout in untyped.items() if package not in own]
    borrowed = dict.fromkeys(root for layout in others for root in layout.source_roots)
    return Batch(
        packages=tuple(package.name for package, _ in held),
        sources=(*sources, *extra),
        search=tuple(search),
        borrowed=tuple(root for root in borrowed if root not in search),
        config=config,
    )


def _names(tree: Tree, layout: Layout, *, tests: bool) -> frozenset[str]:
    names = {module.name for module in layout.imports}
    if tests:
        for path in layout.tests:
            if path.endswith(".py"):
                names.add(posixpath.basename(path)[:-3])
            elif "__init__.py" in tree.files(path):
                names.add(posixpath.basename(path))
            else:
                names |= _loose(tree, path)
    return frozenset(names)


def _loose(tree: Tree, folder: str) -> set[str]:
    """Return the module names in a folder without `__init__.py`, at any depth."""
    found = {file[:-3] for file in tree.files(folder) if file.endswith(".py")}
    for child in tree.folders(folder):
        path = join(folder, child)
        found |= {child} if "__init__.py" in tree.files(path) else _loose(tree, path)
    return found


def exclusions(tree: Tree, project: str) -> tuple[str, ...]:
    """Return the `exclude` patterns of the project's mypy configuration."""
    for name in _CONFIG_FILES:
        file = join(project, name)
        if tree.is_file(file):
            parser = ConfigParser(interpolation=None)
            try:
                parser.read_string(tree.read(file).decode("utf-8", "replace"))
            except ConfigError:
                return ()  # mypy itself will report what is wrong with the file
            found = parser.get("mypy", "exclude", fallback="")
            return (found,) if found else ()
    file = join(project, "pyproject.toml")
    if not tree.is_file(file):
        return ()
    listed = parse_toml(tree.read(file), file).get("tool", {}).get("mypy", {}).get("exclude", [])
    return tuple(map(str, [listed] if isinstance(listed, str) else listed))


def without_excluded(sources: Iterable[str], patterns: Iterable[str]) -> tuple[str, ...]:
    """Drop sources that the configuration excludes: mypy exits if all files of one are excluded.

    Args:
        sources: Folders and files from the folder that mypy runs in.
        patterns: Regular expressions, searched in the path; a folder's path ends in a slash.
    """
    compiled = []
    for pattern in patterns:
        with suppress(re.error):  # mypy itself will report what is wrong with it
            compiled.append(re.compile(pattern))
    return tuple(
        source
        for source in sources
        if not any(
            regex.search(source if source.endswith(".py") else f"{source}/") for regex in compiled
        )
    )


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
