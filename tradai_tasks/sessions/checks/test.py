"""`test(pkg)`: run pytest with coverage in an environment of only that package."""

from __future__ import annotations

import os
import shutil
from pathlib import Path

import nox

from tradai_tasks.checks.pytest_rules import (
    PytestOutcome,
    Reports,
    coverage_sources,
    judge,
    marker_expression,
    marker_plugin,
    narrows,
    tool_file,
)
from tradai_tasks.errors import CheckFailedError
from tradai_tasks.report import append_summary
from tradai_tasks.sessions.core.context import Context
from tradai_tasks.sessions.core.environment import install_tool, status_of, sync_package
from tradai_tasks.workspace.discovery import Package
from tradai_tasks.workspace.lock_file import read_lock
from tradai_tasks.workspace.locked_tools import find_test_tools

__all__ = ["sync_for_tests", "test"]

_PLUGIN = "tradai_tasks_markers"


def sync_for_tests(session: nox.Session, context: Context, package: Package) -> frozenset[str]:
    """Install a package with its test tools and return the names of all installed packages."""
    lock = read_lock(context.tree, package.project)
    root = context.workspace.root_document if package.project == "." else {}
    names = package.settings.groups or context.settings.test.groups
    tools = find_test_tools(lock, package, root, names)
    sync_package(session, context, package, tools)
    return tools.reached


def test(session: nox.Session, context: Context, package: Package) -> None:
    """Test one package in an environment of its own."""
    layout = context.shares[package]
    name = context.workspace.session_id(package)
    if not layout.tests:
        raise CheckFailedError(
            f"{name}: no tests collected: {package.path} has code but no test files; add tests, "
            f"or state that it has none by `test = false` in its settings"
        )
    reached = sync_for_tests(session, context, package)
    if "pytest-cov" not in reached:
        install_tool(session, context, "pytest-cov", project=package.project)
    reports = _fresh_reports(session, context)
    floor: float | None = context.floor(package)
    narrowed, own_paths = narrows(session.posargs, _bases(session, context, package))
    if narrowed or not layout.has_code:
        why = "a narrowed run" if narrowed else "no code that these tests answer for"
        session.log(f"{why}: the coverage floor of {floor:g} % does not apply")
        floor = None
    argv = _argv(context, package, reports, floor=floor, reached=reached)
    argv += [*context.settings.test.args, *session.posargs]
    home = context.root / package.path
    if not own_paths:
        argv += [str((context.root / path).relative_to(home)) for path in layout.tests]
    with session.chdir(home):
        status = status_of(session, argv, env=_environment(context, reports))
    modules = [
        str((context.root / module.path).relative_to(home))
        for module in layout.imports
        if module.path.endswith(".py")
    ]
    outcome = judge(name, status, reports, floor=floor, modules=modules)
    _report(name, outcome, floor)
    if outcome.failed:
        narrow = f'nox -s "{session.name}" -- --lf -x'
        raise CheckFailedError(f"{outcome.fault}; narrow it down with: {narrow}")
    if outcome.fault:
        raise CheckFailedError(outcome.fault)


def _fresh_reports(session: nox.Session, context: Context) -> Reports:
    """Return an emptied folder, so that reports of an earlier run are not taken for this one's."""
    folder = context.reports("test", session.name.replace("(", "-").rstrip(")"))
    shutil.rmtree(folder)
    folder.mkdir()
    return Reports(folder=folder)


def _environment(context: Context, reports: Reports) -> dict[str, str]:
    """Return additional environment variables: coverage's data file and the marker plugin."""
    plugins = reports.folder / "plugin"
    plugins.mkdir()
    (plugins / f"{_PLUGIN}.py").write_text(marker_plugin(context.markers), encoding="utf-8")
    search = [str(plugins), os.environ.get("PYTHONPATH", "")]
    return {
        "COVERAGE_FILE": str(reports.coverage_data),
        "PYTHONPATH": os.pathsep.join(filter(None, search)),
    }


def _bases(session: nox.Session, context: Context, package: Package) -> tuple[Path, Path]:
    return context.root / package.path, Path(session.invoked_from)


def _argv(
    context: Context,
    package: Package,
    reports: Reports,
    *,
    floor: float | None,
    reached: frozenset[str],
) -> list[str]:
    """Return the pytest command; `python -m` puts the package's folder on sys.path."""
    argv = ["python", "-m", "pytest", "-p", _PLUGIN]
    if expression := marker_expression(context.tree, package, context.markers_elsewhere):
        argv += ["-m", expression]
    argv += [f"--junit-xml={reports.junit}"]
    sources = coverage_sources(context.tree, package, context.shares[package])
    argv += [f"--cov={source}" for source in sources]
    if sources:
        argv += ["--cov-report=term-missing:skip-covered"]
        argv += [f"--cov-report=xml:{reports.coverage_xml}"]
        argv += [f"--cov-report=json:{reports.coverage_json}"]
        argv += [f"--cov-fail-under={floor or 0:g}"]
        config = tool_file(context.tree, package, "coverage")
        argv += [f"--cov-config={context.root / config}"] if config else []
    argv += ["--benchmark-disable"] if "pytest-benchmark" in reached else []
    return argv


def _report(name: str, outcome: PytestOutcome, floor: float | None) -> None:
    percent = "-" if outcome.percent is None else f"{int(outcome.percent * 100) / 100:g} %"
    append_summary(
        ("package", "tests", "failed", "skipped", "coverage", "floor", "verdict"),
        [
            (
                name,
                str(outcome.tests),
                str(outcome.failed),
                str(outcome.skipped),
                percent,
                "-" if floor is None else f"{floor:g} %",
                outcome.fault or "passed",
            )
        ],
    )
