"""The record's making, the table, the page and the picture."""

from __future__ import annotations

import importlib
import re
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from tests.support.ftresult import WINDOW, document, write_prices, write_result
from tradai_tasks.backtest.equity_chart import draw
from tradai_tasks.backtest.equity_curve import Curve
from tradai_tasks.backtest.record import BacktestRecord, GateVerdict, read_record
from tradai_tasks.backtest.record_builder import Code, make_record
from tradai_tasks.backtest.report_page import figure_rows, headline, verdict_rows
from tradai_tasks.backtest.run import BacktestJob, RunFindings
from tradai_tasks.errors import BacktestResultError, ExtraMissingError
from tradai_tasks.extras import require
from tradai_tasks.settings.backtest import BacktestSettings

PNG = b"\x89PNG\r\n\x1a\n"


@pytest.fixture(scope="module", autouse=True)
def _fonts() -> None:
    """On a new machine matplotlib looks for fonts once, by a process of its own."""
    importlib.import_module("matplotlib.font_manager")


@pytest.fixture
def made(tmp_path: Path) -> Any:
    """Makes the record of a run that left a result."""

    def make(profits: Any = (10, -4, 6), *, kind: Any = "full", **changed: Any) -> BacktestRecord:
        job = BacktestJob(
            strategy="momentum",
            kind=kind,
            settings=BacktestSettings(min_trades=3, min_sharpe=0.9, smoke_pair="BTC/USDT:USDT"),
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
            prices=tuple(write_prices(job.folder / "work", *WINDOW.seconds)),
        )
        code = Code(commit="c" * 40, changes="", lock_sha256="e" * 64)
        return make_record(job, facts, code, not_before=1000)

    return make


def test_a_full_backtest_leaves_record_picture_page_and_result(made: Any, tmp_path: Path) -> None:
    record = made()
    folder = tmp_path / "run"
    assert record == read_record(folder)
    assert record.passed
    assert record.pairs == ("BTC/USDT:USDT",)
    assert set(record.files) == {
        "equity.png", "report.html", "trades.csv", "equity.csv", "config.json",
        "backtest-result-1.zip", "freqtrade.log",
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


def test_no_result_is_told_with_freqtrades_last_words(made: Any) -> None:
    with pytest.raises(BacktestResultError, match=r"momentum: .*it counts 9 trades") as caught:
        made(total_trades=9)
    assert "freqtrade's last words: No data; see" in str(caught.value)


def test_the_page_needs_nothing_beside_it_and_takes_names_as_text(
    made: Any, tmp_path: Path
) -> None:
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
    record = made()
    assert headline(record) == (
        "momentum: full backtest, 2026-01-02 to 2026-02-01, BTC/USDT:USDT, 1h"
    )
    assert verdict_rows(record)[0] == (
        "sharpe (daily balance)", "0.994", ">= 0.900", "passed"
    )  # fmt: skip
    assert verdict_rows(record)[2][1:3] == ("0.40 %", "<= 20.00 %")
    assert ("profit", "1.20 %") in figure_rows(record)
    assert ("sharpe-closed-trades", "1.500") in figure_rows(record)


def test_a_figure_just_below_its_threshold_is_not_rounded_over_it(made: Any) -> None:
    near = GateVerdict(metric="sharpe", value=0.99999, relation=">=", threshold=1.0, passed=False)
    infinite = GateVerdict(
        metric="profit-factor", value=None, relation=">=", threshold=1.2, passed=True, note="inf"
    )
    record = replace(made(), verdicts=(near, infinite), passed=False)
    assert [row[1] for row in verdict_rows(record)] == ["0.99999", "inf"]


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
