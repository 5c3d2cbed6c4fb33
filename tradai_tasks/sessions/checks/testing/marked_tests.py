"""`contract` and `integration`: run tests by marker with all packages installed."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import nox

from tradai_tasks.checks.compose import compose_client, compose_file, project_name
from tradai_tasks.checks.testing.coverage_scope import test_arguments
from tradai_tasks.checks.testing.pytest_rules import Reports
from tradai_tasks.checks.testing.run_record import Assignment
from tradai_tasks.checks.testing.run_verdict import RunOutcome
from tradai_tasks.errors import CheckFailedError, CommandFailedError
from tradai_tasks.repository import Repository
from tradai_tasks.sessions.checks.testing.pytest_run import (
    PytestCall,
    collects_marked,
    given_arguments,
    path_arguments,
)
from tradai_tasks.sessions.core.context import Context
from tradai_tasks.sessions.core.environments.environment import install_tool, sync_everything
from tradai_tasks.sessions.core.nox_options import end_of_install
from tradai_tasks.sessions.core.report_folder import report_folder
from tradai_tasks.workspace.locks.lock_file import read_lock
from tradai_tasks.workspace.locks.locked_tools import find_test_tools


def contract(session: nox.Session, context: Context) -> None:
    """Run the contract tests while the compose file's services are up."""
    repository = context.repository
    settings = repository.settings.contract
    file = compose_file(repository.tree, settings.compose_file)
    _sync(session, repository)
    end_of_install(session)
    with _services(session, repository, file):
        _run(session, repository, settings.marker, settings.paths)


def integration(session: nox.Session, context: Context) -> None:
    """Run the integration tests."""
    repository = context.repository
    settings = repository.settings.integration
    _sync(session, repository)
    _run(session, repository, settings.marker, settings.paths)


def _sync(session: nox.Session, repository: Repository) -> None:
    """Install all packages with every test group that exists, and with pytest."""
    groups = repository.settings.test.groups
    for project in repository.workspace.projects:
        lock = read_lock(repository.tree, project)
        packages = [p for p in repository.workspace.packages if p.project == project]
        root = repository.workspace.root_document if project == "." else {}
        found = [find_test_tools(lock, package, root, groups) for package in packages]
        used = (place.name for tools in found for place in tools.places)
        sync_everything(session, repository, project, dict.fromkeys((*groups, *used)))
        if any("pytest" in tools.reached for tools in found):
            return
        if packages:
            install_tool(session, repository, "pytest", project=project)


@contextmanager
def _services(session: nox.Session, repository: Repository, file: str | None) -> Iterator[None]:
    """Start the compose file's services, and always stop them at the end."""
    if file is None:
        session.log("no compose file: the tests bring what they need")
        yield
        return
    root = str(repository.root)
    client = compose_client(root)
    words = [*client, "--file", file, "--project-name", project_name(root, session.name)]
    timeout = str(repository.settings.contract.timeout)
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


def _run(session: nox.Session, repository: Repository, marker: str, paths: Sequence[str]) -> None:
    """Run the marked tests: those of the root, then each package's in its own folder."""
    missing = [path for path in paths if not (repository.root / path).exists()]
    if missing:
        raise CheckFailedError(
            f"{', '.join(missing)}: no such path; fix the setting {session.name}.paths"
        )
    groups = [(".", list(paths))] if paths else _groups(repository, marker)
    assignment = Assignment(markers=repository.markers, only=marker)
    outcomes = []
    with report_folder(repository, session.name) as folder:
        for number, (place, targets) in enumerate(groups, start=1):
            home = repository.root / place
            reports = Reports(folder=folder / str(number))
            reports.folder.mkdir()
            given = given_arguments(session, repository, home)
            if given.paths and not any(_owner(repository, path) == place for path in given.paths):
                continue
            words = ["-m", "", *given.words]  # what a configuration selects is not for this session
            words += [] if given.paths else path_arguments(repository, targets, home)
            call = PytestCall(
                session=session,
                repository=repository,
                name=session.name,
                home=home,
                reports=reports,
                assignment=assignment,
                given=given,
            )
            outcomes.append(call.run(words).outcome)
    _judge(session, marker, outcomes)


def _judge(session: nox.Session, marker: str, outcomes: Sequence[RunOutcome]) -> None:
    """Fail with the first fault; folders without a marked test are none."""
    tests = sum(outcome.tests for outcome in outcomes)
    faults = [outcome.fault for outcome in outcomes if outcome.fault and not outcome.is_unmatched]
    if faults and any(outcome.failed for outcome in outcomes):
        raise CheckFailedError(
            f"{faults[0]}; narrow it down with: nox -s {session.name} -- --lf -x"
        )
    if faults:
        raise CheckFailedError(faults[0])
    if not tests and session.posargs and (unmatched := [o.fault for o in outcomes if o.fault]):
        raise CheckFailedError(unmatched[0])
    if not tests:
        raise CheckFailedError(
            f"{session.name}: no test is marked {marker!r}; mark them with @pytest.mark.{marker}, "
            f"or leave the session out: register(exclude=...)"
        )


def _owner(repository: Repository, path: Path) -> str:
    """Return the folder of the package that a path is in, "." if it is in none."""
    places = [package.path for package in repository.workspace.packages if package.path != "."]
    inside = (place for place in places if path.is_relative_to(repository.root / place))
    return max(inside, key=len, default=".")


def _groups(repository: Repository, marker: str) -> list[tuple[str, list[str]]]:
    """Return (folder, test files and folders) of the root and of each package.

    Packages run one by one, as in `test`: two may have modules of the same name.
    """
    inventory = repository.inventory
    groups = [(".", test_arguments(inventory, ".", ("tests", "test")))]
    for package in repository.workspace.packages:
        if package.path != "." and collects_marked(repository, package, marker):
            tests = repository.layout(package).tests
            found = test_arguments(inventory, package.path, tests) or tests
            groups.append((package.path, found))
    return [(home, list(targets)) for home, targets in groups if targets]
