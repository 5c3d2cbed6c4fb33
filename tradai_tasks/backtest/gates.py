"""Compare the figures of a full backtest with their thresholds.

freqtrade writes a number even if there is none: a profit factor of 0 if no trade lost, a Sharpe
ratio of -100 if all returns are equal, 0 if there was no trade. They are interpreted here.
"""

from __future__ import annotations

import math

from tradai_tasks.backtest.record import GateVerdict, SharpeKind
from tradai_tasks.backtest.result import BacktestResult
from tradai_tasks.settings.backtest import BacktestSettings

__all__ = ["judge", "metrics_of"]

_NO_DEVIATION = -100.0  # freqtrade's Sharpe ratio if all returns are equal
_NO_TRADE = "undefined: there was no trade"


def judge(result: BacktestResult, settings: BacktestSettings) -> tuple[GateVerdict, ...]:
    """Compare a result with every gate; an undefined figure does not pass.

    A profit factor is infinite, and passes, if trades gained and none lost.
    """
    factor, factor_note = _profit_factor(result)
    sharpe, sharpe_note = _sharpe(result, settings.sharpe)
    drawdown, drawdown_note = _drawdown(result)
    trades = float(len(result.trades))
    return (
        _at_least("sharpe", sharpe, settings.min_sharpe, sharpe_note),
        _at_least("profit-factor", factor, settings.min_profit_factor, factor_note),
        GateVerdict(
            metric="max-drawdown",
            value=drawdown,
            relation="<=",
            threshold=settings.max_drawdown / 100,
            passed=drawdown is not None and drawdown <= settings.max_drawdown / 100,
            note=drawdown_note,
        ),
        _at_least("trades", trades, float(settings.min_trades), ""),
    )


def metrics_of(result: BacktestResult, sharpe: SharpeKind) -> dict[str, float]:
    """Return all figures that are finite numbers, by name; as fractions, not percent."""
    found: dict[str, float | None] = {
        "sharpe": _sharpe(result, sharpe)[0],
        "sharpe-closed-trades": _sharpe(result, "closed-trades")[0],
        "sharpe-daily-balance": _sharpe(result, "daily-balance")[0],
        "profit-factor": _profit_factor(result)[0],
        "max-drawdown": _drawdown(result)[0],
        "trades": float(len(result.trades)),
        **result.further,
    }
    return {
        name: value for name, value in found.items() if value is not None and math.isfinite(value)
    }


def _at_least(metric: str, value: float | None, threshold: float, note: str) -> GateVerdict:
    infinite = value == math.inf
    return GateVerdict(
        metric=metric,
        value=None if infinite else value,
        relation=">=",
        threshold=threshold,
        passed=value is not None and value >= threshold,
        note=note,
    )


def _profit_factor(result: BacktestResult) -> tuple[float | None, str]:
    if not result.trades:
        return None, _NO_TRADE
    if result.losses:
        return _number(result.profit_factor)
    if result.gains:
        return math.inf, "infinite: no trade lost"
    return None, "undefined: no trade gained and none lost"


def _sharpe(result: BacktestResult, kind: SharpeKind) -> tuple[float | None, str]:
    if not result.trades:
        return None, _NO_TRADE
    if kind == "daily-balance":
        if result.sharpe_daily_balance is None:
            return None, "undefined: freqtrade recorded no daily balance"
        value = result.sharpe_daily_balance
        alike = False
    else:
        value = result.sharpe_closed_trades
        alike = len({trade.profit for trade in result.trades}) == 1
    if alike or value == _NO_DEVIATION:
        return None, "undefined: the returns do not deviate"
    return _number(value)


def _drawdown(result: BacktestResult) -> tuple[float | None, str]:
    if result.max_drawdown < 0:
        return None, f"undefined: freqtrade says {result.max_drawdown:g}"
    return _number(result.max_drawdown)


def _number(value: float) -> tuple[float | None, str]:
    if math.isfinite(value):
        return value, ""
    return None, f"undefined: freqtrade says {value}"
