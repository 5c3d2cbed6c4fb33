"""Narrow and widen a selection by what recordings of test runs show."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping

import msgspec
import nox

from tradai_tasks.affected.graph.import_graph import ImportGraph
from tradai_tasks.affected.selection.change_analysis import ChangeAnalysis
from tradai_tasks.affected.selection.selection import Item
from tradai_tasks.errors import CheckFailedError, ResultStoreError
from tradai_tasks.report import print_table, say
from tradai_tasks.repository import Repository
from tradai_tasks.results.digests import WorkTree
from tradai_tasks.results.graph_check import fitting, unseen_loads
from tradai_tasks.results.whole_run import WholeRun, WholeRuns
from tradai_tasks.sessions.ci.affected_sessions import Tasks
from tradai_tasks.sessions.core.result_use import policy_of, store_of
from tradai_tasks.workspace.discovery import Package


class Recorded(msgspec.Struct, frozen=True, kw_only=True):
    """What recordings show of a repository's test sessions."""

    runs: Mapping[str, WholeRun] = {}
    """By the session's name, those of which anything is known."""
    replays: bool = False
    """Whether this run may leave out what would be replayed."""

    def widened(self, found: ChangeAnalysis) -> ChangeAnalysis:
        """Return the analysis with packages whose tests depend on what changed, as recorded."""
        reasons = {
            run.package: reason
            for run in self.runs.values()
            if (reason := run.changed_by(found.selection.changed))
        }

        def item(one: Item) -> Item:
            reason = reasons.get(one.name)
            if one.affected or reason is None:
                return one
            return msgspec.structs.replace(one, reasons=(reason,))

        selection = msgspec.structs.replace(
            found.selection,
            packages=tuple(map(item, found.selection.packages)),
            strategies=tuple(map(item, found.selection.strategies)),
        )
        return msgspec.structs.replace(found, selection=selection)

    def narrowed(self, tasks: Tasks) -> tuple[Tasks, dict[str, str]]:
        """Return the tasks without tests that would be replayed, and these packages and why."""
        valid = {name: run for name, run in self.runs.items() if run.is_valid and self.replays}
        kept = [
            msgspec.structs.replace(
                task, sessions=tuple(name for name in task.sessions if name not in valid)
            )
            for task in tasks.tasks
        ]
        left = {name for task in kept for name in task.sessions}
        still = {run.package for name, run in self.runs.items() if name in left}
        named = {name for task in tasks.tasks for name in task.sessions}
        replayed = {
            run.package: run.why
            for name, run in valid.items()
            if name in named and run.package not in still and not _others(tasks, run.package, left)
        }
        return msgspec.structs.replace(tasks, tasks=tuple(t for t in kept if t.sessions)), replayed


def _others(tasks: Tasks, package: str, left: set[str]) -> bool:
    """Return whether a test session of a package is still to be run."""
    return any(
        name in left and name.startswith("test")
        for task in tasks.tasks
        if task.package == package
        for name in task.sessions
    )


def look_up(session: nox.Session, repository: Repository) -> Recorded:
    """Return what recordings show; nothing where results are not in use, or the store is not."""
    rules = policy_of(repository)
    if not rules.is_on:
        return Recorded()
    try:
        store = store_of(repository)
        known = WholeRuns(repository, store, os.environ)
        found = {
            name: known.look(name, package, known.python(python))
            for name, package, python in _test_sessions(repository)
        }
    except ResultStoreError as fault:
        session.warn(f"the selection is made without recordings: {fault}")
        return Recorded()
    runs = {name: run for name, run in found.items() if run is not None}
    return Recorded(runs=runs, replays=rules.replays)


def verify(repository: Repository, graph: ImportGraph | None) -> None:
    """Print each load that was recorded and that the static graph does not have.

    Raises:
        CheckFailedError: There is one, or there is nothing to look at.
        ResultStoreError: The store cannot be used.
    """
    store = store_of(repository)
    tests = {one.path for one in repository.inventory.files if one.kind == "test"}
    tree = WorkTree(repository.root, (), {})
    results = list(fitting(store, tree, tests)) if graph else []
    if graph is None or not results:
        raise CheckFailedError(
            "changes: --verify: no recording of a test run fits this work tree, so nothing was "
            'verified; set results.replay = "auto" and run: nox -s test'
        )
    unseen = unseen_loads(results, graph)
    files = len({one.test_file for one in results})
    if unseen:
        print_table("Loads that the graph does not have", ("test file", "loads"), unseen)
        raise CheckFailedError(
            f"changes: --verify: {len(unseen)} loads, recorded in {files} test files, are not in "
            f"the graph, so a change of what is loaded does not select these tests; add a kind of "
            f"edge of your own (docs/affected.md)"
        )
    say(f"the graph has every load that was recorded, of {files} test files")


def _test_sessions(repository: Repository) -> Iterator[tuple[str, Package, str | None]]:
    """Yield the name of each test session, its package and the Python that it asks for."""
    several = repository.has_several_pythons
    for package in repository.shares:
        one = repository.workspace.session_id(package)
        for python in repository.pythons or (None,):
            yield f"test{f'-{python}' if several else ''}({one})", package, python
