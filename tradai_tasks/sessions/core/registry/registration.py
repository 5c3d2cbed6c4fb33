"""Add all sessions that fit the repository to nox."""

from __future__ import annotations

import importlib
import os
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

import msgspec
import nox

from tradai_tasks.errors import EdgeRuleError, SettingsError
from tradai_tasks.files.file_tree import DiskTree
from tradai_tasks.report import shorten_tracebacks
from tradai_tasks.repository import read_repository
from tradai_tasks.sessions.core.aggregate import add_aggregates
from tradai_tasks.sessions.core.collection import uncollected
from tradai_tasks.sessions.core.command_line import check_command_line
from tradai_tasks.sessions.core.error_door import keep_text_safe
from tradai_tasks.sessions.core.nox_options import explain_absent, given, noxfile, runs_only
from tradai_tasks.sessions.core.parallel.parallel_output import shorten_output
from tradai_tasks.sessions.core.parallel.parallel_run import share_markers, shared_markers
from tradai_tasks.sessions.core.registry.catalog import AGGREGATES, CATALOG, CatalogEntry
from tradai_tasks.sessions.core.registry.session_registry import SessionRegistry
from tradai_tasks.text import similar

# Only test files show whether these fit, and reading all of them takes longer than the rest. No
# other session of the catalog asks whether there is one, but for `workflows`.
_SHOWN_BY_TESTS = frozenset({"contract", "integration", "perf"})
_INDEPENDENT = frozenset({*AGGREGATES, *(entry.name for entry in CATALOG)})
_INDEPENDENT -= _SHOWN_BY_TESTS | {"workflows"}


@uncollected()
def register_all(
    *,
    root: str | os.PathLike[str] | None = None,
    exclude: Iterable[str] = (),
    settings: Mapping[str, Any] | None = None,
    edge_rules: Iterable[Any] = (),
) -> None:
    """Add the sessions that fit the repository; see `tradai_tasks.register`.

    Raises:
        TasksError: The settings or the repository have a fault.
    """
    keep_text_safe()
    shorten_tracebacks()
    options = given()
    shorten_output(options)
    file = noxfile()
    home = _root(file.parent, root)
    repository = msgspec.structs.replace(
        read_repository(home, DiskTree(home), settings), known_markers=shared_markers(options)
    )
    registry = SessionRegistry(
        repository=repository,
        noxfile=file,
        options=options,
        exclude=_excluded(exclude),
        edge_rules=_edge_rules(edge_rules),
    )
    # nox would skip a session whose Python is missing, and exit with 0
    nox.options.error_on_missing_interpreters = True
    for entry in CATALOG:
        _add(registry, entry)
    add_aggregates(registry)
    registry.check_clashes()
    _check_excluded(registry)
    absent = {name: why for name, why in registry.absent.items() if name not in registry.exclude}
    explain_absent(absent)
    check_command_line(registry)
    if not runs_only(options, _INDEPENDENT - {"test", *AGGREGATES}):
        share_markers(repository, options)
    if options and (options.parallel or 1) > 1:
        from tradai_tasks.sessions.core.parallel.session_forks import fork_sessions  # noqa: PLC0415 - only here

        fork_sessions(repository)


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


def _edge_rules(given: Any) -> tuple[Any, ...]:
    rules = tuple(given) if isinstance(given, Iterable) else (given,)
    if rules:
        from tradai_tasks.edge_rules import EdgeRule  # noqa: PLC0415 - loaded by the noxfile

        for rule in rules:
            if not isinstance(rule, EdgeRule):
                raise EdgeRuleError(
                    f"register(edge_rules=...): expected instances of "
                    f"tradai_tasks.edge_rules.EdgeRule, got `{type(rule).__name__}`"
                )
    return rules


def _add(registry: SessionRegistry, entry: CatalogEntry) -> None:
    """Add one session of the catalog, if it fits the repository."""
    if entry.name in _SHOWN_BY_TESTS and runs_only(
        registry.options, _INDEPENDENT - registry.exclude
    ):
        registry.absent[entry.name] = "no test file was read for it"
        return
    repository = registry.repository
    fit = entry.fits(repository)
    if fit.why_not:
        registry.absent[entry.name] = fit.why_not
        return

    def body(session: nox.Session, **given: Any) -> None:
        module, _, function = entry.body.partition(":")
        home = importlib.import_module(f"tradai_tasks.sessions.{module}")
        getattr(home, function)(session, registry.context(), **given)

    registry.add(
        body,
        name=entry.name,
        doc=entry.doc,
        packages=fit.packages,
        every_python=entry.every_python,
        environment=entry.environment_for(repository.settings),
        parallel=entry.parallel,
    )


def _check_excluded(registry: SessionRegistry) -> None:
    # excluding a session that does not fit is not an error
    for name in sorted(registry.exclude - registry.left_out - registry.absent.keys()):
        known = sorted({other.partition("(")[0] for other in registry.names} | registry.left_out)
        hint = similar(name, known) or f"known are {', '.join(known)}"
        raise SettingsError(f"register(exclude=...): no session is called {name!r}; {hint}")
