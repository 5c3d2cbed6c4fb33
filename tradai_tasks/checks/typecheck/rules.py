"""Decisions of `typecheck`: which checker, and what each of its runs is given."""

from __future__ import annotations

import posixpath
import re
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from configparser import ConfigParser
from contextlib import suppress
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from tradai_tasks.checks.typecheck.checkers import CHECKERS, Checker
from tradai_tasks.checks.typecheck.ignores import ignored_files
from tradai_tasks.files.file_tree import Tree, folders_above, join
from tradai_tasks.files.ini_file import read_ini
from tradai_tasks.workspace.discovery import Package
from tradai_tasks.workspace.layout import Layout

_SKIPPED = frozenset({"__pycache__", "node_modules", "site-packages"})  # mypy does not enter them


@dataclass(frozen=True, kw_only=True, slots=True)
class Batch:
    """Sources for one run of a type checker, without two modules of the same name."""

    packages: tuple[str, ...]
    sources: tuple[str, ...]  # folders and files, from the workspace root
    search: tuple[str, ...]  # where it imports from, from the workspace root
    borrowed: tuple[str, ...]  # the part that other runs check: nothing is reported on it
    home: str  # folder that it runs in: that of its configuration, else the project's
    config: str | None = None  # its configuration
    files: tuple[str, ...] = ()  # the sources' files that are judged
    excluded: tuple[str, ...] = ()  # files that its configuration leaves out
    ignored: tuple[str, ...] = ()  # files whose errors it ignores

    @property
    def is_blind(self) -> bool:
        """Whether nothing is left of which errors would be reported."""
        return bool(self.ignored) and not self.files


@dataclass(kw_only=True)
class _Open:
    """A batch that is being filled."""

    home: str
    taken: dict[str, str]  # module name -> its file
    held: dict[Package, list[str]]  # sources of each package


def choose_checker(
    tree: Tree, project: str, folders: Iterable[str], locked: Collection[str]
) -> Checker:
    """Return the type checker that a project uses, by its configuration and its lock.

    One that is configured goes before one that is only locked, since a lock also has what others
    need; one that is both goes before either. Without either it is mypy.
    """
    weight = _weigh(tree, project, folders, locked)
    return max(CHECKERS.values(), key=weight)


def uses_checker(tree: Tree, project: str, folders: Iterable[str], locked: Collection[str]) -> bool:
    """Return whether a project configures or locks any type checker; see `choose_checker`."""
    weight = _weigh(tree, project, folders, locked)
    return any(any(weight(checker)) for checker in CHECKERS.values())


def _weigh(
    tree: Tree, project: str, folders: Iterable[str], locked: Collection[str]
) -> Callable[[Checker], tuple[bool, bool]]:
    places = dict.fromkeys([*folders, project])

    def weight(checker: Checker) -> tuple[bool, bool]:
        is_configured = any(checker.config_file(tree, folder, project) for folder in places)
        return is_configured, checker.name in locked

    return weight


@dataclass(frozen=True, kw_only=True)
class BatchRules:
    """How the packages of a project are divided into runs of its type checker."""

    tree: Tree
    tests: bool  # whether tests are checked too
    project: str = "."
    known: Iterable[str] = ()  # all Python files, by name where mypy does not find one in a folder
    args: Sequence[str] = ()  # further ones, which may name a configuration and exclude files
    checker: Checker = CHECKERS["mypy"]

    @property
    def _is_mypy(self) -> bool:
        return self.checker.name == "mypy"

    @cached_property
    def _stated(self) -> str | None:
        """The configuration that mypy's arguments name."""
        return next(iter(_values(self.args, "--config-file")), None) if self._is_mypy else None

    @cached_property
    def _known(self) -> Mapping[str, Sequence[str]]:
        """The Python files in each folder, without those that have a stub beside them."""
        listed = {file for file in self.known if file.endswith((".py", ".pyi"))}
        found: dict[str, list[str]] = {}
        for file in sorted(listed):
            if f"{file}i" not in listed:
                for folder in folders_above([file]):
                    found.setdefault(folder, []).append(file)
        return found

    def batches(
        self, layouts: Mapping[Package, Layout], *, extra: Sequence[str] = ()
    ) -> tuple[Batch, ...]:
        """Divide packages into as few runs as their module names and configurations allow.

        mypy refuses two modules of one name (`handler` in two lambdas, `conftest` in two test
        folders), so each package goes into the first run where its names are still free. What has
        one name twice in itself is divided, too. `extra` are further files for the first run.
        """
        found: list[_Open] = []
        for package, layout in layouts.items():
            config = self.checker.config_file(self.tree, package.path, self.project)
            home = self.project
            if config is not None and not self._stated:
                home = posixpath.dirname(config) or "."
            by_name = not self._is_mypy or (
                config is not None
                and "exclude_gitignore" in (self.checker.settings(self.tree, config) or {})
            )
            for part in self._distinct_sources(layout, home, by_name=by_name):
                names = {name: file for one in part.values() for name, file in one.items()}
                for batch in found:
                    if batch.home == home and not batch.taken.keys() & names.keys():
                        batch.taken.update(names)
                        batch.held.setdefault(package, []).extend(part)
                        break
                else:
                    found.append(_Open(home=home, taken=names, held={package: [*part]}))
        return tuple(
            self._batch(one, layouts, () if position else extra)
            for position, one in enumerate(found)
        )

    def _distinct_sources(
        self, layout: Layout, home: str, *, by_name: bool
    ) -> list[dict[str, dict[str, str]]]:
        """Divide a package's sources, each with its modules, into parts without a name twice."""
        sources = [module.path for module in layout.imports]
        if self.tests:
            sources += [p for p in layout.tests if not any(p.startswith(f"{s}/") for s in sources)]
        bases = (*layout.source_roots, home)
        parts: list[tuple[dict[str, str], dict[str, dict[str, str]]]] = []
        for source in dict.fromkeys(sources):
            for one, names in self._named(source, bases, by_name=by_name):
                for taken, part in parts:
                    if all(taken.get(name, file) == file for name, file in names.items()):
                        taken.update(names)
                        part[one] = names
                        break
                else:
                    if names:
                        parts.append((dict(names), {one: names}))
        return [part for _, part in parts]

    def _named(
        self, source: str, bases: Iterable[str], *, by_name: bool
    ) -> list[tuple[str, dict[str, str]]]:
        """Return a source with its modules; its files if mypy would not find or take them all.

        mypy skips folders such as `.hidden/` and `node_modules/` below a folder that it is given,
        and a module beside a folder of its name; with `exclude_gitignore` also tracked files that
        an ignore rule hides, so that each file is given `by_name`.
        """
        found, known = list(_files(self.tree, source)), self._known.get(source, ())
        names = {_module_name(file, bases): file for file in found}
        if len(names) == len(found) and set(found).issuperset(known) and not by_name:
            return [(source, names)]
        return [
            (file, {_module_name(file, bases): file}) for file in dict.fromkeys([*found, *known])
        ]

    def _batch(self, one: _Open, layouts: Mapping[Package, Layout], extra: Sequence[str]) -> Batch:
        """Return a batch, with what its configuration leaves out, and the files that remain."""
        tree, stated = self.tree, self._stated
        found = self.checker.config_file(tree, one.home, self.project)
        config = join(one.home, stated) if stated else found
        config = config if config and tree.is_file(config) else None
        search = dict.fromkeys(root for p in one.held for root in layouts[p].source_roots)
        untyped = [
            layout
            for package, layout in layouts.items()
            if package not in one.held
            and package.is_installed
            and not (self._is_mypy and _is_typed(tree, layout))
        ]
        borrowed = dict.fromkeys(root for layout in untyped for root in layout.source_roots)
        sources, excluded = self._kept_sources(one, config)
        files = tuple(dict.fromkeys(one.taken.values()))
        if self._is_mypy:
            ignored = ignored_files(tree, one.taken, self._document(config) if config else None)
        else:
            left_out = self.checker.left_out(tree, config, files)
            excluded, ignored = left_out.excluded, tuple(left_out.ignored)
        gone = {*ignored, *excluded}
        return Batch(
            packages=tuple(package.name for package in one.held),
            sources=(*sources, *extra),
            search=tuple(search),
            borrowed=tuple(root for root in borrowed if root not in search),
            home=one.home,
            config=config,
            files=tuple(file for file in files if file not in gone),
            excluded=tuple(excluded),
            ignored=ignored,
        )

    def _kept_sources(self, one: _Open, config: str | None) -> tuple[list[str], list[str]]:
        """Return the sources that mypy is given, and the files in them that it leaves out."""
        patterns = exclusions(self.tree, config, self.args) if self._is_mypy else ()
        sources, excluded = [], []
        for source in dict.fromkeys(source for held in one.held.values() for source in held):
            files = list(_files(self.tree, source))
            left_out = [file for file in files if is_excluded(file, source, one.home, patterns)]
            excluded += left_out
            if len(left_out) < len(files):  # mypy exits if all files of one are excluded
                sources.append(source)
        return sources, excluded

    def _document(self, config: str) -> Mapping[str, Any] | ConfigParser | None:
        """Return mypy's table in TOML, or a whole file in INI format."""
        if config.endswith(".toml"):
            return self.checker.settings(self.tree, config)
        return read_ini(self.tree.read(config))


def _values(args: Sequence[str], option: str) -> list[str]:
    """Return the values of an option, in `--option value` and in `--option=value`."""
    return [
        word.partition("=")[2] if "=" in word else following
        for word, following in zip(args, [*args[1:], ""], strict=False)
        if word.partition("=")[0] == option
    ]


def _files(tree: Tree, source: str) -> Iterator[str]:
    """Yield the Python files of a source, as mypy finds them in a folder."""
    if source.endswith((".py", ".pyi")):
        yield source
        return
    seen = set()
    for name in tree.folders(source):
        if not name.startswith(".") and name not in _SKIPPED:
            inner = list(_files(tree, join(source, name)))
            seen.update([name] if inner else [])
            yield from inner
    names = tree.files(source)
    for name in names:
        is_shadowed = name.rpartition(".")[0] in seen or (
            name.endswith(".py") and f"{name}i" in names
        )
        if name.endswith((".py", ".pyi")) and not is_shadowed:
            yield join(source, name)


def _module_name(file: str, bases: Iterable[str]) -> str:
    """Return a file's module name for mypy with explicit bases.

    It is the path from the nearest base above it, or from a nearer folder that cannot be a package.
    """
    base = max((b for b in bases if b == "." or file.startswith(f"{b}/")), key=_depth, default=".")
    inner = file if base == "." else file[len(base) + 1 :]
    *folders, name = inner.rpartition(".")[0].split("/")
    for position, folder in enumerate(folders):
        if not folder.removesuffix("-stubs").isidentifier():
            return _module_name("/".join([*folders[position + 1 :], f"{name}.py"]), ())
    return ".".join(folders if name == "__init__" and folders else [*folders, name])


def _depth(folder: str) -> int:
    return 0 if folder == "." else len(folder)


def _is_typed(tree: Tree, layout: Layout) -> bool:
    """Return whether mypy follows an installed package, which needs `py.typed`."""
    return all(tree.is_file(join(module.path, "py.typed")) for module in layout.imports)


def exclusions(
    tree: Tree, config: str | None, args: Sequence[str] = ()
) -> tuple[re.Pattern[str], ...]:
    """Return the `exclude` patterns of a configuration and of arguments, searched in paths."""
    settings = CHECKERS["mypy"].settings(tree, config) if config else None
    found = (settings or {}).get("exclude", ())
    stated = [found] if isinstance(found, str) else [*found]
    compiled = []
    for pattern in filter(None, [*stated, *_values(args, "--exclude")]):
        with suppress(re.error):  # mypy itself will report what is wrong with it
            compiled.append(re.compile(str(pattern)))
    return tuple(compiled)


def is_excluded(file: str, source: str, home: str, patterns: Sequence[re.Pattern[str]]) -> bool:
    """Return whether mypy's configuration leaves a file out, or a folder above it.

    `source` is what mypy is given, and paths are matched from `home`, where it runs. In `patterns`
    a folder's path ends in a slash.
    """
    paths = [posixpath.relpath(file, home)]
    folder = file
    while folder != source:
        folder = posixpath.dirname(folder)
        paths.append(f"{posixpath.relpath(folder, home)}/")
    return any(regex.search(path) for regex in patterns for path in paths)
