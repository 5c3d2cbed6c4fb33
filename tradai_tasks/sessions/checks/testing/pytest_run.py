"""Run pytest with the plugin that records what it did, and judge the run by that."""

from __future__ import annotations

import os
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import nox

from tradai_tasks.checks.testing.pytest_arguments import (
    PytestArguments,
    path_argument,
    read_arguments,
)
from tradai_tasks.checks.testing.pytest_rules import Reports, marked_files
from tradai_tasks.checks.testing.run_record import (
    PLUGIN,
    Assignment,
    RunRecord,
    read_record,
    record_environment,
)
from tradai_tasks.checks.testing.run_verdict import RunJudge, RunOutcome
from tradai_tasks.errors import CheckFailedError
from tradai_tasks.files.file_tree import join
from tradai_tasks.repository import Repository
from tradai_tasks.sessions.core.context import Context
from tradai_tasks.sessions.core.environments.environment import status_of
from tradai_tasks.sessions.core.registry import fitting
from tradai_tasks.text import safe
from tradai_tasks.workspace.discovery import Package

if TYPE_CHECKING:  # most runs have none
    from tradai_tasks.sessions.checks.testing.replay import Replay


@dataclass(frozen=True, kw_only=True, slots=True)
class PytestRun:
    """A pytest run and its result."""

    record: RunRecord | None
    outcome: RunOutcome
    replay: Replay | None = None  # what was done with results


def given_arguments(session: nox.Session, repository: Repository, home: Path) -> PytestArguments:
    """Return the user's arguments for a pytest run in a folder."""
    bases = (Path(session.invoked_from), repository.root)
    return read_arguments(session.posargs, home=home, bases=bases)


def path_arguments(repository: Repository, paths: Sequence[str], home: Path) -> list[str]:
    """Return test files and folders, from the root, as pytest is given them in a folder.

    Raises:
        CheckFailedError: pytest would read something else into a name.
    """
    for path in paths:
        if "[" in path or "::" in path:
            raise CheckFailedError(
                f"{safe(path)}: pytest cannot be given a path with '[' or '::', which it reads as "
                f"the name of a test; rename it"
            )
    return [path_argument(repository.root / path, home) for path in paths]


@dataclass(frozen=True, kw_only=True, slots=True)
class PytestCall:
    """A pytest run that a session is to make."""

    session: nox.Session
    repository: Repository
    name: str  # for messages
    home: Path  # folder to run in
    reports: Reports  # where reports and the record go
    assignment: Assignment  # which of the tests are those of the session
    given: PytestArguments  # the user's
    expected: Iterable[Path] = ()  # test files that pytest's configuration lets it collect there
    replay: Replay | None = None  # what is done with results; None if nothing

    def run(self, words: Sequence[str]) -> PytestRun:
        """Run pytest, judge what it did, and show which test files its options leave out.

        `words` are the session's own arguments, then the user's (`given`), then the tests.

        Raises:
            RunRecordError: The record of the run cannot be read.
        """
        session, given, replay = self.session, self.given, self.replay
        status = self._status(words)
        if given.informing and status in {0, 5}:
            session.skip(f"{given.informing} asks for information, so nothing was tested")
        record = read_record(self.reports.record)
        if replay and record:
            replay.merge(record)
        judge = RunJudge(
            name=self.name,
            assignment=self.assignment,
            home=self.repository.root,
            narrowing=given.narrowing,
            expected=self.expected,
        )
        outcome = judge.outcome(status, record)
        if outcome.left_out:
            session.warn(
                f"{self.name}: left out by pytest's options: {', '.join(outcome.left_out)}"
            )
        if outcome.idle:
            session.warn(f"{self.name}: every test was skipped in {', '.join(outcome.idle)}")
        return PytestRun(record=record, outcome=outcome, replay=replay)

    def _status(self, words: Sequence[str]) -> int:
        """Run pytest, and return its exit status."""
        session, reports, replay = self.session, self.reports, self.replay
        root = self.repository.root
        reports.record.mkdir()
        argv = ["python", "-m", "pytest", "-p", PLUGIN, f"--junit-xml={reports.junit}"]
        argv += replay.arguments if replay else []
        if self.home != root and self.home.is_relative_to(root):
            argv.append(f"--confcutdir={_outermost(self.repository, self.home)}")
        env = record_environment(
            reports.record,
            self.assignment,
            replayed=replay.files if replay else (),
            contexts=replay.contexts if replay else None,
            coverage=reports.coverage_orders if replay and replay.contexts else None,
        )
        search = [env["PYTHONPATH"], *filter(None, [os.environ.get("PYTHONPATH")])]
        env["PYTHONPATH"] = os.pathsep.join(search)
        env |= replay.environment(reports, env["PYTHONPATH"]) if replay else {}
        if os.environ.get("PYTEST_ADDOPTS"):
            session.warn(
                "PYTEST_ADDOPTS is not used, so that a run is what the repository states; give the "
                "options after --, or by the setting test.args"
            )
        further = {"COVERAGE_FILE": str(reports.coverage_data), "PYTEST_ADDOPTS": None}
        with session.chdir(self.home):
            # pytest has no test to run where all are replayed, which its record then shows
            good = (0, 5) if replay and replay.files else (0,)
            return status_of(session, [*argv, *words], env={**env, **further}, good=good)


def _outermost(repository: Repository, home: Path) -> Path:
    """Return the outermost folder with a conftest.py that applies to a package, else its own.

    It is no further out than needed, since pytest looks at everything in such a folder.
    """
    above = [*reversed(home.relative_to(repository.root).parents)]
    names = ("conftest.py", "__init__.py")  # the second may have a setUpModule
    files = {folder: [join(folder.as_posix(), name) for name in names] for folder in above}
    found = (one for one in above if any(map(repository.tree.is_file, files[one])))
    return repository.root / next(found, home)


def assignment_of(context: Context, package: Package, given: PytestArguments) -> Assignment:
    """Return which of a package's tests its session `test` runs: those that no other one does.

    A hook or a plugin can give a marker, so pytest's own markers decide. Where a marker has no
    session, `test` runs its tests with all others.
    """
    repository = context.repository
    found: dict[str, tuple[Path, ...] | None] = {}
    sessions = {"contract": fitting.contract, "integration": fitting.integration}
    for name, fits in sessions.items():
        table = getattr(repository.settings, name)
        has_session = name in context.exclude or not fits(repository).why_not
        paths = tuple(repository.root / path for path in table.paths)
        if has_session and (paths or collects_marked(repository, package, table.marker)):
            found[table.marker] = paths or None
    if given.has_marker_expression:
        found = {}  # the user selects by marker
    return Assignment(markers=repository.markers, elsewhere=found)


def collects_marked(repository: Repository, package: Package, marker: str) -> bool:
    """Return whether the session of a marker collects a package's tests.

    It collects those of the workspace, and of independent projects whose tests name the marker.
    """
    if package.project == ".":
        return True
    return bool(marked_files(repository.tree, repository.layout(package).tests, marker))


def require_runnable(name: str, context: Context, run: PytestRun) -> None:
    """Raise CheckFailedError where tests were left to a session that the noxfile leaves out."""
    repository = context.repository
    for session in sorted(
        {"contract", "integration"} & context.exclude - nox.registry.get().keys()
    ):
        marker = getattr(repository.settings, session).marker
        removed = run.record.removed.values() if run.record else ()
        lost = {test.file: None for test in removed if marker in test.markers}
        if lost:
            files = ", ".join(os.path.relpath(file, repository.root) for file in lost)
            raise CheckFailedError(
                f"{name}: tests marked {marker!r} are run by no session: {files}; register() "
                f"leaves {session!r} out: take it out of `exclude`, or write a session of that name"
            )
