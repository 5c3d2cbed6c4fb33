"""Add all sessions that fit the repository to nox."""

from __future__ import annotations

import difflib
import importlib
import os
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

import nox

from tradai_tasks.errors import SettingsError
from tradai_tasks.files.file_tree import DiskTree
from tradai_tasks.sessions.core.aggregate import add_aggregates
from tradai_tasks.sessions.core.catalog import CATALOG, CatalogEntry
from tradai_tasks.sessions.core.command_line import check_command_line
from tradai_tasks.sessions.core.context import Context
from tradai_tasks.sessions.core.error_door import keep_text_safe
from tradai_tasks.sessions.core.nox_options import explain_absent, given, noxfile, runs_only
from tradai_tasks.settings.load import load_settings
from tradai_tasks.workspace.discovery import Package, discover

__all__ = ["register_all"]

# Only test files show whether these fit: reading all takes a tenth of what `changes` takes, which,
# like `affected`, asks for no session but `lint`, `typecheck` and `test`.
_SHOWN_BY_TESTS = frozenset({"contract", "integration", "perf"})
_INDEPENDENT = frozenset({"affected", "changes"})
# Why there are no sessions for each of the packages that they are for.
_NO_PACKAGE = {
    "tested": "no package has tests; add a folder `tests` to one",
    "benchmarked": "no test takes the `benchmark` fixture of pytest-benchmark; write one",
    "backtested": "the setting `backtest.enabled` is false for every strategy",
    "strategies": "there are no strategies; add one, or set `kind`",
}


def register_all(
    *,
    root: str | os.PathLike[str] | None = None,
    exclude: Iterable[str] = (),
    settings: Mapping[str, Any] | None = None,
) -> None:
    """Add the sessions that fit the repository.

    Args:
        root: The workspace root, from the noxfile's folder; that folder when None.
        exclude: Names of sessions to leave out.
        settings: A table whose keys override those of the files.

    Raises:
        TasksError: The settings or the repository have a fault.
    """
    keep_text_safe()
    file = noxfile()
    home = _root(file.parent, root)
    tree = DiskTree(home)
    loaded = load_settings(tree, settings)
    workspace = discover(tree, loaded.settings, settings_file=loaded.file)
    excluded = _excluded(exclude)
    everything = Context(
        root=home,
        noxfile=file,
        tree=tree,
        settings=loaded.settings,
        settings_file=loaded.file,
        workspace=workspace,
        exclude=excluded,
        options=given(),
    )
    # nox would skip a session whose Python is missing, and exit with 0
    nox.options.error_on_missing_interpreters = True
    for entry in CATALOG:
        _add(everything, entry)
    add_aggregates(everything)
    _check_excluded(excluded, everything)
    explain_absent({name: why for name, why in everything.absent.items() if name not in excluded})
    check_command_line(everything)


def _root(folder: Path, given: Any) -> Path:
    if given is None:
        return folder
    if not isinstance(given, (str, os.PathLike)):
        raise SettingsError(f"register(root=...): expected a path, got `{type(given).__name__}`")
    root = folder / given
    if not root.is_dir():
        raise SettingsError(f"register(root=...): {os.fspath(given)!r}: no such folder in {folder}")
    return root.resolve()


def _excluded(exclude: Any) -> frozenset[str]:
    names = [exclude] if isinstance(exclude, str) or not isinstance(exclude, Iterable) else exclude
    found = list(names)
    for name in found:
        if not isinstance(name, str):
            raise SettingsError(
                f"register(exclude=...): expected names of sessions, got `{type(name).__name__}`"
            )
    return frozenset(found)


def _add(context: Context, entry: CatalogEntry) -> None:
    """Add one session of the catalog, if it fits the repository."""
    if entry.name in _SHOWN_BY_TESTS and runs_only(context.options, _INDEPENDENT):
        context.absent[entry.name] = "no test file was read for it"
        return
    if (why := context.fitting.misfit(entry.needs)) is not None:
        context.absent[entry.name] = why
        return
    strategies = context.workspace.kind == "strategies"
    packages: Sequence[Package] | None = None
    if entry.each == "tested":
        packages = context.tested_packages
    elif entry.each == "benchmarked":
        packages = [p for p in context.shares if context.fitting.has_benchmarks(p)]
    elif entry.each == "backtested":
        packages = context.backtested_packages
    elif entry.each == "strategies" and strategies:
        packages = context.workspace.packages

    if packages is not None and not packages:
        context.absent[entry.name] = _NO_PACKAGE[entry.each]
        return

    def body(session: nox.Session, **given: Any) -> None:
        module, _, function = entry.body.partition(":")
        home = importlib.import_module(f"tradai_tasks.sessions.{module}")
        if entry.each == "strategies":
            given.setdefault("package", None)
        getattr(home, function)(session, context, **given)

    context.add(
        body,
        name=entry.name,
        doc=entry.doc,
        packages=packages,
        every_python=entry.every_python,
        isolated=entry.isolated,
        installs=entry.installs or (entry.name == "lint" and bool(context.settings.lint.commands)),
        prepares=entry.prepares,
        parallel=entry.parallel,
    )


def _check_excluded(excluded: frozenset[str], context: Context) -> None:
    # excluding a session that does not fit is not an error
    for name in sorted(excluded - context.left_out - context.absent.keys()):
        known = sorted({other.partition("(")[0] for other in context.names} | context.left_out)
        near = difflib.get_close_matches(name, known, n=1)
        hint = f"did you mean {near[0]!r}?" if near else f"known are {', '.join(known)}"
        raise SettingsError(f"register(exclude=...): no session is called {name!r}; {hint}")
