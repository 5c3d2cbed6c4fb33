"""Checks run beside one another; none can end the others, or pass by breaking."""

from __future__ import annotations

import threading
import time

from tradai_tasks.doctor.check_runner import (
    Check,
    Finding,
    as_document,
    examine,
    fault,
    fine,
    not_here,
)
from tradai_tasks.errors import CheckFailedError


def check(name: str, ask: object) -> Check:
    return Check(name=name, ask=ask, remedy=f"fix {name}")  # type: ignore[arg-type]  # a callable


def test_results_come_in_the_order_of_the_checks() -> None:
    first = threading.Event()

    def slow() -> Finding:
        assert first.wait(30)
        return fine("slow")

    def quick() -> Finding:
        first.set()  # both run at once, or this would never be reached
        return not_here("nothing of it")

    results = examine([check("a", slow), check("b", quick)], timeout=60)
    assert [(one.check.name, one.finding.state, one.finding.what) for one in results] == [
        ("a", "ok", "slow"),
        ("b", "n/a", "nothing of it"),
    ]


def test_an_error_of_ours_is_a_fault_in_one_line() -> None:
    def ask() -> Finding:
        raise CheckFailedError("first", "  second")

    (one,) = examine([check("a", ask)], timeout=60)
    assert one.finding == fault("first second", "fix a")


def test_a_check_that_breaks_is_a_fault_and_no_traceback() -> None:
    def ask() -> Finding:
        raise KeyError("odd\nkey")

    (one,) = examine([check("a", ask)], timeout=60)
    assert one.finding.state == "fault"
    assert one.finding.what == "the check itself failed (KeyError: 'odd\\nkey')"
    assert one.finding.remedy == "fix a"


def test_a_check_that_does_not_end_is_a_fault_and_abandoned() -> None:
    ends = threading.Event()

    def ask() -> Finding:
        ends.wait(60)
        return fine("too late")

    start = time.monotonic()
    results = examine([check("a", ask), check("b", lambda: fine("there"))], timeout=0.2)
    ends.set()
    assert time.monotonic() - start < 30
    assert results[0].finding == fault("no answer within 0.2 s", "fix a")
    assert results[0].seconds == 0.2
    assert results[1].finding.state == "ok"


def test_for_scripts() -> None:
    results = examine(
        [check("a", lambda: fine("x")), check("b", lambda: fault("y", "z"))], timeout=60
    )
    document = as_document(results)
    assert document["healthy"] is False
    for row in document["checks"]:
        assert row.pop("seconds") >= 0
    assert document["checks"] == [
        {"check": "a", "state": "ok", "what": "x", "remedy": ""},
        {"check": "b", "state": "fault", "what": "y", "remedy": "z"},
    ]
    assert as_document(results[:1])["healthy"] is True
