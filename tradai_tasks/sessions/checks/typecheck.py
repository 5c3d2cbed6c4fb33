"""`typecheck`: run mypy on all packages, or strictly on each strategy, and check Protocols."""

from __future__ import annotations

import os
from dataclasses import replace
from pathlib import Path

import nox

from tradai_tasks.checks.coverage_scope import test_arguments
from tradai_tasks.checks.typecheck_rules import (
    Batch,
    batches,
    config_file,
    exclusions,
    protocol_module,
    without_excluded,
)
from tradai_tasks.errors import CheckFailedError
from tradai_tasks.sessions.core.arguments import asks_help, skip_for_help
from tradai_tasks.sessions.core.context import Context
from tradai_tasks.sessions.core.environment import install_tool, status_of, sync_everything
from tradai_tasks.sessions.core.unit_environment import environment_of_unit
from tradai_tasks.settings.model import ProtocolPair
from tradai_tasks.workspace.discovery import Package
from tradai_tasks.workspace.layout import Layout
from tradai_tasks.workspace.loose_code import (
    layout_of_unit,
    requirements_of,
    unit_package,
    units_of,
    with_loose_code,
)

__all__ = ["typecheck"]

_FOUND = 1  # mypy's exit status for findings; 2 is for what keeps it from looking


def typecheck(session: nox.Session, context: Context, package: Package | None) -> None:
    """Type-check one strategy, or all packages project by project."""
    if asks_help(session):
        skip_for_help(session, "options for mypy, besides those of the setting typecheck.args")
    if package is not None:
        _typecheck(session, context, [package], package.project)
        return
    for project in context.workspace.projects:
        held = [p for p in context.workspace.packages if p.project == project]
        if held:
            _typecheck(session, context, held, project)


def _typecheck(
    session: nox.Session, context: Context, packages: list[Package], project: str
) -> None:
    settings = context.settings.typecheck
    sync_everything(session, context, project, settings.groups)
    install_tool(session, context, "mypy", project=project, only_missing=True)
    layouts = {package: _layout(context, package) for package in packages}
    with_requirements = []
    if project == context.workspace.projects[0]:
        units = units_of(context.inventory)
        with_requirements = [path for path in units if context.tree.is_file(requirements_of(path))]
        layouts |= {
            unit_package(path): layout_of_unit(path, context.inventory)
            for path in units
            if path not in with_requirements
        }
    pairs = [pair for package in packages for pair in package.settings.protocols]
    extra = [str(_write_protocols(session, context, pairs))] if pairs else []
    if extra and not any(layout.has_code for layout in layouts.values()):
        raise CheckFailedError("typecheck: settings name Protocols, but there is no code to check")
    strict = settings.strict
    if strict is None:
        strict = context.workspace.kind == "strategies"
    plan = batches(context.tree, layouts, tests=settings.tests, extra=extra)
    if not plan:
        session.log("no package has code to check")
    statuses = [_run(session, context, batch, project=project, strict=strict) for batch in plan]
    for path in with_requirements:
        python = environment_of_unit(session, path)
        batch = _unit_batch(context, path)
        statuses.append(
            _run(session, context, batch, project=project, strict=strict, python=python)
        )
    broken = next((status for status in statuses if status not in {0, _FOUND}), 0)
    if broken:
        raise CheckFailedError(
            f"typecheck: mypy could not finish (exit status {broken}): a file that does not parse, "
            f"a bad configuration or argument, or a crash; its message is above"
        )
    if any(statuses):
        raise CheckFailedError(_fault(context, packages))


def _layout(context: Context, package: Package) -> Layout:
    """Return a package's layout with the code beside its import packages, and all of its tests."""
    found = with_loose_code(package, context.layout(package), context.inventory, "typecheck")
    if not context.settings.typecheck.tests:
        return found
    return replace(found, tests=test_arguments(context.inventory, package.path, found.tests))


def _unit_batch(context: Context, path: str) -> Batch:
    """Return the run on a unit with requirements; it sees the packages, which others check."""
    layout = layout_of_unit(path, context.inventory)
    packages = context.workspace.packages
    return Batch(
        packages=(path,),
        sources=tuple(module.path for module in layout.imports),
        search=layout.source_roots,
        borrowed=tuple(root for one in packages for root in context.layout(one).source_roots),
        config=config_file(context.tree, unit_package(path)),
    )


def _run(  # noqa: PLR0913 - what decides about one run
    session: nox.Session,
    context: Context,
    batch: Batch,
    *,
    project: str,
    strict: bool,
    python: Path | None = None,
) -> int:
    """Run mypy on one batch and return its exit status.

    It runs in the project's folder, so that the configuration there applies; `python` is the
    interpreter whose packages it sees, the session's own if None.
    """
    home = context.root / project
    argv = ["mypy", "--namespace-packages", "--explicit-package-bases", "--show-error-codes"]
    argv += ["--strict"] if strict else []
    argv += ["--python-executable", str(python)] if python else []
    if batch.config is not None and Path(context.root / batch.config).parent != home:
        argv += ["--config-file", str(context.root / batch.config)]
    listed = [os.path.relpath(context.root / source, home) for source in batch.sources]
    sources = without_excluded(listed, exclusions(context.tree, project))
    if len(sources) < len(listed):
        session.log(
            f"excluded by mypy's configuration: {' '.join(sorted(set(listed) - set(sources)))}"
        )
    if not sources:
        return 0
    search = os.pathsep.join(
        str(context.root / folder) for folder in (*batch.search, *batch.borrowed)
    )
    argv += ["--follow-imports=silent"] if batch.borrowed else []
    with session.chdir(home):
        return status_of(
            session,
            [*argv, *context.settings.typecheck.args, *session.posargs, *sources],
            env={"MYPYPATH": search},
        )


def _write_protocols(session: nox.Session, context: Context, pairs: list[ProtocolPair]) -> Path:
    """Write the module whose type check verifies the Protocols, one for each session."""
    folder = context.reports("typecheck", session.name.replace("(", "-").rstrip(")"))
    module = folder / "protocol_compliance.py"
    module.write_text(protocol_module(pairs), encoding="utf-8")
    return module


def _fault(context: Context, packages: list[Package]) -> str:
    if context.workspace.kind == "strategies":
        one = context.workspace.session_id(packages[0])
        return f'typecheck: mypy found faults; check again with: nox -s "typecheck({one})"'
    return "typecheck: mypy found faults; check again with: nox -s typecheck"
