"""The record of a backtest: it survives JSON, and one that contradicts itself is refused."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from tests.support.backtest_records import PASSED, backtest_record
from tradai_tasks.backtest.record import RECORD_FILE, BacktestRecord, GateVerdict, read_record
from tradai_tasks.errors import BacktestRecordError


def record(**changed: Any) -> BacktestRecord:
    drawdown = GateVerdict(
        metric="max-drawdown", value=0.1, relation="<=", threshold=0.2, passed=True
    )
    given = {"metrics": {"sharpe": 1.5, "trades": 70.0}, "verdicts": (PASSED, drawdown)}
    return backtest_record(**{**given, **changed})


def raw(**changed: Any) -> str:
    return json.dumps({**json.loads(record().as_json()), **changed})


def test_a_record_survives_json() -> None:
    one = record(note="x", files=("equity.png", "sub/a.zip"), dirty=True, markets_sha256="d")
    assert BacktestRecord.from_json(one.as_json()) == one
    assert (
        one.as_json()
        == record(
            note="x", files=("equity.png", "sub/a.zip"), dirty=True, markets_sha256="d"
        ).as_json()
    )
    assert one.timerange == "20250101-20260101"


def verdict(**changed: Any) -> dict[str, Any]:
    plain = {"metric": "sharpe", "value": 1.5, "relation": ">=", "threshold": 1.0, "passed": True}
    return {**plain, **changed}


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("", "not the record of a backtest"),
        ("[]", "not the record of a backtest"),
        ("{}", "schema None"),
        (raw(schema=1), "schema 1, and this version of tradai-tasks reads schema 2"),
        (raw(kind="half"), "not the record of a backtest"),
        (raw(metrics={"sharpe": "NaN"}), "not the record of a backtest"),
        (raw(verdicts=[]), "a full backtest passed with no gate"),
        (raw(verdicts=[verdict(value=0.9)]), "the verdict on sharpe does not follow"),
        (raw(verdicts=[verdict(relation="<=")]), "the verdict on sharpe does not follow"),
        (raw(verdicts=[verdict(value=None)]), "the verdict on sharpe does not follow"),
        (raw(verdicts=[verdict(passed=False)]), "it passed although a gate did not"),
        (raw(files=["../else"]), "its file '../else' is not beside it"),
        (raw(files=["/etc/passwd"]), "its file '/etc/passwd' is not beside it"),
    ],
)
def test_what_is_no_record_is_refused(text: str, said: str) -> None:
    with pytest.raises(BacktestRecordError, match="run the backtest again") as caught:
        BacktestRecord.from_json(text, file="here.json")
    assert str(caught.value).startswith("here.json: ")
    assert said in str(caught.value)


def test_a_value_without_a_number_says_why() -> None:
    infinite = verdict(metric="profit-factor", value=None, note="infinite: no losing trade")
    assert BacktestRecord.from_json(raw(verdicts=[infinite])).passed


def test_a_folder_is_read_with_the_files_it_must_hold(tmp_path: Path) -> None:
    with pytest.raises(BacktestRecordError, match="no such file; run the backtest first"):
        read_record(tmp_path)
    one = record(files=("equity.png",))
    (tmp_path / RECORD_FILE).write_text(one.as_json(), encoding="utf-8")
    with pytest.raises(BacktestRecordError, match=r"equity.png: no such file, though"):
        read_record(tmp_path)
    (tmp_path / "equity.png").write_bytes(b"")
    assert read_record(tmp_path) == one
