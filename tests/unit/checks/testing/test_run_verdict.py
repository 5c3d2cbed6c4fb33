from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from tests.support.run_records import write_record
from tradai_tasks.checks.testing.run_record import (
    Assignment,
    CollectedTest,
    read_record,
    record_environment,
)
from tradai_tasks.checks.testing.run_verdict import RunJudge, RunOutcome
from tradai_tasks.errors import RunRecordError

HOME = Path("/w/a")
TEST = Assignment(markers=("contract",), elsewhere={"contract": None})
JUDGE = RunJudge(name="a", assignment=TEST, home=HOME)
CONTRACT = Assignment(markers=("contract",), only="contract")


def judged(
    folder: Path,
    status: int = 0,
    *,
    assignment: Assignment = TEST,
    narrowing: tuple[str, ...] = (),
    **record: Any,
) -> RunOutcome:
    found = read_record(write_record(folder, **record))
    judge = RunJudge(name="a", assignment=assignment, home=HOME, narrowing=narrowing)
    return judge.outcome(status, found)


X, Y, Z = "test_a.py::test_x", "test_a.py::test_y", "test_b.py::test_z"
NO_FIXTURE = {"event": "report", "test": X, "outcome": "failed", "fixture": "ledger"}
FAILED = {"event": "report", "test": X, "outcome": "failed", "line": 7}
BROKEN = {"event": "uncollected", "path": "/w/a/test_b.py", "outcome": "failed"}
SKIPPED = {"event": "uncollected", "path": "/w/a/test_b.py", "outcome": "skipped"}


@pytest.mark.parametrize(
    ("status", "record", "fault"),
    [
        (0, {}, None),
        (0, {"outcomes": {X: "xfailed"}}, None),
        (0, {"outcomes": {X: "passed", Y: "skipped"}}, None),
        (
            1,
            {"outcomes": {X: "failed", Y: "passed"}},
            "1 of 2 tests failed, the first at test_a.py (test_x)",
        ),
        (0, {"outcomes": {X: "failed", Y: "passed"}}, "1 of 2 tests failed"),
        (1, {"more": [FAILED]}, "1 of 1 tests failed, the first at test_a.py:7 (test_x)"),
        (1, {"outcomes": {X: "failed", Y: None}}, "1 of 2 tests failed, and 1 were not run"),
        (
            1,
            {"more": [NO_FIXTURE]},
            "1 of 1 tests failed, the first at test_a.py (test_x); no fixture 'ledger' for test_a.",
        ),
        (2, {"more": [BROKEN]}, "test_b.py could not be collected; the error is above"),
        (4, {"outcomes": {}, "ended": False}, "pytest could not begin, for its arguments"),
        (
            0,
            {"outcomes": {X: "passed", Y: None}},
            "the run ended early (exit status 0): 1 of 2 collected tests were not run, the first",
        ),
        (
            0,
            {"outcomes": {X: None}, "args": ["--co"]},
            "1 of 1 collected tests were not run, since",
        ),
        (0, {"ended": False}, "pytest broke off after its last test (exit status 0)"),
        (0, {"outcomes": {X: "skipped"}}, "all 1 tests were skipped, so nothing was tested"),
        (5, {"outcomes": {}, "more": [SKIPPED]}, "every test was skipped: test_b.py skip"),
        (5, {"outcomes": {}}, "no tests collected; add tests, or state that it has none by"),
        (5, {"outcomes": {}, "removed": {X: ()}}, "all 1 tests are deselected by pytest's config"),
        (5, {"outcomes": {}, "removed": {X: ["contract"]}}, None),
        (1, {}, "pytest ended with exit status 1, though no test failed; see above"),
        (3, {}, "pytest ended with exit status 3"),
    ],
)
def test_verdicts_on_a_run(
    tmp_path: Path, status: int, record: dict[str, Any], fault: str | None
) -> None:
    outcome = judged(tmp_path, status, **record)
    assert (outcome.fault or "").startswith(f"a: {fault}" if fault else "")
    assert bool(outcome.fault) == bool(fault)


def test_a_run_without_a_record_or_collection_is_no_pass(tmp_path: Path) -> None:
    assert read_record(tmp_path) is None
    outcome = JUDGE.outcome(0, None)
    assert outcome.fault is not None
    assert outcome.fault.startswith("a: pytest left no record of the run (exit status 0)")
    (tmp_path / "2.jsonl").write_text('{"event": "start", "args": []}\n')
    outcome = JUDGE.outcome(0, read_record(tmp_path))
    assert outcome.fault == (
        "a: pytest ended before it had collected the tests (exit status 0); see above"
    )


@pytest.mark.parametrize("text", ["{", "[]", '{"event": "start"}', '{"event": "report"}', "\0"])
def test_an_unreadable_record_is_named(tmp_path: Path, text: str) -> None:
    write_record(tmp_path)
    with (tmp_path / "1.jsonl").open("a") as file:
        file.write(f"{text}\n")
    with pytest.raises(RunRecordError, match=r"1\.jsonl: the record of the pytest run cannot be"):
        read_record(tmp_path)


def test_a_selection_by_the_user_without_a_match_says_so(tmp_path: Path) -> None:
    outcome = judged(tmp_path, 5, outcomes={}, removed={X: ()}, narrowing=("-k", "foo"))
    assert outcome.fault == "a: no test matches: -k foo (1 deselected)"
    assert outcome.is_unmatched
    assert outcome.left_out == ()


def test_files_that_options_leave_out_are_listed(tmp_path: Path) -> None:
    ignored = {"event": "ignored", "path": "/w/a/test_old.py"}
    outcome = judged(
        tmp_path, removed={Y: (), Z: ["contract"]}, more=[ignored, {**ignored, "path": "/w/x.py"}]
    )
    assert outcome.fault is None
    assert outcome.left_out == ("test_a.py (1 deselected)", "test_old.py (ignored)")
    assert outcome.others == 1
    expected = [HOME / f"test_{name}.py" for name in ("a", "b", "old", "none")]
    found = read_record(tmp_path)
    outcome = replace(JUDGE, expected=expected).outcome(0, found)
    assert outcome.left_out[2:] == ("test_none.py (pytest finds no test in it)",)


def test_files_of_which_every_test_was_skipped_are_listed(tmp_path: Path) -> None:
    more = [{**SKIPPED, "path": "/w/a/test_c.py"}]
    outcome = judged(tmp_path, outcomes={X: "passed", Y: "skipped", Z: "skipped"}, more=more)
    assert outcome.fault is None
    assert outcome.idle == ("test_c.py", "test_b.py")


def test_a_session_of_a_marker_has_just_its_tests(tmp_path: Path) -> None:
    none = judged(tmp_path, 5, outcomes={}, removed={X: ()}, assignment=CONTRACT)
    assert (none.fault, none.is_empty, none.others) == (None, True, 1)
    lost = judged(tmp_path, 5, outcomes={}, removed={X: ["contract"]}, assignment=CONTRACT)
    assert lost.fault is not None
    assert not lost.is_unmatched


def test_tests_are_left_to_another_session_only_where_it_looks() -> None:
    there = CollectedTest(file=Path("/w/tests/e2e/test_a.py"), markers=("contract",))
    apart = CollectedTest(file=Path("/w/other/test_a.py"), markers=("contract",))
    some = Assignment(markers=("contract",), elsewhere={"contract": (Path("/w/tests"),)})
    assert [some.has(test) for test in (there, apart)] == [False, True]
    assert [TEST.has(test) for test in (there, apart)] == [False, False]
    assert TEST.has(CollectedTest(file=Path("/w/test_a.py"), markers=()))


def test_records_of_workers_are_read_with_pytests_own(tmp_path: Path) -> None:
    write_record(tmp_path, outcomes={X: "passed"})
    lines = (tmp_path / "1.jsonl").read_text().splitlines()
    worker = [line for line in lines if '"collected"' in line]
    (tmp_path / "2.jsonl").write_text("\n".join(['{"event": "worker"}', *worker]) + "\n")
    (tmp_path / "1.jsonl").write_text("\n".join(set(lines) - {*worker}) + "\n")
    found = read_record(tmp_path)
    assert found is not None
    assert (list(found.collected), found.unreported, found.ended) == ([X], [], True)
    (tmp_path / "1.jsonl").unlink()
    assert read_record(tmp_path) is None  # pytest itself left nothing


def test_the_worst_of_several_reports_counts(tmp_path: Path) -> None:
    reports = [{"event": "report", "test": X, "outcome": o} for o in ("failed", "passed", "rerun")]
    write_record(tmp_path, outcomes={X: "skipped"}, more=reports)
    found = read_record(tmp_path)
    assert found is not None
    assert found.outcomes == {X: "failed"}


def test_the_plugins_orders_are_in_the_environment(tmp_path: Path) -> None:
    env = record_environment(
        tmp_path,
        Assignment(markers=("c",), elsewhere={"c": (Path("/w/t"),)}),
        coverage=Path("/r/orders.json"),
    )
    assert json.loads(env["TRADAI_TASKS_RECORD"]) == {
        "folder": str(tmp_path),
        "markers": ["c"],
        "only": None,
        "elsewhere": {"c": ["/w/t"]},
        "coverage": "/r/orders.json",
        "replayed": [],
        "contexts": None,
    }
    plugins = Path(env["PYTHONPATH"]).glob("tradai*.py")
    assert [file.name for file in plugins] == ["tradai_tasks_record.py"]
