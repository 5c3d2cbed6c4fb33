"""`test(pkg)`: run pytest with coverage in an environment of only that package."""

from __future__ import annotations

import json
import os
import re
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import nox

from tradai_tasks.checks.floors import FIGURES
from tradai_tasks.checks.testing.coverage_figures import (
    CodeShare,
    Figure,
    figures,
    floor_fault,
    user_floor,
)
from tradai_tasks.checks.testing.pytest_arguments import PytestArguments
from tradai_tasks.checks.testing.pytest_rules import Reports, coverage_config, coverage_sources
from tradai_tasks.checks.testing.run_record import RunRecord
from tradai_tasks.errors import CheckFailedError
from tradai_tasks.files.atomic_write import write_whole
from tradai_tasks.report import append_summary
from tradai_tasks.repository import Repository
from tradai_tasks.sessions.checks.testing.pytest_run import (
    PytestCall,
    PytestRun,
    assignment_of,
    given_arguments,
    path_arguments,
    require_runnable,
)
from tradai_tasks.sessions.core.context import Context
from tradai_tasks.sessions.core.environments.environment import install_tool, sync_package
from tradai_tasks.sessions.core.environments.unit_environment import install_requirements
from tradai_tasks.sessions.core.parallel.parallel_output import conclude
from tradai_tasks.sessions.core.report_folder import report_folder
from tradai_tasks.workspace.discovery import Package
from tradai_tasks.workspace.loose_code import requirements_of
from tradai_tasks.workspace.pytest_configuration import pytest_configuration

_COLUMNS = ("package", "tests", "failed", "skipped", "coverage", "floor", "verdict")


def sync_for_tests(
    session: nox.Session, repository: Repository, package: Package
) -> frozenset[str]:
    """Install a package with its test tools and return the names of all installed packages."""
    names = package.settings.groups or repository.settings.test.groups
    return sync_package(session, repository, package, names)


def test(session: nox.Session, context: Context, package: Package) -> None:
    """Test one package in an environment of its own."""
    repository = context.repository
    layout = repository.shares[package]
    name = repository.workspace.session_id(package)
    if not layout.tests:
        raise CheckFailedError(
            f"{name}: no tests collected: {package.path} has code but no test files; add tests, "
            f"or state that it has none by `test = false` in its settings; check again with: "
            f'nox -s "{session.name}"'
        )
    home = repository.root / package.path
    given = given_arguments(session, repository, home)
    _check_paths(session, repository, package, given)
    if _replayed_whole(session, repository, package):
        return
    reached = sync_for_tests(session, repository, package)
    for tool in ("pytest", "pytest-cov"):
        if tool not in reached:
            install_tool(session, repository, tool, project=package.project)
    _install_requirements(session, repository, package)
    is_benchmarked = "pytest-benchmark" in reached
    run, found = _measure(session, context, package, given, disable_benchmarks=is_benchmarked)
    replayed = run.replay and run.replay.replayed
    if replayed and not run.outcome.fault and _floor_fault(repository, name, run, found):
        session.warn("with replayed results coverage is under its floor, so everything is run")
        given = replace(given, fresh=True)
        run, found = _measure(session, context, package, given, disable_benchmarks=is_benchmarked)
    if not found:
        why = "a narrowed run" if given.narrowing else "no code that these tests answer for"
        session.log(f"{why}: the coverage floor of {repository.floor(package):g} % does not apply")
    _show_exclusions(session, repository, found)
    rows = _conclude(session, context, package, run, found)
    if run.replay:
        from tradai_tasks.results.whole_run import Said  # noqa: PLC0415 - if in use

        excluded = any(figure.omitted or figure.excluded for figure in found)
        has_warned = excluded or run.outcome.left_out or run.outcome.idle or not found
        said = Said(summary=_summary(run, found), rows=rows, reports=run.replay.reports)
        run.replay.keep_session(Said() if has_warned else said)


def _replayed_whole(session: nox.Session, repository: Repository, package: Package) -> bool:
    """Replay the whole session if it can be, and add it to the step summary."""
    if repository.settings.results.replay == "never":
        return False
    from tradai_tasks.sessions.checks.testing.whole_replay import replay_session  # noqa: PLC0415 - if in use

    rows = replay_session(session, repository, package, _report_folder(session))
    if rows:
        append_summary(_COLUMNS, rows)
    return bool(rows)


def _report_folder(session: nox.Session) -> tuple[str, str]:
    return "test", session.name.replace("(", "-").rstrip(")")


def _measure(
    session: nox.Session,
    context: Context,
    package: Package,
    given: PytestArguments,
    *,
    disable_benchmarks: bool,
) -> tuple[PytestRun, tuple[Figure, ...]]:
    """Run the tests that have no valid result, and return the figures of all of them."""
    repository = context.repository
    home = repository.root / package.path
    with report_folder(repository, *_report_folder(session)) as folder:
        reports = Reports(folder=folder)
        measuring = _measuring(repository, package)
        words = _words(repository, package, given, disable_benchmarks=disable_benchmarks)
        replay = None
        if repository.settings.results.replay != "never":
            from tradai_tasks.sessions.checks.testing.replay import open_replay  # noqa: PLC0415 - if in use

            replay = open_replay(session, repository, package, given, [*measuring, *words])
        writes = bool(measuring) and not (replay and replay.files)  # else written afterwards
        written = _cov_reports(reports, is_written=writes, measured=bool(measuring))
        call = PytestCall(
            session=session,
            repository=repository,
            name=repository.workspace.session_id(package),
            home=home,
            reports=reports,
            assignment=assignment_of(context, package, given),
            given=given,
            expected=[
                repository.root / one.path for one in repository.inventory.tests(package.path)
            ],
            replay=replay,
        )
        run = call.run([*measuring, *written, *words])
        if replay and run.record:
            replay.finish(run.record, reports, measured=bool(measuring))
        shares = [] if given.narrowing else _code_shares(repository, package)
        found = figures(
            reports.coverage_json,
            shares,
            home=home,
            settings=(run.record and run.record.coverage) or {},
        )
        known = {one.name: one.percent for one in found if one.percent is not None}
        if shares and not run.outcome.fault:
            write_whole(folder / FIGURES, json.dumps(known).encode())
        if replay:
            replay.take_reports(reports)
    return run, found


def _words(
    repository: Repository, package: Package, given: PytestArguments, *, disable_benchmarks: bool
) -> list[str]:
    """Return pytest's arguments, without those of coverage's reports."""
    layout = repository.shares[package]
    words = ["--benchmark-disable"] if disable_benchmarks else []
    words += [*repository.settings.test.args, *given.words]
    # floors are judged afterwards, on each package's own code
    words += ["--cov-fail-under=0"] if layout.has_code else []
    if not given.paths:
        words += path_arguments(repository, layout.tests, repository.root / package.path)
    return words


def _conclude(
    session: nox.Session,
    context: Context,
    package: Package,
    run: PytestRun,
    found: Sequence[Figure],
) -> tuple[tuple[str, ...], ...]:
    """Judge the run and the coverage, and add them to the step summary; return its rows.

    Raises:
        CheckFailedError: A test failed, the run is not what it seems, or coverage is under a floor.
    """
    repository = context.repository
    name = repository.workspace.session_id(package)
    fault = run.outcome.fault or _floor_fault(repository, name, run, found)
    rows = _rows(name, run, found, fault)
    append_summary(_COLUMNS, rows)
    note = run.replay.note if run.replay else ""
    conclude(session, f"{_summary(run, found)}{note}")
    if fault and run.outcome.failed:
        raise CheckFailedError(f'{fault}; narrow it down with: nox -s "{session.name}" -- --lf -x')
    if fault:
        raise CheckFailedError(f'{fault}; check again with: nox -s "{session.name}"')
    require_runnable(name, context, run)
    if run.outcome.is_empty:
        session.log(f"all {run.outcome.others} tests are left to the sessions of their markers")
    return rows


def _install_requirements(session: nox.Session, repository: Repository, package: Package) -> None:
    """Install what services and lambdas without a project need for their tests, all together."""
    units = {
        f.area.path for f in repository.inventory.tests(package.path) if f.area.package is None
    }
    listed = [file for file in map(requirements_of, sorted(units)) if repository.tree.is_file(file)]
    if listed:
        install_requirements(session, listed)


def _check_paths(
    session: nox.Session, repository: Repository, package: Package, given: PytestArguments
) -> None:
    """Skip the session if the user's paths are all those of other packages with tests.

    Raises:
        CheckFailedError: They are those of no package with tests.
    """
    if not given.paths:
        return
    homes = {one: repository.root / one.path for one in repository.shares if one.path != "."}
    owners = {
        next((one for one, home in homes.items() if path.is_relative_to(home)), None)
        for path in given.paths
    }
    if package.path == "." or package in owners:
        return
    name = repository.workspace.session_id(package)
    if None in owners:
        raise CheckFailedError(
            f"{name}: {' '.join(session.posargs)}: not in {package.path}; give paths of its tests, "
            f"or select the session whose tests they are"
        )
    session.skip(f"the paths given are not in {package.path}")


def _measuring(repository: Repository, package: Package) -> list[str]:
    """Return pytest-cov's options for the code that the tests answer for."""
    sources = coverage_sources(repository.tree, package, repository.shares[package])
    if not sources:
        return []
    stated = pytest_configuration(
        repository.tree, package.path, repository.settings.test.args
    ).addopts
    is_stated = any(word.startswith("--cov-config") for word in stated)
    config = coverage_config(repository.tree, package)
    includes = config and re.search(rb"^\s*include\s*=", repository.tree.read(config), re.MULTILINE)
    return [
        *(f"--cov={source}" for source in sources),
        *([f"--cov-config={repository.root / config}"] if config and not is_stated else []),
        # coverage says so, which ends pytest where its configuration makes errors of warnings
        *(["-Wignore:--include is ignored"] if includes else []),
    ]


def _cov_reports(reports: Reports, *, is_written: bool, measured: bool) -> list[str]:
    if not is_written:
        return ["--cov-report="] if measured else []
    return [
        "--cov-report=term-missing:skip-covered",
        f"--cov-report=xml:{reports.coverage_xml}",
        f"--cov-report=json:{reports.coverage_json}",
    ]


def _code_shares(repository: Repository, package: Package) -> list[CodeShare]:
    """Return the code that a package's tests answer for, divided by the package it belongs to.

    Tests of a root that only holds others together are those of all members without any.
    """
    modules = {module.path for module in repository.shares[package].imports}
    files: dict[Package, list[Path]] = {}
    for file in repository.inventory.below(modules):
        is_code = file.kind in {"source", "generated"} and file.path.endswith(".py")
        if is_code and file.reason is None:
            owner = file.area.package or package
            files.setdefault(owner, []).append(repository.root / file.path)
    return [
        CodeShare(
            name=repository.workspace.session_id(owner),
            floor=repository.floor(owner),
            files=tuple(found),
        )
        for owner, found in files.items()
    ]


def _show_exclusions(session: nox.Session, repository: Repository, found: Sequence[Figure]) -> None:
    for figure in found:
        for files, what in (
            (figure.omitted, "left out of coverage by its configuration"),
            (figure.excluded, "mostly excluded from coverage by its configuration"),
        ):
            if files:
                names = ", ".join(os.path.relpath(file, repository.root) for file in files)
                session.warn(f"{figure.name}: {what}: {names}")


def _floor_fault(
    repository: Repository, name: str, run: PytestRun, found: Sequence[Figure]
) -> str | None:
    """Return why the code's coverage is under a floor, the library's or the user's own."""
    if found and run.outcome.is_empty:
        return (
            f"{name}: all {run.outcome.others} tests are left to the sessions of their markers, so "
            f"nothing was tested; add tests, or state `test = false` in its settings"
        )
    record = run.record or RunRecord()
    settings = record.coverage or {}
    return floor_fault(
        found,
        user=user_floor(record.args, settings),
        precision=int(settings.get("report:precision") or 0),
        home=repository.root,
    )


def _summary(run: PytestRun, found: Sequence[Figure]) -> str:
    record = run.record or RunRecord()
    counts = [(record.count(one), one) for one in ("passed", "failed", "skipped", "xfailed")]
    parts = [f"{count} {one}" for count, one in counts if count or one == "passed"]
    for figure in found:
        of = f" of {figure.name}" if len(found) > 1 else ""
        parts.append(f"coverage{of} {figure.shown} (floor {figure.floor:g} %)")
    return ", ".join(parts)


def _rows(
    name: str, run: PytestRun, found: Sequence[Figure], fault: str | None
) -> tuple[tuple[str, ...], ...]:
    """Return a row for the step summary, and one for each further package that was measured."""
    outcome = run.outcome
    left = f"; left out: {', '.join(outcome.left_out)}" if outcome.left_out else ""
    left += f"; every test skipped in {', '.join(outcome.idle)}" if outcome.idle else ""
    counts = (str(outcome.tests), str(outcome.failed), str(outcome.skipped))
    rows = [(figure.name, "", "", "", figure.shown, f"{figure.floor:g} %") for figure in found] or [
        (name, "", "", "", "-", "-")
    ]
    first, *others = rows
    return (
        (first[0], *counts, *first[4:], (fault or "passed") + left),
        *((*row, "") for row in others),
    )
