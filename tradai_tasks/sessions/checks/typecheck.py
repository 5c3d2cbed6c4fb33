"""`typecheck`: type-check all packages, or strictly each strategy, and check Protocols."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import replace
from itertools import chain
from pathlib import Path
from tempfile import TemporaryDirectory

import msgspec
import nox

from tradai_tasks.checks.testing.coverage_scope import test_arguments
from tradai_tasks.checks.typecheck.checkers import CHECKERS, Checker, mypy_findings
from tradai_tasks.checks.typecheck.protocol_compliance import protocol_module
from tradai_tasks.checks.typecheck.rules import Batch, BatchRules, choose_checker
from tradai_tasks.errors import CheckFailedError
from tradai_tasks.files.atomic_write import write_whole
from tradai_tasks.files.file_tree import join
from tradai_tasks.repository import Repository
from tradai_tasks.sessions.checks.type_checker_run import CheckerRun, annotate_finding, run_checker
from tradai_tasks.sessions.core.arguments import asks_help, skip_for_help
from tradai_tasks.sessions.core.context import Context
from tradai_tasks.sessions.core.environments.environment import (
    install_tool,
    output_of,
    sync_everything,
)
from tradai_tasks.sessions.core.environments.unit_environment import environment_of_unit
from tradai_tasks.sessions.core.parallel.parallel_output import conclude, first_of
from tradai_tasks.settings.model import ProtocolPair
from tradai_tasks.text import leading, safe
from tradai_tasks.workspace.discovery import Package
from tradai_tasks.workspace.layout import Layout
from tradai_tasks.workspace.locks.lock_conflicts import install_sets
from tradai_tasks.workspace.locks.lock_file import read_lock
from tradai_tasks.workspace.locks.locked_tools import groups_with
from tradai_tasks.workspace.loose_code import (
    layout_of_unit,
    requirements_of,
    unit_package,
    units_of,
    with_loose_code,
)

_FOUND = 1  # mypy's exit status for findings; 2 is for what keeps it from looking


def typecheck(session: nox.Session, context: Context, package: Package | None = None) -> None:
    """Type-check one strategy, or all packages project by project."""
    repository = context.repository
    if asks_help(session):
        skip_for_help(
            session, "options for the type checker, besides those of typecheck.args, and --fresh"
        )
    if package is not None:
        _typecheck(session, repository, [package], package.project)
    else:
        for project in repository.workspace.projects:
            held = [p for p in repository.workspace.packages if p.project == project]
            if held:
                _typecheck(session, repository, held, project)
    count = 1 if package else len(repository.workspace.packages)
    conclude(session, f"{count} package{'s' * (count != 1)} without findings")


def _typecheck(
    session: nox.Session, repository: Repository, packages: list[Package], project: str
) -> None:
    pairs = [pair for package in packages for pair in package.settings.protocols]
    if pairs and not any(_layout(repository, package).has_code for package in packages):
        raise CheckFailedError("typecheck: settings name Protocols, but there is no code to check")
    units = units_of(repository.inventory) if project == repository.workspace.projects[0] else ()
    apart = [path for path in units if repository.tree.is_file(requirements_of(path))]
    beside = [path for path in units if path not in apart]  # checked with the packages
    checker = _checker(session, repository, packages, project)
    run = CheckerRun(session=session, repository=repository, checker=checker)
    statuses: list[int] = []
    for part in _installed(run, packages, project):
        layouts = {package: _layout(repository, package) for package in part}
        layouts |= {
            unit_package(path): layout_of_unit(path, repository.inventory) for path in beside
        }
        beside = []
        pairs = [pair for package in part for pair in package.settings.protocols]
        plan = _batches(run, layouts, project, pairs)
        if not plan:
            session.log("no package has code to check")
        for position, batch in enumerate(plan):
            own = () if position else pairs
            statuses.append(_run(run, batch, pairs=own))
    roots = {
        root
        for one in repository.workspace.packages
        for root in repository.layout(one).source_roots
    }
    for path in apart:
        python = environment_of_unit(session, path)
        layouts = {unit_package(path): layout_of_unit(path, repository.inventory)}
        for batch in _batches(run, layouts, project):
            borrowing = replace(batch, borrowed=tuple(sorted(roots)))
            statuses.append(_run(run, borrowing, python=python))
    broken = next((status for status in statuses if status not in {0, _FOUND}), 0)
    if broken:
        raise CheckFailedError(
            f"typecheck: {checker.name} could not finish (exit status {broken}): a file that does "
            f"not parse, a bad configuration or argument, or a crash; its message is above"
        )
    if any(statuses):
        raise CheckFailedError(_fault(run, packages))


def _checker(
    session: nox.Session, repository: Repository, packages: Sequence[Package], project: str
) -> Checker:
    """Return the type checker of a project: that of the settings, or the one that it uses."""
    stated = repository.settings.typecheck.checker
    if stated is not None:
        return CHECKERS[stated]
    has_lock = repository.tree.is_file(join(project, "uv.lock"))
    locked = read_lock(repository.tree, project).by_name if has_lock else {}
    found = choose_checker(repository.tree, project, (one.path for one in packages), locked)
    session.log(f"type checker: {found.name}; to choose another, set typecheck.checker")
    return found


def _batches(
    run: CheckerRun,
    layouts: Mapping[Package, Layout],
    project: str,
    pairs: Sequence[ProtocolPair] = (),
) -> tuple[Batch, ...]:
    repository = run.repository
    extra = [str(_write_protocols(run, pairs))] if run.checker.name == "mypy" and pairs else []
    rules = BatchRules(
        tree=repository.tree,
        tests=repository.settings.typecheck.tests,
        project=project,
        known=[file.path for file in repository.inventory.files if file.reason is None],
        args=run.given,
        checker=run.checker,
    )
    return rules.batches(layouts, extra=extra)


def _layout(repository: Repository, package: Package) -> Layout:
    """Return a package's layout with the code beside its import packages, and all of its tests."""
    found = with_loose_code(package, repository.layout(package), repository.inventory, "typecheck")
    if not repository.settings.typecheck.tests:
        return found
    return msgspec.structs.replace(
        found, tests=test_arguments(repository.inventory, package.path, found.tests)
    )


def _installed(run: CheckerRun, packages: list[Package], project: str) -> Iterator[list[Package]]:
    """Install the packages and yield them; those that uv's conflicts keep apart, in turn."""
    session, repository, checker = run.session, run.repository, run.checker
    members = [one for one in repository.workspace.packages if one.project == project]
    root = [repository.workspace.root_document] if project == "." else []
    own = [groups_with(one, {checker.name}) for one in (*root, *(one.document for one in members))]
    groups = [*dict.fromkeys((*repository.settings.typecheck.groups, *chain(*own)))]
    names = [one.name for one in members]
    sets = install_sets(read_lock(repository.tree, project), names, groups)
    for one in sets:
        held = [package for package in packages if package.name in one.packages]
        if not held:
            continue
        if one.left_out:
            session.log(
                f"not installed for {', '.join(one.packages)}: group "
                f"{', '.join(one.left_out)}, which tool.uv.conflicts exclude with those before in "
                f"typecheck.groups"
            )
        only = one.packages if len(sets) > 1 else ()
        sync_everything(session, repository, project, one.groups, only=only)
        install_tool(session, repository, checker.name, project=project, only_missing=True)
        yield held


def _run(
    run: CheckerRun,
    batch: Batch,
    *,
    python: Path | None = None,
    pairs: Sequence[ProtocolPair] = (),
) -> int:
    """Run the checker on one batch and return its exit status.

    `python` is the interpreter whose packages it sees, the session's own if None; `pairs` are
    classes and their Protocols, of a checker other than mypy.
    """
    session, checker = run.session, run.checker
    whose = f"{checker.name}'s configuration"
    if batch.excluded:
        session.warn(f"excluded by {whose}: {' '.join(map(safe, batch.excluded))}")
    if batch.ignored:
        session.warn(
            f"errors ignored, by {whose} or a comment in the file: "
            f"{' '.join(map(safe, batch.ignored))}"
        )
    if batch.is_blind:
        raise CheckFailedError(
            f"typecheck: {checker.name} ignores the errors of every file of "
            f"{', '.join(batch.packages)}, so nothing would be checked; see what its configuration "
            f"ignores and excludes"
        )

    def check() -> tuple[int, bool]:
        if checker.name == "mypy":
            return _run_mypy(run, batch, python), True
        return run_checker(run, batch, python=python, pairs=pairs)

    words = [checker.name, repr(batch), repr((run.is_strict, pairs, python))]
    return _unless_green(run, batch, check, words, python)


def _unless_green(
    run: CheckerRun,
    batch: Batch,
    check: Callable[[], tuple[int, bool]],
    words: Sequence[str],
    python: Path | None,
) -> int:
    """Run a check, unless it was green with the same inputs; return its exit status."""
    session, repository, given = run.session, run.repository, run.given
    is_asked = given != [*repository.settings.typecheck.args]  # for something else by the user
    writes = any("report" in word or "xml" in word for word in given)
    if repository.settings.results.replay == "never" or is_asked or writes:
        return check()[0]
    from tradai_tasks.sessions.checks.testing.kept_check import (  # noqa: PLC0415 - if in use
        KeptCheck,
        code_files,
    )

    kept = KeptCheck(
        session=session,
        repository=repository,
        name=f"typecheck of {', '.join(batch.packages)}",
        words=[*words, *given],
        files=lambda: code_files(repository.root),
        environments=[python.parent.parent] if python else [],
    )
    return kept.unless_green(check) or 0


def _run_mypy(run: CheckerRun, batch: Batch, python: Path | None) -> int:
    """Run mypy on one batch, in the folder of its configuration; return its exit status."""
    session, repository, further = run.session, run.repository, run.given
    home = repository.root / batch.home
    argv = ["mypy", "--namespace-packages", "--explicit-package-bases", "--show-error-codes"]
    argv += ["--strict"] if run.is_strict else []
    argv += ["--python-executable", str(python)] if python else []
    sources = [os.path.relpath(repository.root / source, home) for source in batch.sources]
    if not sources:
        return 0
    # mypy keeps what it finds by the module's name, which another run may have as well
    cache = batch.sources[0].replace("/", ".")
    argv.append(f"--cache-dir={os.environ.get('MYPY_CACHE_DIR', '.mypy_cache')}/{cache}")
    search = os.pathsep.join(
        str(repository.root / folder) for folder in (*batch.search, *batch.borrowed)
    )
    argv += ["--follow-imports=silent"] if batch.borrowed else []
    with TemporaryDirectory() as folder, session.chdir(home):
        report = Path(folder) / "mypy.xml"  # mypy writes it when it has come to its end
        argv.append(f"--junit-xml={report}")
        env = {"MYPYPATH": search, **({"MYPY_FORCE_COLOR": "1"} if sys.stdout.isatty() else {})}
        status, output = output_of(session, [*argv, *further, *sources], env=env)
        sys.stdout.writelines(first_of(session, output.splitlines(keepends=True)))
        sys.stdout.flush()
        is_stated = any(word.startswith("--junit-xml") for word in further)
        if status == 0 and not is_stated and not report.is_file():
            raise CheckFailedError(
                "typecheck: mypy ended without a report, so nothing was checked; see its arguments "
                "and plugins for what ends it, such as `--version`"
            )
        for finding in first_of(session, run.noted(home, mypy_findings(output))):
            annotate_finding(finding)
        return status


def _write_protocols(run: CheckerRun, pairs: Sequence[ProtocolPair]) -> Path:
    """Write the module whose type check verifies the Protocols, one for each session."""
    module = run.reports / "protocol_compliance.py"
    write_whole(module, protocol_module(pairs, mypy=True).encode())
    return module


def _fault(run: CheckerRun, packages: list[Package]) -> str:
    again, workspace = "nox -s typecheck", run.repository.workspace
    if workspace.kind == "strategies":
        again = f'nox -s "typecheck({workspace.session_id(packages[0])})"'
    found = f"{run.checker.name} found faults{leading(run.errors)}"
    return f"typecheck: {found}; check again with: {again}"
