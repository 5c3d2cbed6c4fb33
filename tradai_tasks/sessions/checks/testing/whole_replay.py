"""Replay a whole session `test(pkg)` without installing anything or starting pytest."""

from __future__ import annotations

import json
import os
import time
from collections.abc import Sequence
from pathlib import Path

import nox
from nox.virtualenv import VirtualEnv

from tradai_tasks.checks.pythons import interpreter_of
from tradai_tasks.checks.testing.pytest_rules import Reports
from tradai_tasks.errors import ResultStoreError
from tradai_tasks.files.atomic_write import write_whole
from tradai_tasks.repository import Repository
from tradai_tasks.results.junit import EMPTY_REPORT, with_replayed
from tradai_tasks.results.replay import replay_line, replay_note
from tradai_tasks.results.whole_run import WholeRun, WholeRuns
from tradai_tasks.sessions.checks.testing.replay import REPORT
from tradai_tasks.sessions.core.parallel.parallel_output import conclude
from tradai_tasks.sessions.core.report_folder import report_folder
from tradai_tasks.sessions.core.result_use import policy_of, store_of
from tradai_tasks.workspace.discovery import Package


def replay_session(
    session: nox.Session, repository: Repository, package: Package, folder: Sequence[str]
) -> tuple[tuple[str, ...], ...]:
    """Replay a session as a whole; return its rows for the summary, or none to run it.

    That is so where each of its test files has a valid result, and a run that came to just these
    was green, with nothing to warn of, under the same locks, settings and code. Reports go to
    `folder`.
    """
    start = time.time()
    rules = policy_of(repository)
    venv = session.virtualenv
    if not rules.replays or session.posargs or not isinstance(venv, VirtualEnv):
        return ()
    made_by = interpreter_of(Path(venv.location))
    version = ".".join(map(str, made_by.release)) if made_by else ""
    try:
        store = store_of(repository)
        runs = WholeRuns(repository, store, os.environ)
        known = runs.look(session.name, package, version)
    except ResultStoreError:
        return ()  # which the run says
    if not known or not known.is_valid or known.record.root != str(repository.root):
        return ()
    record = known.record
    # without an installation, the environment may be any
    as_it_is = session._runner.global_config.no_install  # noqa: SLF001 - nox tells it nowhere else
    if as_it_is and not known.was_in(Path(venv.location), repository.root):
        return ()
    if not record.rows:
        return ()
    with report_folder(repository, *folder) as home:
        _write(home, session.name, store.place, known)
    results = [known.decision.valid[test] for test in record.tests]
    session.log(replay_line([], results, start))
    conclude(session, f"{record.summary}{replay_note(len(results), len(results))}")
    return record.rows


def _write(home: Path, session: str, store: str, known: WholeRun) -> None:
    """Write the reports that a run would leave."""
    cases = [case for test in known.record.tests for case in known.decision.valid[test].cases]
    write_whole(Reports(folder=home).junit, with_replayed(EMPTY_REPORT, cases))
    for name, content in known.record.reports.items():
        write_whole(home / name, content)
    said = {
        "session": session,
        "store": store,
        "replayed": sorted(known.record.tests),
        "ran": {},
        "refused": {},
    }
    write_whole(home / REPORT, json.dumps(said, indent=1).encode())
