"""The figures of backtests by freqtrade itself, held against what they must be."""

from __future__ import annotations

import csv
import json
import shutil
import subprocess
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from tests.support.bots import HELD_LOSS, PROTECTED, SHORT_LIVED, VARIED
from tests.support.browser import screenshot
from tests.support.freqtrade import Strategies
from tests.support.naive_account import naive_equity, naive_funding
from tests.support.real import REPOSITORY, Result
from tests.support.shaped_candles import START, closes_of, funding_rates
from tradai_tasks.backtest.figures.prices import Prices
from tradai_tasks.backtest.figures.result import ExpectedRun, read_result
from tradai_tasks.backtest.time_range import Window

HOUR = 3600
ORIGIN = int(datetime.fromisoformat(START).replace(tzinfo=UTC).timestamp())


@pytest.fixture
def repo(_made: Strategies) -> Iterator[Strategies]:
    folder = _made.home / "user_data"
    shutil.rmtree(folder, ignore_errors=True)
    shutil.rmtree(_made.home / "build", ignore_errors=True)
    yield _made
    _made.restore()


def bot(repo: Strategies, source: str, shape: str, settings: str = "", **config: Any) -> None:
    """Put a bot in the place of momentum's, on candles of a shape."""
    mode = config.get("trading_mode", "futures")
    script = REPOSITORY / "tests" / "support" / "shaped_candles.py"
    folder = repo.home / "user_data" / "data" / "binance"
    python = repo.home / ".nox" / ".cache" / "backtest-momentum" / "bin" / "python"
    subprocess.run([python, script, folder, mode, shape], check=True, timeout=120)
    (repo.strategy / "src" / "momentum" / "bot.py").write_text(source)
    file = repo.strategy / "configs" / "config.json"
    document = json.loads(file.read_text())
    document["exchange"]["pair_whitelist"] = ["BTC/USDT:USDT"]
    document |= {"max_open_trades": 1, **config}
    if mode == "spot":
        document.pop("margin_mode")
        document["exchange"]["pair_whitelist"] = ["BTC/USDT"]
    file.write_text(json.dumps(document))
    repo.set(f"min-trades = 1\n{settings}")


def figures(repo: Strategies) -> dict[str, float]:
    return dict(repo.record("full").metrics)


def equity_of(repo: Strategies) -> list[float]:
    with (repo.reports("full") / "equity.csv").open() as file:
        return [float(row["equity"]) for row in csv.DictReader(file)]


def naive(repo: Strategies, shape: str) -> tuple[list[float], Any, dict[str, Prices]]:
    """Read freqtrade's own result again, and simulate the account the slow way."""
    record = repo.record("full")
    window = Window(
        start=datetime.fromisoformat(record.start).date(),
        end=datetime.fromisoformat(record.end).date(),
    )
    start, end = window.seconds
    (archive,) = repo.reports("full").glob("backtest-result-*.zip")
    asked = ExpectedRun(
        strategy="MomentumBot", window=window, pairs=record.pairs, timeframe="1h", step=HOUR,
        not_before=0,
    )  # fmt: skip
    result = read_result(archive, asked)
    closes = closes_of(shape)
    here = (start - ORIGIN) // HOUR
    times = range(start, end, HOUR)
    settled = [time for time in times if time % (8 * HOUR) == 0]
    rates = funding_rates(len(closes) // 8 + 1)
    payments = [
        rates[(time - ORIGIN) // HOUR // 8] * closes[(time - ORIGIN) // HOUR - 1]
        for time in settled
    ]
    prices = Prices(
        times=times, closes=closes[here : here + len(times)], settled=settled, payments=payments
    )
    by_pair = {record.pairs[0]: prices}
    return [result.balance, *naive_equity(result, by_pair, HOUR)], result, by_pair


def deepest(equity: list[float]) -> float:
    peak = fall = 0.0
    for value in equity:
        peak = max(peak, value)
        fall = max(fall, 1 - value / peak)
    return fall


def shown(repo: Strategies, picture: Path, *passages: str) -> None:
    """Look at the report in a browser."""
    page = screenshot(repo.reports("full") / "report.html", picture)
    sections = ["Gates", "Equity and drawdown, marked to market", "Deepest drawdowns", "Months"]
    sections += ["By pair", "Long and short", "Best trades", "Worst trades", "Exposure"]
    for passage in (*sections, *passages):
        assert passage in page.dom, passage
    assert page.picture.stat().st_size > 100_000  # not an empty page


def failed(result: Result, *passages: str) -> None:
    assert result.status != 0, result.text
    assert "Traceback" not in result.text, result.text
    for passage in passages:
        assert passage in result.text, result.text


def test_a_loss_that_is_held_fails_the_drawdown_gate_at_its_true_figure(
    repo: Strategies, tmp_path: Path
) -> None:
    bot(repo, HELD_LOSS, "fall")
    failed(repo.nox("backtest-full"), "1 of 4 gates failed: max-drawdown 5", "(wanted <= 20.00 %)")
    found = figures(repo)
    equity, _, _ = naive(repo, "fall")
    assert found["max-drawdown"] == pytest.approx(deepest(equity), abs=1e-9)
    assert 0.55 < found["max-drawdown"] < 0.62
    assert found["freqtrade-max-relative-drawdown"] < 0.05  # as if nothing had happened
    assert equity_of(repo) == pytest.approx(equity, rel=1e-9)
    shown(repo, tmp_path / "failing.png", "failed", "<td>FAILED</td>")


def test_trades_that_never_wait_have_freqtrades_own_figures(
    repo: Strategies, tmp_path: Path
) -> None:
    bot(repo, SHORT_LIVED, "wicks", "full-months = 3")
    result = repo.nox("backtest-full")
    assert result.status == 0, result.text
    found = figures(repo)
    assert found["losses"] > 5
    assert found["max-drawdown"] > 0
    assert found["max-drawdown"] == pytest.approx(
        found["freqtrade-max-relative-drawdown"], abs=1e-9
    )
    assert found["sharpe-daily-balance"] == pytest.approx(
        found["freqtrade-wallet-sharpe"], abs=1e-9
    )
    shown(repo, tmp_path / "passing.png", "By exit reason", "stop_loss", "roi")
    opened = subprocess.run(
        [
            repo.home / ".nox/.cache/backtest-momentum/bin/freqtrade", "backtesting-show",
            "--userdir", tmp_path, "--backtest-filename",
            next(repo.reports("full").glob("backtest-result-*.zip")),
        ],
        capture_output=True, text=True, check=False, cwd=repo.strategy, timeout=120,
    )  # fmt: skip
    assert "SUMMARY METRICS" in opened.stdout, opened.stdout + opened.stderr


def test_shorts_leverage_partial_exits_and_added_entries_are_valued(repo: Strategies) -> None:
    bot(repo, VARIED, "fall", "full-months = 4")
    repo.nox("backtest-full")
    equity, result, prices = naive(repo, "fall")
    sides = {trade.is_short for trade in result.trades}
    assert sides == {True, False}
    assert max(len(trade.orders) for trade in result.trades) > 4
    assert result.trades[-1].exit_reason == "force_exit"
    for trade in result.trades:  # freqtrade's own funding, settlement by settlement
        assert float(naive_funding(trade, prices[trade.pair])) == pytest.approx(
            trade.funding, abs=1e-6
        )
    assert equity_of(repo) == pytest.approx(equity, rel=1e-9)
    assert figures(repo)["max-drawdown"] == pytest.approx(deepest(equity), abs=1e-9)


def test_a_missing_candle_of_a_held_position_is_an_error(repo: Strategies) -> None:
    bot(repo, HELD_LOSS, "hole")
    failed(repo.nox("backtest-full"), "momentum: BTC/USDT:USDT: no candle at 2025-", "is held")
    assert not (repo.reports("full") / "record.json").exists()


def test_protections_run_as_in_a_live_bot(repo: Strategies) -> None:
    bot(repo, PROTECTED, "wicks", "full-months = 2")
    ran = repo.nox("backtest-full")
    assert "momentum: protections run: StoplossGuard" in ran.out, ran.text
    live = figures(repo)["trades"]
    assert repo.record("full").conditions["protections"] == "StoplossGuard"
    repo.set("min-trades = 1\nfull-months = 2\nprotections = false")
    ran = repo.nox("backtest-full")
    assert "protections do not run (backtest.protections)" in ran.out, ran.text
    assert figures(repo)["trades"] > 2 * live
    assert repo.record("full").conditions["protections"] == "none"


def test_a_fee_of_the_configuration_is_refused_unless_allowed(repo: Strategies) -> None:
    bot(repo, SHORT_LIVED, "wicks", "full-months = 1", fee=0.0)
    failed(
        repo.nox("backtest-full"),
        "momentum: configs/config.json flatters the backtest: fee is 0.0, where a live bot has the "
        "fees of the exchange",
    )
    repo.set('min-trades = 1\nfull-months = 1\nallow-overrides = ["fee"]')
    assert repo.nox("backtest-full").status == 0
    record = repo.record("full")
    assert (record.conditions["fee"], record.conditions["overrides"]) == ("0", "fee")
    assert "the configuration flatters it: fee is 0.0" in record.note


def test_a_smoke_backtest_on_a_spot_market_needs_no_setting(repo: Strategies) -> None:
    bot(repo, HELD_LOSS, "fall", "", trading_mode="spot")
    result = repo.nox("backtest-smoke")
    assert result.status == 0, result.text
    record = repo.record("smoke")
    assert record.pairs == ("BTC/USDT",)
    assert record.conditions["trading-mode"] == "spot"
