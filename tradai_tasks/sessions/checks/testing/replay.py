"""Replay and keep results of test files in a session `test(pkg)`."""

from __future__ import annotations

import contextlib
import json
import os
import shutil
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property, partial
from pathlib import Path
from xml.etree.ElementTree import ParseError  # nosec B405 - only its error

import nox
from nox.virtualenv import VirtualEnv

from tradai_tasks.checks.floors import FIGURES
from tradai_tasks.checks.testing.pytest_arguments import FRESH, PytestArguments
from tradai_tasks.checks.testing.pytest_rules import Reports
from tradai_tasks.checks.testing.run_record import RunRecord
from tradai_tasks.errors import (
    EnvironmentUnknownError,
    RecordingError,
    ResultStoreError,
)
from tradai_tasks.files.atomic_write import write_whole
from tradai_tasks.files.report_folder import REPORTS
from tradai_tasks.repository import Repository
from tradai_tasks.results.digests import WorkTree
from tradai_tasks.results.environment_digest import environment_digest
from tradai_tasks.results.inputs import Inputs
from tradai_tasks.results.junit import cases_by_file, with_replayed
from tradai_tasks.results.kept_result import Covered, encode_result
from tradai_tasks.results.policy import Policy
from tradai_tasks.results.recording import PLUGIN, read_recording, recording_environment
from tradai_tasks.results.replay import (
    Decision,
    Divided,
    Judge,
    add_replayed,
    covered_by,
    decide,
    failed_files,
    new_result,
    record_name,
    refuted_name,
    replay_line,
    replay_note,
    run_files,
    runs_by_file,
    without,
)
from tradai_tasks.results.run_key import slot_name
from tradai_tasks.results.store import Store
from tradai_tasks.results.whole_run import Said, WholeRuns
from tradai_tasks.sessions.checks.testing.coverage_by_file import CoverageByFile
from tradai_tasks.sessions.core.result_use import (
    commit_of,
    is_done,
    policy_of,
    store_of,
    trim,
    work_tree,
)
from tradai_tasks.workspace.discovery import Package

REPORT = "results.json"  # what became of each test file, for `nox -s results`


def open_replay(
    session: nox.Session,
    repository: Repository,
    package: Package,
    given: PytestArguments,
    words: Sequence[str],
) -> Replay | None:
    """Return what to do with results in this run; None if nothing, which a line explains.

    `given` are the user's arguments, `words` pytest's without those that name files of reports.
    """
    found = policy_of(repository, fresh=given.fresh)
    if not found.is_on or given.narrowing or given.informing:
        return None
    start = time.time()
    tree = work_tree(session, repository)
    try:
        if not isinstance(session.virtualenv, VirtualEnv):
            raise EnvironmentUnknownError("the tests have no environment of their own")
        slot = slot_name(
            environment=environment_digest(Path(session.virtualenv.location), repository.root),
            root=repository.root,
            home=package.path,
            name=repository.workspace.session_id(package),
            words=words,
            variables=tree.variables,
            stated=repository.settings.results.env,
        )
        store = store_of(repository)
        decision = decide(store, slot, tree)
    except (EnvironmentUnknownError, ResultStoreError) as fault:
        session.warn(f"everything is run, and no result is kept: {fault}")
        return None
    return Replay(
        session=session,
        repository=repository,
        package=package,
        rules=found,
        store=store,
        slot=slot,
        decision=decision,
        start=start,
    )


@dataclass(kw_only=True)
class Replay:
    """The results that a run takes over, and those that it makes."""

    session: nox.Session
    repository: Repository
    package: Package
    rules: Policy
    store: Store
    slot: str
    decision: Decision
    start: float  # seconds since the epoch
    replayed: list[str] = field(default_factory=list)  # test files, from the root
    note: str = ""  # at the end of the summary
    reports: dict[str, bytes] = field(default_factory=dict)  # of coverage, by file name
    _refusals: dict[str, str] = field(default_factory=dict)
    _keys: dict[str, str] = field(default_factory=dict)  # of the results in the store, by test file

    @property
    def files(self) -> list[Path]:
        """The test files that pytest is not to run."""
        root = self.repository.root
        return [root / file for file in self.decision.valid] if self.rules.replays else []

    @property
    def contexts(self) -> Path | None:
        """The folder that coverage names test files from; None if it need not tell them apart."""
        return self.repository.root if self.rules.keeps else None

    @property
    def arguments(self) -> list[str]:
        """Further arguments for pytest."""
        return ["-p", PLUGIN] if self.rules.keeps else []

    def environment(self, reports: Reports, search: str) -> dict[str, str]:
        """Return further variables for pytest, which has a PYTHONPATH already."""
        if not self.rules.keeps:
            return {}
        reports.inputs.mkdir()
        self._coverage(reports).order(self.decision.valid.values() if self.files else None)
        return recording_environment(reports.inputs, self.repository.root, search)

    def merge(self, record: RunRecord) -> None:
        """Add the tests that were not run to the record of those that were."""
        self.replayed = add_replayed(record, self.decision.valid, self.repository.root)

    def finish(self, record: RunRecord, reports: Reports, *, measured: bool) -> None:
        """Keep what can be kept, add what was replayed to the reports, and say what was done.

        `measured` is whether coverage is measured.

        Raises:
            ReplayCoverageError: The coverage of what was replayed could not be added.
        """
        root, session = self.repository.root, self.session
        ran = run_files(record, root)
        valid = [self.decision.valid[file] for file in self.replayed]
        session.log(replay_line(ran, valid, self.start))
        self.note = replay_note(len(valid), len(ran) + len(valid))
        if self.rules.compares:
            self._hold(record)
        kept = self._kept(record, reports, ran) if self.rules.keeps else {}
        covered: dict[str, Covered] | None = {}
        if measured and not record.tells_files_apart:
            self._refusals |= dict.fromkeys(kept, "coverage does not tell test files apart")
            kept = {}
        if measured and (kept or self.files):
            divided = self._coverage(reports).read(valid if self.files else None)
            covered = None if divided is None else _covered(kept, divided)
        if measured and covered is None:
            self._refusals |= dict.fromkeys(kept, "what it covers cannot be read")
            kept = {}
        with contextlib.suppress(ParseError, OSError):  # which pytest did not write
            self._write(record, reports, kept, covered or {}, measured=measured)
            if valid:
                cases = [case for one in valid for case in one.cases]
                write_whole(reports.junit, with_replayed(reports.junit.read_bytes(), cases))
        for file, reason in self._refusals.items():
            session.log(f"{file}: its result is not kept: {reason}")
        known = {
            "session": session.name,
            "store": self.store.place,
            "replayed": self.replayed,
            "ran": {file: self.decision.changed.get(file, "no result is known") for file in ran},
            "refused": self._refusals,
        }
        write_whole(reports.folder / REPORT, json.dumps(known, indent=1).encode())

    def take_reports(self, reports: Reports) -> None:
        """Read the reports of coverage, for a replay of the whole session."""
        known = (reports.coverage_xml, reports.coverage_json, reports.folder / FIGURES)
        self.reports = {file.name: file.read_bytes() for file in known if file.is_file()}

    def keep_session(self, said: Said) -> None:
        """Keep that the whole session was green, and what it said."""
        session = self.session
        venv = session.virtualenv
        if not self.rules.keeps or {*session.posargs} - {FRESH} or not isinstance(venv, VirtualEnv):
            return
        valid = self.decision.valid
        keep = partial(
            WholeRuns(self.repository, self.store, os.environ).keep,
            session.name,
            self.package,
            {**self._keys, **{file: valid[file].digested.key for file in self.replayed}},
            slot=self.slot,
            environment=Path(venv.location),
            set_by_session=session.env,
            said=said,
            commit=self._commit,
        )
        is_done(session, keep)

    def _kept(self, record: RunRecord, reports: Reports, ran: Sequence[str]) -> dict[str, Inputs]:
        """Return the inputs of the test files whose results can be kept."""
        repository = self.repository
        try:
            found = read_recording(reports.inputs, repository.root)
            recorded = {file: without(inputs, REPORTS) for file, inputs in found.items()}
        except RecordingError as fault:
            self.session.warn(str(fault))
            recorded = {}
        shutil.rmtree(reports.inputs, ignore_errors=True)
        judge = Judge(
            tree=self._tree,
            start=self.start,
            programs=repository.settings.results.programs,
            refuted=self.decision.refuted,
            markers=repository.markers,
        )
        runs = runs_by_file(record, repository.root)
        reasons = {file: judge.refusal(file, runs[file], recorded.get(file)) for file in ran}
        self._refusals = {file: reason for file, reason in reasons.items() if reason is not None}
        return {file: recorded[file] for file, reason in reasons.items() if reason is None}

    def _hold(self, record: RunRecord) -> None:
        """Hold results that were not replayed against what happened; mark those proven wrong."""
        for file in sorted(failed_files(record, self.repository.root)):
            result = self.decision.valid.get(file)
            if result is None or file in self.replayed:
                continue
            key = result.digested.key[:12]
            self.session.warn(
                f"{file}: it failed, although it was green with the same inputs (key {key}): "
                f"it depends on something that is not recorded, such as the time, the order of "
                f"tests or what other tests leave; its result is not replayed again"
            )
            mark = refuted_name(self.slot, result)
            is_done(self.session, partial(self.store.write, mark, encode_result(result)))

    def _coverage(self, reports: Reports) -> CoverageByFile:
        return CoverageByFile(
            session=self.session,
            repository=self.repository,
            package=self.package,
            reports=reports,
        )

    def _write(
        self,
        record: RunRecord,
        reports: Reports,
        kept: Mapping[str, Inputs],
        covered: Mapping[str, Covered],
        *,
        measured: bool,
    ) -> None:
        """Write the results that are kept."""
        if not kept:
            return
        runs = runs_by_file(record, self.repository.root)
        names = {test: file for file, run in runs.items() for test in run.collected}
        cases = cases_by_file(reports.junit.read_bytes(), names)
        for file, inputs in kept.items():
            digested = self._tree.digest(inputs, file)
            result = new_result(
                file,
                runs[file],
                inputs,
                digested,
                cases=cases.get(file, ()),
                covered=covered.get(file, {}) if measured else None,
                commit=self._commit,
            )
            name = record_name(self.slot, file, digested.key)
            if not is_done(self.session, partial(self.store.write, name, encode_result(result))):
                return
            self._keys[file] = digested.key
        is_done(self.session, partial(trim, self.store, self.repository))

    @cached_property
    def _commit(self) -> str:
        return commit_of(self.repository.root)

    @cached_property
    def _tree(self) -> WorkTree:
        """The work tree after the tests."""
        return work_tree(self.session, self.repository)


def _covered(kept: Mapping[str, Inputs], divided: Mapping[str, Divided]) -> dict[str, Covered]:
    return {test: covered_by(test, one.modules, divided) for test, one in kept.items()}
