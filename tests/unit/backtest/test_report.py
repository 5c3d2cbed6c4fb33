"""The record's making, the table, the page and the picture."""

from __future__ import annotations

import csv
import importlib
import json
import re
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from msgspec import convert

from tests.support.backtest_records import backtest_record
from tests.support.ftresult import WINDOW, document, write_prices, write_result
from tradai_tasks.backtest.figures.equity_curve import Curve, curve_of
from tradai_tasks.backtest.previous import previous_record, record_at
from tradai_tasks.backtest.record import BacktestRecord, GateVerdict, read_record
from tradai_tasks.backtest.record_builder import Code, make_record
from tradai_tasks.backtest.report.equity_chart import draw
from tradai_tasks.backtest.report.page import figure_rows, headline, verdict_rows
from tradai_tasks.backtest.report.tables import csv_text
from tradai_tasks.backtest.run import BacktestJob
from tradai_tasks.backtest.run_findings import Conditions, RunFindings
from tradai_tasks.errors import BacktestRecordError, BacktestResultError, ExtraMissingError
from tradai_tasks.extras import require
from tradai_tasks.settings.backtest import BacktestSettings

RECORD = backtest_record(sharpe="daily-balance")
PNG = b"\x89PNG\r\n\x1a\n"


@pytest.fixture(scope="module", autouse=True)
def _fonts() -> None:
    """On a new machine matplotlib looks for fonts once, by a process of its own."""
    importlib.import_module("matplotlib.font_manager")


@pytest.fixture
def made(tmp_path: Path) -> Any:
    """Makes the record of a run that left a result."""

    def make(profits: Any = (10, -4, 6), *, kind: Any = "full", **changed: Any) -> BacktestRecord:
        previous, given = changed.pop("previous", None), changed.pop("settings", {})
        conditions = convert(changed.pop("conditions", {}), Conditions)
        job = BacktestJob(
            strategy="momentum",
            kind=kind,
            settings=BacktestSettings(
                min_trades=3, min_sharpe=0.9, smoke_pair="BTC/USDT:USDT", **given
            ),
            window=WINDOW,
            home=tmp_path,
            folder=tmp_path / "run",
            store=tmp_path,
        )
        write_result(job.results, {"MomentumBot": document(profits, **changed)})
        job.log.write_text("2026-01-01 00:00:00,000 - freqtrade - ERROR - No data.\n")
        (tmp_path / "markets.json").write_text("{}")
        facts = RunFindings(
            stage="run",
            strategy="MomentumBot",
            timeframe="1h",
            step=3600,
            pairs=("BTC/USDT:USDT",),
            snapshot=str(tmp_path / "markets.json"),
            data_sha256="d" * 64,
            freqtrade="2026.9",
            conditions=conditions,
            prices=tuple(write_prices(job.folder / "work", *WINDOW.seconds)),
        )
        code = Code(commit="c" * 40, changes="", lock_sha256="e" * 64)
        return make_record(job, facts, code, not_before=1000, previous=previous)

    return make


def test_a_full_backtest_leaves_record_picture_page_and_result(made: Any, tmp_path: Path) -> None:
    record = made()
    folder = tmp_path / "run"
    assert record == read_record(folder)
    assert record.passed
    assert record.pairs == ("BTC/USDT:USDT",)
    assert set(record.files) == {
        "equity.png", "report.html", "trades.csv", "equity.csv", "config.json",
        "backtest-result-1.zip", "freqtrade.log", "uv.lock",
    }  # fmt: skip
    assert (folder / "equity.png").read_bytes().startswith(PNG)
    assert not (folder / "work").exists()


def test_a_gate_that_fails_is_in_the_record_the_table_and_the_page(
    made: Any, tmp_path: Path
) -> None:
    record = made([10, -4])
    assert not record.passed
    assert not read_record(tmp_path / "run").passed
    assert verdict_rows(record)[3] == ("trades", "2", ">= 3", "FAILED")
    page = (tmp_path / "run" / "report.html").read_text()
    assert "<span class=failed>failed</span>" in page
    assert "<td>FAILED</td>" in page


def test_a_smoke_backtest_has_no_gates_and_says_where_nothing_was_traded(
    made: Any, tmp_path: Path
) -> None:
    record = made([], kind="smoke")
    assert (record.passed, record.verdicts) == (True, ())
    assert record.note == "no trade was made"
    assert "no trade was made" in (tmp_path / "run" / "report.html").read_text()


def test_no_result_is_reported_with_freqtrades_last_words(made: Any) -> None:
    with pytest.raises(BacktestResultError, match=r"momentum: .*it counts 9 trades") as caught:
        made(total_trades=9)
    assert "freqtrade's last words: No data; see" in str(caught.value)


def test_the_page_needs_nothing_else_and_takes_names_as_text(made: Any, tmp_path: Path) -> None:
    made()
    page = (tmp_path / "run" / "report.html").read_text()
    assert not re.search(r"""(src|href)=["']?(?!["']?data:)""", page)
    assert "http" not in page.replace("http-equiv", "")
    assert "<script" not in page


def test_without_matplotlib_there_is_no_picture(
    made: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None)
    with pytest.raises(ExtraMissingError, match=r"extra 'backtest' .* add it with: "):
        require("backtest")
    record = made(kind="smoke")
    assert "equity.png" not in record.files
    assert "<img" not in (tmp_path / "run" / "report.html").read_text()


def test_rows_show_percent_numbers_and_counts(made: Any) -> None:
    record = made(expectancy=4.0, holding_avg_s=15_480)
    assert headline(record) == (
        "momentum: full backtest, 2026-01-02 to 2026-02-01, BTC/USDT:USDT, 1h"
    )
    assert verdict_rows(record)[0] == (
        "sharpe (daily balance)", "0.994", ">= 0.900", "passed"
    )  # fmt: skip
    assert verdict_rows(record)[2][1:3] == ("0.40 %", "<= 20.00 %")
    assert ("profit, realised", "1.20 %") in figure_rows(record)
    assert ("Sharpe ratio of closed trades, freqtrade's", "1.500") in figure_rows(record)
    assert ("mean profit of a trade", "4.00 USDT") in figure_rows(record)
    assert ("mean time that a trade is open", "4:18 h") in figure_rows(record)


def test_a_figure_just_below_its_threshold_is_not_rounded_over_it(made: Any) -> None:
    near = GateVerdict(metric="sharpe", value=0.99999, relation=">=", threshold=1.0, passed=False)
    infinite = GateVerdict(
        metric="profit-factor", value=None, relation=">=", threshold=1.2, passed=True, note="inf"
    )
    record = replace(made(), verdicts=(near, infinite), passed=False)
    assert [row[1] for row in verdict_rows(record)] == ["0.99999", "inf"]


def test_a_drawdown_near_its_limit_is_shown_with_the_digits_that_tell_them_apart(
    made: Any,
) -> None:
    def row(value: float, threshold: float) -> tuple[str, ...]:
        verdict = GateVerdict(
            metric="max-drawdown", value=value, relation="<=", threshold=threshold, passed=False
        )
        return verdict_rows(replace(made(), verdicts=(verdict,), passed=False))[0][1:3]

    assert row(0.0164, 0.016) == ("1.64 %", "<= 1.60 %")
    assert row(0.016001, 0.016) == ("1.6001 %", "<= 1.6000 %")
    assert row(0.2, 0.2) == ("20.00 %", "<= 20.00 %")


def test_the_picture_draws_the_limit_where_it_is_and_never_contradicts_the_gate(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from matplotlib.axes import Axes

    lines: list[float] = []
    texts: list[str] = []
    line, text = Axes.axhline, Axes.annotate

    def noted_line(self: Axes, y: float, **given: Any) -> Any:
        lines.append(y)
        return line(self, y, **given)

    def noted_text(self: Axes, said: str, *args: Any, **given: Any) -> Any:
        texts.append(said)
        return text(self, said, *args, **given)

    monkeypatch.setattr(Axes, "axhline", noted_line)
    monkeypatch.setattr(Axes, "annotate", noted_text)
    curve = curve_of((0, 86_400, 172_800), (1000.0, 983.6, 1010.0))
    draw(tmp_path / "a.png", curve, title="t", currency="USDT", limit=0.016)
    assert lines[-1] == -0.016
    assert curve.drawdown[curve.deepest] < lines[-1]  # the curve crosses the line, as the gate says
    assert texts[-1] == "deepest 1.64 %, limit 1.60 %"
    draw(tmp_path / "a.png", curve, title="t", currency="USDT", limit=0.2)
    assert texts[-1] == "deepest 1.64 %, limit 20.00 %, below this picture"


def test_the_report_says_what_a_quant_asks_for(made: Any, tmp_path: Path) -> None:
    before = replace(
        made(), metrics={"sharpe": 0.5, "fees": 1.0}, conditions={"fee": "0.1"}, commit="a" * 40
    )
    made(previous=before, settings={"out_of_sample": "2026-01-04"})
    page = (tmp_path / "run" / "report.html").read_text()
    for cells in (
        ("Against the previous release",),
        ("sharpe", "0.500", "0.994", "+0.494"),
        ("fee", "0.1", "0", "differs"),
        ("In sample and out of sample",),
        ("return", "+0.60 %", "+0.60 %"),
        ("trades closed", "2", "1"),
        ("0.40 %", "2026-01-03 02:00", "2026-01-03 03:00", "2026-01-04 03:00", "25:00 h"),
        ("2026-01", "+1.20 %", "+0.00 %", "3", "+12.00 USDT"),
        ("long", "3", "2 (66.7 %)", "+12.00 USDT"),
        ("exit_signal", "3", "2 (66.7 %)", "+12.00 USDT"),
        ("BTC/USDT:USDT", "long", "2026-01-02 01:00", "1:00 h", "+10.00 USDT", "+10.00 %"),
        ("candles with an open position", "0.42 %"),
    ):
        row = "</td><td>".join(cells).replace("</td>", "</th>", 1)
        assert row in page, (row, page)


def test_the_trades_and_the_account_are_tables_for_other_programs(
    made: Any, tmp_path: Path
) -> None:
    made()
    with (tmp_path / "run" / "trades.csv").open() as file:
        trades = list(csv.DictReader(file))
    assert [float(trade["profit"]) for trade in trades] == [10, -4, 6]
    assert trades[0]["opened"] == "2026-01-02 01:00"
    with (tmp_path / "run" / "equity.csv").open() as file:
        points = list(csv.DictReader(file))
    assert len(points) == 30 * 24 + 1
    assert (float(points[-1]["equity"]), float(points[-1]["buy_and_hold"])) == (1012, 1000)
    assert csv_text(("a",), [("=1+1",), (-1.5,)]) == "a\n'=1+1\n-1.5\n"


def test_what_is_kept_of_the_configuration_has_no_secrets(made: Any, tmp_path: Path) -> None:
    config = {"exchange": {"secret": "marked-secret"}, "stake_amount": 100}
    record = made(conditions={"config": config, "parameters": {"window": 9}})
    kept = (tmp_path / "run" / "config.json").read_text()
    assert "marked-secret" not in kept
    assert json.loads(kept)["stake_amount"] == 100
    assert record.conditions["parameter-window"] == "9"
    assert record.conditions["min-trades"] == "3"
    assert (record.conditions["fee"], record.conditions["leverage"]) == ("0", "1")


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ({"protections": ["StoplossGuard"]}, "protections run: StoplossGuard"),
        (
            {"protections": ["StoplossGuard"], "protections_run": False},
            "protections do not run (backtest.protections), though a live bot runs them: Stoploss",
        ),
        ({"overrides": {"fee": "0.0, where ..."}}, "the configuration flatters it: fee is 0.0"),
    ],
)
def test_the_note_says_what_a_live_bot_does_otherwise(
    made: Any, given: dict[str, Any], said: str
) -> None:
    assert said in made(conditions=given).note


def test_the_record_of_the_newest_other_release_is_the_previous_one(tmp_path: Path) -> None:
    assert previous_record(tmp_path, "momentum", "c" * 40) == (None, "")
    for version, commit in (("1.9.0", "a"), ("1.10.0", "b"), ("1.11.0", "c"), ("x", "d")):
        folder = tmp_path / f"momentum-v{version}" / "backtest-full"
        folder.mkdir(parents=True)
        record = replace(RECORD, commit=commit * 40)
        (folder / "record.json").write_text(record.as_json())
    found, why = previous_record(tmp_path, "momentum", "c" * 40)
    assert found is not None
    assert (found.commit, why) == ("b" * 40, "")
    (tmp_path / "momentum-v1.10.0" / "backtest-full" / "record.json").write_text('{"schema": 1}')
    found, why = previous_record(tmp_path, "momentum", "c" * 40)
    assert found is None
    assert why.startswith("not compared with the previous release: ")
    with pytest.raises(BacktestRecordError, match=r"no such file; name a record.json"):
        record_at(tmp_path / "none.json")


@pytest.mark.parametrize("limit", [None, 0.2, 0.9])
def test_equal_curves_give_equal_pictures(tmp_path: Path, limit: float | None) -> None:
    curve = Curve(times=(0, 86_400, 172_800), equity=(1.0, 20.0, 12.0), drawdown=(0.0, 0.0, -0.4))
    for name in ("a.png", "b.png"):
        draw(tmp_path / name, curve, title="a_$b^c$", currency="USDT", limit=limit)
    assert (tmp_path / "a.png").read_bytes() == (tmp_path / "b.png").read_bytes()


def test_an_account_that_is_lost_is_drawn_too(tmp_path: Path) -> None:
    curve = Curve(times=(0, 1), equity=(0.0, -5.0), drawdown=(0.0, 0.0))
    draw(tmp_path / "a.png", curve, title="t", currency="USDT", limit=0.2)
    assert (tmp_path / "a.png").read_bytes().startswith(PNG)
