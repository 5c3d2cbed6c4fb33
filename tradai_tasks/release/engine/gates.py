"""Release gates: nox sessions run in subprocesses and judged by their reports.

A gate that has passed for this tag, commit and lock does not run again: its evidence counts.
"""

from __future__ import annotations

import json
import os
import shlex
import sys
import tempfile
import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, BinaryIO

from tradai_tasks.backtest.record import RECORD_FILE, BacktestRecord, read_record
from tradai_tasks.environment_allowance import REPLAY_SWITCH, Allowance, masked
from tradai_tasks.errors import BacktestRecordError, EvidenceError, ReleaseGateError
from tradai_tasks.files.path_guard import open_below, read_below
from tradai_tasks.process import run_logged
from tradai_tasks.release.engine.evidence import Evidence, Store
from tradai_tasks.release.engine.step import Known, Look
from tradai_tasks.sandbox import Sandbox

_SHOWN = 40  # lines of a failed gate's log in the terminal


@dataclass(frozen=True, kw_only=True, slots=True)
class SessionGate:
    """A gate made of one or several nox sessions."""

    name: str  # what the gate judges: a strategy's slug
    stage: str
    sessions: tuple[str, ...]
    noxfile: Path
    store: Store
    stop: threading.Event
    show: Callable[[str], None]  # called with the end of the log of a gate that failed
    env: Mapping[str, str] = field(repr=False)
    withheld: tuple[str, ...] = ()  # names of the release's variables that `env` does not have
    secrets: tuple[str, ...] = field(default=(), repr=False)  # values to hide in its log
    sandbox: Sandbox | None = None  # that it runs in; None if the machine has none

    def look(self, known: Known) -> Look:  # noqa: ARG002 - the interface of a step
        """Look for evidence that the gate has passed."""
        found = self.store.find(self.stage)
        if isinstance(found, Evidence):
            return found.steps.get(self.name) or Look(state="todo", note="not in its evidence")
        return Look(state="todo", note=f"to be run: {found}" if found else "to be run")

    def act(self, known: Known) -> Look:  # noqa: ARG002 - the interface of a step
        """Run the sessions; raise ReleaseGateError if one failed or did not run.

        Raises:
            StoppedError: It was stopped.
        """
        seconds = self._run()
        return Look(
            state="done",
            note=f"passed: {', '.join(self.sessions)}",
            record={"sessions": list(self.sessions), "seconds": round(seconds, 3)},
        )

    def _run(self) -> float:
        """Run the sessions in a subprocess and return the seconds that they took."""
        self.store.prepare()
        log = self.store.folder / f"{self.stage}.log"
        again = f"nox -s {shlex.join(self.sessions)}"
        # a file without a name: no other gate can write to it
        with tempfile.TemporaryFile() as report, open_below(log.parent, log.name) as said:
            argv = [sys.executable, "-m", "nox", "--noxfile", str(self.noxfile)]
            argv += ["-j", "auto"] if len(self.sessions) > 1 else []
            argv += ["--report", f"/dev/fd/{report.fileno()}", "-s", *self.sessions]
            try:
                status = run_logged(
                    argv,
                    cwd=self.noxfile.parent,
                    log=said,
                    env=self.env,
                    stop=self.stop,
                    sandbox=self._sandbox(),
                    pass_fds=(report.fileno(),),
                )
            finally:
                text = self._masked(said)
            report.seek(0)
            found = report.read()
        if status != 0:
            shown = os.path.relpath(log, self.noxfile.parent)
            lines = text.splitlines()[-_SHOWN:]
            self.show("\n".join([f"--- end of {shown} ---", *lines, "---", *self._withheld_note()]))
            raise ReleaseGateError(f"{_reason(found)}; all it said is in {shown}; again: {again}")
        return self._seconds_of(found, again)

    def _sandbox(self) -> Sandbox | None:
        """Return the sandbox, in which the folder of evidence cannot be replaced."""
        if self.sandbox is None:
            return None
        return replace(self.sandbox, pinned=(*self.sandbox.pinned, self.store.folder.resolve()))

    def _masked(self, log: BinaryIO) -> str:
        """Mask the gate's secrets in its log, and return the text."""
        log.seek(0)
        said = log.read().decode("utf-8", "replace")
        text = masked(said, self.secrets)
        if text != said:
            log.seek(0)
            log.truncate()
            log.write(text.encode())
            log.flush()
        return text

    def _withheld_note(self) -> list[str]:
        """Return lines on what was hidden from the gate, as a possible cause of its failure."""
        if not self.withheld:
            return []
        names = ", ".join(self.withheld)
        return [f"withheld from the gates, unless release.gate-environment names it: {names}"]

    def _seconds_of(self, report: bytes, again: str) -> float:
        """Check that every session ran: nox exits with 0 if one was skipped."""
        try:
            ran = json.loads(report)["sessions"]
            # a session of one package is known by its signature; its name is that of them all
            results = [({one["name"], *one["signatures"]}, str(one["result"])) for one in ran]
            seconds = sum(float(one["duration"]) for one in ran)
        except (ValueError, KeyError, TypeError):
            raise ReleaseGateError(
                f"nox ended well and left no report of its sessions; run it: {again}"
            ) from None
        for name in self.sessions:
            found = [result for names, result in results if name in names] or ["not run"]
            missed = [result for result in found if result != "success"]
            if missed:
                raise ReleaseGateError(
                    f"{name} did not run to its end ({missed[0]}), so it judged nothing; run it: "
                    f"{again}"
                )
        return seconds


@dataclass(frozen=True, kw_only=True, slots=True)
class BacktestGate:
    """Gate of the full backtest: a session whose record is compared with the release."""

    gate: SessionGate
    reports: Path  # where the session leaves its record and the report's files
    fault: Callable[[], str] = str  # why it would fail, if that is known; empty if it is not

    @property
    def name(self) -> str:
        """What is judged: the strategy's slug."""
        return self.gate.name

    def look(self, known: Known) -> Look:
        """Look for evidence that the gate has passed."""
        look = self.gate.look(known)
        if look.state == "done":
            try:
                _check(self._read(look.record), self.name, self.gate.store)
            except (BacktestRecordError, EvidenceError) as error:
                look = Look(state="todo", note=f"to be run: {error}")
        fault = self.fault() if look.state == "todo" else ""
        return replace(look, note=f"{look.note}; it would fail", obstacle=fault) if fault else look

    def act(self, known: Known) -> Look:
        """Run the backtest, and keep its record and report.

        Raises:
            ReleaseGateError: It failed.
            BacktestRecordError: It left no record, or one that contradicts itself.
            EvidenceError: Its record is of something else.
            StoppedError: It was stopped.
        """
        # only a record of this very run counts
        (self.reports / RECORD_FILE).unlink(missing_ok=True)
        look = self.gate.act(known)
        record = read_record(self.reports)
        files = {name: self._content(name) for name in (RECORD_FILE, *record.files)}
        # of the very bytes that are kept
        record = BacktestRecord.from_json(files[RECORD_FILE], file=str(self.reports / RECORD_FILE))
        _check(record, self.name, self.gate.store)
        self.gate.store.keep(self.gate.stage, files)
        shown = ", ".join(_shown(verdict) for verdict in record.verdicts)
        raw = json.loads(record.as_json())
        return Look(state="done", note=f"passed: {shown}", record={**look.record, "backtest": raw})

    def _content(self, name: str) -> bytes:
        """Return a file of the report: a link could lead to what only the release can read."""
        content = read_below(self.reports, name)
        if content is None:
            raise BacktestRecordError(
                f"{self.reports / name}: is no file, or a link leads there; run the backtest again"
            )
        return content

    def _read(self, record: Mapping[str, Any]) -> BacktestRecord:
        return backtest_of({self.gate.stage: {self.name: record}}, self.gate.stage, self.name)


@dataclass(frozen=True, kw_only=True, slots=True)
class SkippedGate:
    """A gate that has nothing to judge according to the settings."""

    name: str
    why: str

    def look(self, known: Known) -> Look:  # noqa: ARG002 - the interface of a step
        """Return why it is skipped."""
        return Look(state="skipped", note=self.why)

    act = look  # never called


def backtest_of(known: Known, stage: str, name: str) -> BacktestRecord:
    """Return the backtest's record from a stage's evidence.

    Raises:
        EvidenceError: The stage left none.
        BacktestRecordError: It contradicts itself.
    """
    raw = known.get(stage, {}).get(name, {}).get("backtest")
    if not isinstance(raw, Mapping):
        raise EvidenceError(
            f"evidence of {stage}: it holds no backtest of {name}; run that stage again"
        )
    return BacktestRecord.from_json(json.dumps(raw), file=f"evidence of {stage}")


def gate_environment(env: Mapping[str, str], allowance: Allowance) -> dict[str, str]:
    """Return the environment of a gate: no result is replayed, and NOXSESSION adds no session."""
    return {**allowance.given(env), "NOXSESSION": "", REPLAY_SWITCH: "never"}


def _check(record: BacktestRecord, slug: str, store: Store) -> None:
    """Check that a backtest is of this release and passed; its verdicts were checked before."""
    where = f"the backtest of {record.strategy}"
    again = f"run it again: nox -s {shlex.quote(f'backtest-full({slug})')}"
    subject = store.subject
    found = {
        "strategy": (record.strategy, slug),
        "kind": (record.kind, "full"),
        "commit": (record.commit, subject.commit),
        "lock": (record.lock_sha256, subject.lock),
    }
    for what, (theirs, ours) in found.items():
        if theirs != ours:
            raise EvidenceError(
                f"{where}: is of {what} {theirs!r}, and this release is of {what} {ours!r}; {again}"
            )
    if record.dirty:
        raise EvidenceError(f"{where}: ran with uncommitted changes; {again}")
    if not record.passed:
        raise EvidenceError(f"{where}: did not pass its gates; {again}")


def _reason(report: bytes) -> str:
    """Return the reason that a failed session reported."""
    try:
        ran = json.loads(report)["sessions"]
        reasons = [one["reason"] for one in ran if one["result"] != "success"]
    except (ValueError, KeyError, TypeError):
        reasons = ["nox ended before it came to a result"]
    said = " ".join(str((reasons or [None])[0] or "it failed").split())
    return said.rstrip(".")


def _shown(verdict: Any) -> str:
    value = verdict.note if verdict.value is None else f"{verdict.value:.4g}"
    return f"{verdict.metric} {value} {verdict.relation} {verdict.threshold:g}"
