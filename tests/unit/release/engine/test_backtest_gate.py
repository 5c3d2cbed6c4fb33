"""The gate of the backtest: its record is judged, its report kept."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from tests.support.backtest_records import PASSED, backtest_record
from tests.support.gate_runs import SUBJECT, Door, Script, gate, keep, passing, report
from tradai_tasks.backtest.candles import candles_fault
from tradai_tasks.backtest.record import RECORD_FILE, BacktestRecord, GateVerdict
from tradai_tasks.errors import BacktestRecordError, EvidenceError, ReleaseGateError
from tradai_tasks.release.engine.gates import (
    BacktestGate,
    backtest_of,
)
from tradai_tasks.release.engine.plan import plan_of
from tradai_tasks.release.engine.step import Look, Stage

NO_LOSS = GateVerdict(
    metric="profit-factor", value=None, relation=">=", threshold=1.2, passed=True,
    note="infinite: no losing trade",
)  # fmt: skip
RECORD = backtest_record(
    commit=SUBJECT.commit,
    lock_sha256=SUBJECT.lock,
    metrics={"sharpe": 1.5, "trades": 70.0},
    verdicts=(PASSED, NO_LOSS),
    files=("report.html",),
)


def backtest(home: Path) -> BacktestGate:
    return BacktestGate(gate=gate(home, "backtest-full"), reports=home / "reports")


def test_a_backtest_that_is_known_to_fail_says_so_before_it_runs(tmp_path: Path) -> None:
    step = replace(backtest(tmp_path), fault=lambda: candles_fault(tmp_path / "data", "momentum"))
    look = step.look({})
    assert (look.state, look.note) == ("todo", "to be run; it would fail")
    assert look.obstacle == (
        f'no candles in {tmp_path / "data"}; fetch them with: nox -s "backtest-data(momentum)"'
    )
    stage = Stage(name="backtest-full", steps=(step,), is_gate=True)
    assert plan_of([stage], []).obstacles == (f"backtest-full momentum: {look.obstacle}",)
    candles = tmp_path / "data" / "binance" / "futures"
    candles.mkdir(parents=True)
    (candles / "BTC_USDT_USDT-1h-futures.feather").touch()
    assert step.look({}).obstacle == ""
    assert plan_of([stage], []).obstacles == ()


def leaving(home: Path, record: BacktestRecord) -> Script:
    def script(argv: list[str]) -> int:
        (home / "reports").mkdir(exist_ok=True)
        (home / "reports" / RECORD_FILE).write_text(record.as_json())
        (home / "reports" / "report.html").write_text("<p>")
        return passing(argv)

    return script


def test_the_backtests_record_and_report_are_kept(
    tmp_path: Path, door: Callable[[Script], Door]
) -> None:
    door(leaving(tmp_path, RECORD))
    step = backtest(tmp_path)
    assert step.name == "momentum"
    assert step.look({}).state == "todo"
    look = step.act({})
    assert look.note == ("passed: sharpe 1.5 >= 1, profit-factor infinite: no losing trade >= 1.2")
    known = {"backtest-full": {"momentum": look.record}}
    assert backtest_of(known, "backtest-full", "momentum") == RECORD
    store = step.gate.store
    # what was kept is what was read, whatever becomes of the reports
    (tmp_path / "reports" / "report.html").write_text("forged")
    keep(store, "backtest-full", look)
    assert store.contents("backtest-full")["report.html"] == b"<p>"
    assert sorted(store.require("backtest-full").files) == [RECORD_FILE, "report.html"]
    assert step.look({}).state == "done"


@pytest.mark.parametrize(
    ("changed", "said"),
    [
        ({"strategy": "ml-rsi"}, "is of strategy 'ml-rsi', and this release is of strategy"),
        (
            {"kind": "smoke", "verdicts": ()},
            "is of kind 'smoke', and this release is of kind 'full'",
        ),
        ({"commit": "c" * 40}, f"is of commit '{'c' * 40}'"),
        ({"lock_sha256": "c" * 64}, f"is of lock '{'c' * 64}'"),
        ({"dirty": True}, "ran with uncommitted changes"),
        ({"passed": False}, "did not pass its gates"),
    ],
)
def test_a_backtest_of_something_else_is_refused(
    tmp_path: Path, door: Callable[[Script], Door], changed: dict[str, Any], said: str
) -> None:
    door(leaving(tmp_path, replace(RECORD, **changed)))
    with pytest.raises(EvidenceError) as caught:
        backtest(tmp_path).act({})
    assert said in str(caught.value)
    assert str(caught.value).endswith("run it again: nox -s 'backtest-full(momentum)'")


def test_a_backtest_that_leaves_no_record_is_refused(
    tmp_path: Path, door: Callable[[Script], Door]
) -> None:
    leaving(tmp_path, RECORD)(["--report", str(tmp_path / "r"), "-s"])
    door(passing)  # it says that it passed, but the record is an earlier run's
    with pytest.raises(BacktestRecordError, match="no such file; run the backtest first"):
        backtest(tmp_path).act({})


def test_a_link_in_a_backtests_report_is_not_followed(
    tmp_path: Path, door: Callable[[Script], Door]
) -> None:
    (tmp_path / "key").write_text("only the release reads it")
    leave = leaving(tmp_path, RECORD)

    def script(argv: list[str]) -> int:
        status = leave(argv)
        (tmp_path / "reports" / "report.html").unlink()
        (tmp_path / "reports" / "report.html").symlink_to(tmp_path / "key")
        return status

    door(script)
    step = backtest(tmp_path)
    with pytest.raises(BacktestRecordError, match="is no file, or a link leads there"):
        step.act({})
    assert not (step.gate.store.folder / "backtest-full").exists()


def test_a_link_in_the_place_of_a_log_is_not_followed(
    tmp_path: Path, door: Callable[[Script], Door]
) -> None:
    key = tmp_path / "key"
    key.write_text("only the release reads it: line 9")
    log = tmp_path / "build" / "lint.log"

    def script(argv: list[str]) -> int:
        log.unlink()
        log.symlink_to(key)
        report(argv, ("lint(momentum)", "failed", "no"))
        return 1

    door(script)
    said: list[str] = []
    with pytest.raises(ReleaseGateError):
        gate(tmp_path, show=said.append, secrets=("line 9",)).act({})
    assert "only the release" not in said[0]
    assert key.read_text() == "only the release reads it: line 9"


def test_evidence_of_a_backtest_is_judged_by_its_record(tmp_path: Path) -> None:
    step = backtest(tmp_path)
    keep(step.gate.store, "backtest-full", Look(state="done", note="passed"))
    assert step.look({}).note.startswith("to be run: evidence of backtest-full: it holds no")
    raw = json.loads(replace(RECORD, passed=False).as_json())
    keep(step.gate.store, "backtest-full", Look(state="done", note="", record={"backtest": raw}))
    assert "did not pass its gates" in step.look({}).note
    raw = {**json.loads(RECORD.as_json()), "verdicts": []}
    keep(step.gate.store, "backtest-full", Look(state="done", note="", record={"backtest": raw}))
    assert "a full backtest passed with no gate" in step.look({}).note
