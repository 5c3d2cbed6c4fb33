"""`contract` and `integration`: run tests by marker with all packages installed."""

from __future__ import annotations

import shutil
from collections.abc import Iterator, Sequence
from contextlib import contextmanager

import nox

from tradai_tasks.checks.compose import compose_client, compose_file, project_name
from tradai_tasks.checks.pytest_rules import Reports, judge, marked_files
from tradai_tasks.errors import CheckFailedError, CommandFailedError, ToolNotLockedError
from tradai_tasks.sessions.core.context import Context
from tradai_tasks.sessions.core.environment import status_of, sync_everything
from tradai_tasks.sessions.core.nox_options import end_of_install
from tradai_tasks.workspace.lock_file import read_lock
from tradai_tasks.workspace.locked_tools import find_test_tools

__all__ = ["contract", "integration"]


def contract(session: nox.Session, context: Context) -> None:
    """Run the contract tests while the compose file's services are up."""
    settings = context.settings.contract
    file = compose_file(context.tree, settings.compose_file)
    _sync(session, context)
    end_of_install(session)
    with _services(session, context, file):
        _run(session, context, settings.marker, settings.paths)


def integration(session: nox.Session, context: Context) -> None:
    """Run the integration tests."""
    settings = context.settings.integration
    _sync(session, context)
    _run(session, context, settings.marker, settings.paths)


def _sync(session: nox.Session, context: Context) -> None:
    """Install all packages with every test group that exists; pytest must be among them."""
    groups = context.settings.test.groups
    for project in context.workspace.projects:
        lock = read_lock(context.tree, project)
        packages = [p for p in context.workspace.packages if p.project == project]
        sync_everything(session, context, project, groups)
        root = context.workspace.root_document if project == "." else {}
        for package in packages:
            try:
                find_test_tools(lock, package, root, groups)
            except ToolNotLockedError:
                continue  # another package, or the root, may still bring it
            return
        if packages:
            find_test_tools(lock, packages[0], root, groups)


@contextmanager
def _services(session: nox.Session, context: Context, file: str | None) -> Iterator[None]:
    """Start the compose file's services, and always stop them at the end."""
    if file is None:
        session.log("no compose file: the tests bring what they need")
        yield
        return
    root = str(context.root)
    client = compose_client(root)
    words = [*client, "--file", file, "--project-name", project_name(root, session.name)]
    timeout = str(context.settings.contract.timeout)
    waiting = ["--wait", "--wait-timeout", timeout] if client[0] == "docker" else []
    try:
        session.run(*words, "up", "--detach", "--build", *waiting, external=True)
        yield
    except nox.command.CommandFailed:
        session.run(*words, "logs", "--tail", "50", external=True, success_codes=range(256))
        raise CommandFailedError(
            f"{file}: its services did not come up; their last output is above"
        ) from None
    finally:
        session.run(
            *words, "down", "--volumes", "--remove-orphans", external=True, success_codes=range(256)
        )


def _run(session: nox.Session, context: Context, marker: str, paths: Sequence[str]) -> None:
    """Run the marked tests: those of the root, then each package's in its own folder."""
    missing = [path for path in paths if not (context.root / path).exists()]
    if missing:
        raise CheckFailedError(
            f"{', '.join(missing)}: no such path; fix the setting {session.name}.paths"
        )
    groups = [(".", list(paths))] if paths else _groups(context, marker)
    folder = context.reports(session.name)
    shutil.rmtree(folder)
    outcomes = []
    for number, (home, targets) in enumerate(groups, start=1):
        reports = Reports(folder=context.reports(session.name, str(number)))
        argv = ["python", "-m", "pytest", "-m", marker, f"--junit-xml={reports.junit}"]
        with session.chdir(context.root / home):
            status = status_of(session, [*argv, *session.posargs, *targets])
        outcomes.append(judge(session.name, status, reports, floor=None))
    faults = [outcome.fault for outcome in outcomes if outcome.fault and outcome.tests]
    if faults:
        raise CheckFailedError(
            f"{faults[0]}; narrow it down with: nox -s {session.name} -- --lf -x"
        )
    silent = [outcome.fault for outcome in outcomes if outcome.fault and outcome.died]
    if silent:
        raise CheckFailedError(str(silent[0]))
    if not any(outcome.tests for outcome in outcomes):
        raise CheckFailedError(
            f"{session.name}: no test is marked {marker!r}; mark them with @pytest.mark.{marker}, "
            f"or leave the session out: register(exclude=...)"
        )


def _groups(context: Context, marker: str) -> list[tuple[str, list[str]]]:
    """Return (folder, test files) of the root and of each package with marked tests.

    Packages run one by one, as in `test`: two may have modules of the same name.
    """
    owned = {path for p in context.workspace.packages for path in context.layout(p).tests}
    loose = [
        name
        for name in ("tests", "test")
        if name not in owned and (context.tree.folders(name) or context.tree.files(name))
    ]
    packages = context.workspace.packages
    candidates = [(".", loose), *((p.path, list(context.layout(p).tests)) for p in packages)]
    groups = []
    for home, folders in candidates:
        files = marked_files(context.tree, folders, marker)
        if files:
            groups.append(
                (home, [path if home == "." else path[len(home) + 1 :] for path in files])
            )
    return groups
