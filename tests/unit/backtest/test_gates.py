"""The gates: each fails by itself, and what is no number is judged by its meaning."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from tests.support.ftresult import HOUR, asked, document, flat_prices, write_result
from tradai_tasks.backtest.figures import gates
from tradai_tasks.backtest.figures.equity_curve import Curve
from tradai_tasks.backtest.figures.mark_to_market import mark_to_market
from tradai_tasks.backtest.figures.result import BacktestResult, read_result
from tradai_tasks.backtest.record import GateVerdict
from tradai_tasks.settings.backtest import (
    BacktestSettings,
    StrategyBacktestSettings,
    for_strategy,
)

SETTINGS = BacktestSettings(min_trades=2, min_sharpe=0.9)
CLOSED = BacktestSettings(min_trades=2, sharpe="closed-trades")


@pytest.fixture
def result(tmp_path: Path) -> Any:
    def make(profits: Any = (10, -4, 6), **changed: Any) -> BacktestResult:
        raw = document(profits, **changed)
        return read_result(write_result(tmp_path, {"MomentumBot": raw}), asked())

    return make


def curve(result: BacktestResult) -> Curve:
    return mark_to_market(result, flat_prices(), HOUR)


def judge(result: BacktestResult, settings: BacktestSettings) -> tuple[GateVerdict, ...]:
    return gates.judge(result, curve(result), settings)


def metrics_of(result: BacktestResult, sharpe: Any = "daily-balance") -> dict[str, float]:
    return gates.metrics_of(result, curve(result), sharpe)


def verdicts(
    result: BacktestResult, settings: BacktestSettings = SETTINGS
) -> dict[str, GateVerdict]:
    return {verdict.metric: verdict for verdict in judge(result, settings)}


def failed(result: BacktestResult, settings: BacktestSettings = SETTINGS) -> list[str]:
    return [verdict.metric for verdict in judge(result, settings) if not verdict.passed]


def test_figures_at_their_thresholds_pass(result: Any) -> None:
    settings = BacktestSettings(
        sharpe="closed-trades",
        min_sharpe=1.5,
        min_profit_factor=4.0,
        max_drawdown=0.4,
        min_trades=3,
    )
    assert failed(result(), settings) == []


@pytest.mark.parametrize(
    ("settings", "metric"),
    [
        ({"min_sharpe": 1.1}, "sharpe"),
        ({"sharpe": "closed-trades", "min_sharpe": 1.6}, "sharpe"),
        ({"min_profit_factor": 4.1}, "profit-factor"),
        ({"max_drawdown": 0.3}, "max-drawdown"),
        ({"min_trades": 4}, "trades"),
    ],
)
def test_each_gate_fails_by_itself(result: Any, settings: dict[str, Any], metric: str) -> None:
    assert failed(
        result(), BacktestSettings(**{"min_trades": 2, "min_sharpe": 0.9, **settings})
    ) == [metric]


def test_no_losing_trade_is_an_infinite_profit_factor_and_passes(result: Any) -> None:
    one = verdicts(result([10, 4]))["profit-factor"]
    assert one == GateVerdict(
        metric="profit-factor",
        value=None,
        relation=">=",
        threshold=1.2,
        passed=True,
        note="infinite: no trade lost",
    )


def test_trades_that_neither_gain_nor_lose_have_no_profit_factor(result: Any) -> None:
    one = verdicts(result([0.0, 0.0]))["profit-factor"]
    assert (one.passed, one.note) == (False, "undefined: no trade gained and none lost")


def test_no_trade_fails_all_but_the_drawdown(result: Any) -> None:
    none = result([])
    assert failed(none) == ["sharpe", "profit-factor", "trades"]
    assert verdicts(none)["sharpe"].note == "undefined: there was no trade"
    assert verdicts(none)["trades"].value == 0


@pytest.mark.parametrize("kind", ["closed-trades", "daily-balance"])
def test_no_deviation_is_no_sharpe_ratio_and_fails(result: Any, kind: Any) -> None:
    flat = result([0.0, 0.0], sharpe=-100.0)
    settings = BacktestSettings(min_trades=2, sharpe=kind, min_sharpe=0)
    one = verdicts(flat, settings)["sharpe"]
    assert (one.value, one.passed) == (None, False)
    assert one.note == "undefined: the returns do not deviate"


def test_equal_profits_have_no_sharpe_ratio_whatever_freqtrade_says(result: Any) -> None:
    assert failed(result([5.0, 5.0], sharpe=1e17), CLOSED) == ["sharpe"]


def test_an_account_that_is_lost_has_no_sharpe_ratio(result: Any) -> None:
    lost = result([-600.0, -600.0, 600.0])
    assert verdicts(lost)["sharpe"].note == "undefined: the account was lost"
    assert verdicts(lost)["max-drawdown"].value == pytest.approx(1.2)
    assert failed(lost) == ["sharpe", "profit-factor", "max-drawdown"]


@pytest.mark.parametrize("bad", [float("nan"), float("inf"), float("-inf")])
def test_what_is_no_finite_number_never_passes(result: Any, bad: float) -> None:
    assert failed(result(sharpe=bad), CLOSED) == ["sharpe"]
    metrics = metrics_of(result(sharpe=bad, cagr=bad), "closed-trades")
    assert "sharpe" not in metrics
    assert "freqtrade-cagr" not in metrics
    json.dumps(metrics, allow_nan=False)


def test_freqtrades_words_for_no_number_are_no_metrics(result: Any) -> None:
    plain = {"sortino": -100.0, "calmar": -100.0, "wallet_stats": {"sharpe": -100.0}}
    metrics = metrics_of(result([10, 4], sharpe=-100.0, expectancy=-100.0, **plain))
    assert metrics["expectancy"] == -100.0  # money: a number
    assert not {"freqtrade-sortino", "freqtrade-calmar", "freqtrade-wallet-sharpe"} & set(metrics)
    assert not {"profit-factor", "sharpe-closed-trades", "sortino", "calmar"} & set(metrics)
    none = metrics_of(result([], sortino=0.0, calmar=0.0, wallet_stats={"sharpe": 0.0}))
    assert not [name for name in none if "sharpe" in name or "sortino" in name or "calmar" in name]


def test_metrics_have_both_sharpe_ratios_and_freqtrades_figures(result: Any) -> None:
    metrics = metrics_of(result(sortino=3.0))
    assert metrics["sharpe"] == metrics["sharpe-daily-balance"] == pytest.approx(1.0, abs=0.05)
    assert metrics["sharpe-closed-trades"] == 1.5
    assert metrics["max-drawdown"] == pytest.approx(4 / 1010)
    assert metrics["freqtrade-max-relative-drawdown"] == 0.004
    assert (metrics["freqtrade-wallet-sharpe"], metrics["freqtrade-sortino"]) == (0.9, 3.0)
    assert metrics_of(result(), "closed-trades")["sharpe"] == 1.5


def test_settings_of_a_strategy_lie_over_the_repositorys_key_by_key() -> None:
    base = BacktestSettings(min_trades=10, smoke_days=7)
    own = StrategyBacktestSettings(min_trades=20, pairs=("ETH/USDT:USDT",))
    assert for_strategy(base, own) == BacktestSettings(
        min_trades=20, smoke_days=7, pairs=("ETH/USDT:USDT",)
    )


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("min-sharpe", -1.0),
        ("min-sharpe", float("nan")),
        ("min-profit-factor", -0.1),
        ("min-profit-factor", float("nan")),
        ("max-drawdown", 101.0),
        ("max-drawdown", -1.0),
        ("max-drawdown", float("inf")),
        ("min-trades", 0),
        ("smoke-days", 0),
        ("full-months", 0),
        ("pairs", []),
        ("pairs", [".*/USDT:USDT"]),
        ("end", "yesterday"),
        ("max-missing", 50.0),
    ],
)
def test_settings_that_would_let_anything_pass_are_refused(key: str, value: Any) -> None:
    from tradai_tasks.settings.load import faults_of
    from tradai_tasks.settings.model import Settings

    fault, *_ = faults_of({"backtest": {key: value}}, Settings, "")
    assert fault.startswith(f"backtest.{key}")
    fault, *_ = faults_of({"packages": {"a": {"backtest": {key: value}}}}, Settings, "")
    assert fault.startswith(f"packages.a.backtest.{key}")
