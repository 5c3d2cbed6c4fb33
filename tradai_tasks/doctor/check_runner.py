"""Run checks in parallel, each with a time limit; one that breaks does not end the others."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Any, Literal

from tradai_tasks.errors import TasksError
from tradai_tasks.extras import missing_extra


@dataclass(frozen=True, kw_only=True, slots=True)
class Finding:
    """The result of one check."""

    # ok: nothing will fail here. fault: something will, or that cannot be determined. n/a: the
    # repository has nothing of this kind, or it cannot be checked here; `what` says which.
    state: Literal["ok", "fault", "n/a"]
    what: str
    remedy: str = ""  # what to do about a fault


def fine(what: str) -> Finding:
    """Return a finding that nothing will fail."""
    return Finding(state="ok", what=what)


def fault(what: str, remedy: str) -> Finding:
    """Return a finding that something would fail, and what to do."""
    return Finding(state="fault", what=what, remedy=remedy)


def not_here(why: str) -> Finding:
    """Return a finding that the check does not apply, and why."""
    return Finding(state="n/a", what=why)


@dataclass(frozen=True, kw_only=True, slots=True)
class Check:
    """One check, and what to do if it cannot be made."""

    name: str
    ask: Callable[[], Finding]
    remedy: str  # for a failure that has no better one


@dataclass(frozen=True, kw_only=True, slots=True)
class CheckResult:
    """A finding, and how long it took."""

    check: Check
    finding: Finding
    seconds: float


def examine(checks: Sequence[Check], *, timeout: float) -> tuple[CheckResult, ...]:
    """Run all checks at once and return what they found, in their order.

    A check that takes more than `timeout` seconds is a fault and is abandoned: its thread does not
    keep the process alive.
    """
    start = time.monotonic()
    running = [_Asked(check) for check in checks]
    results = []
    for one in running:
        one.thread.join(max(0.0, start + timeout - time.monotonic()))
        finding = one.finding
        if finding is None:
            finding = fault(f"no answer within {timeout:g} s", one.check.remedy)
        seconds = min(one.seconds or timeout, timeout)
        results.append(CheckResult(check=one.check, finding=finding, seconds=seconds))
    return tuple(results)


class _Asked:
    """A check on a thread of its own."""

    def __init__(self, check: Check) -> None:
        self.check = check
        self.finding: Finding | None = None
        self.seconds: float | None = None
        self.thread = threading.Thread(target=self._run, name=f"check {check.name}", daemon=True)
        self.thread.start()

    def _run(self) -> None:
        start = time.monotonic()
        try:
            finding = self.check.ask()
        except TasksError as error:
            finding = fault(" ".join(str(error).split()), self.check.remedy)
        except Exception as error:
            missing = missing_extra(error) if isinstance(error, ModuleNotFoundError) else None
            # a check that breaks says nothing about the others, and is no success either
            said = " ".join(f"{type(error).__name__}: {error}".split())
            finding = (
                fault(*str(missing).split("; ", 1))
                if missing
                else fault(f"the check itself failed ({said})", self.check.remedy)
            )
        self.seconds = time.monotonic() - start
        self.finding = finding


def as_document(results: Iterable[CheckResult]) -> dict[str, Any]:
    """Return the results for scripts."""
    rows = [
        {
            "check": one.check.name,
            "state": one.finding.state,
            "what": one.finding.what,
            "remedy": one.finding.remedy,
            "seconds": round(one.seconds, 3),
        }
        for one in results
    ]
    return {"healthy": all(row["state"] != "fault" for row in rows), "checks": rows}
