"""Run checks in parallel, each with a time limit; one that breaks does not end the others."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import wait
from dataclasses import dataclass
from functools import partial
from typing import Any, Literal

from tradai_tasks.background import started
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
    running = [started(partial(_result_of, check)) for check in checks]
    results = []
    for check, result in zip(checks, running, strict=True):
        wait([result], max(0.0, start + timeout - time.monotonic()))
        if result.done() and result.exception() is None:
            results.append(result.result())
        else:
            late = fault(f"no answer within {timeout:g} s", check.remedy)
            results.append(CheckResult(check=check, finding=late, seconds=timeout))
    return tuple(results)


def _result_of(check: Check) -> CheckResult:
    start = time.monotonic()
    try:
        finding = check.ask()
    except TasksError as error:
        finding = fault(" ".join(str(error).split()), check.remedy)
    except Exception as error:
        missing = missing_extra(error) if isinstance(error, ModuleNotFoundError) else None
        # a check that breaks says nothing about the others, and is no success either
        said = " ".join(f"{type(error).__name__}: {error}".split())
        finding = (
            fault(*str(missing).split("; ", 1))
            if missing
            else fault(f"the check itself failed ({said})", check.remedy)
        )
    return CheckResult(check=check, finding=finding, seconds=time.monotonic() - start)


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
