"""Compare the figures of a full backtest with their thresholds.

Drawdown and the daily Sharpe ratio are of the account marked to market. freqtrade's own figures are
of realised profits, and are numbers even if there is none: a profit factor of 0 if no trade lost, a
ratio of -100 if there is no deviation, 0 if there was no trade. They are interpreted here.
"""

from __future__ import annotations

import math

from tradai_tasks.backtest.figures.equity_curve import Curve
from tradai_tasks.backtest.figures.result import NO_NUMBER, BacktestResult
from tradai_tasks.backtest.record import GateVerdict, SharpeKind
from tradai_tasks.settings.backtest import BacktestSettings

_NO_TRADE = "undefined: there was no trade"


def judge(
    result: BacktestResult, curve: Curve, settings: BacktestSettings
) -> tuple[GateVerdict, ...]:
    """Compare a result with every gate; an undefined figure does not pass.

    A profit factor is infinite, and passes, if trades gained and none lost.
    """
    factor, factor_note = _profit_factor(result)
    sharpe, sharpe_note = _sharpe(result, curve, settings.sharpe)
    drawdown = _drawdown(curve)
    trades = float(len(result.trades))
    return (
        _at_least("sharpe", sharpe, settings.min_sharpe, sharpe_note),
        _at_least("profit-factor", factor, settings.min_profit_factor, factor_note),
        GateVerdict(
            metric="max-drawdown",
            value=drawdown,
            relation="<=",
            threshold=settings.max_drawdown / 100,
            passed=drawdown <= settings.max_drawdown / 100,
        ),
        _at_least("trades", trades, float(settings.min_trades), ""),
    )


def metrics_of(result: BacktestResult, curve: Curve, sharpe: SharpeKind) -> dict[str, float]:
    """Return all figures that are numbers, by name; as fractions, not percent.

    Those that begin with `freqtrade-` are freqtrade's own where an account marked to market has
    another; a value that freqtrade writes for "no number" is left out.
    """
    drawdown = _drawdown(curve)
    years = (curve.times[-1] - curve.times[0]) / (365 * 86_400)
    growth = curve.equity[-1] / curve.equity[0] if curve.equity[0] > 0 else 0.0
    cagr = growth ** (1 / years) - 1 if years > 0 and growth > 0 else None
    found: dict[str, float | None] = {
        "sharpe": _sharpe(result, curve, sharpe)[0],
        "sharpe-closed-trades": _sharpe(result, curve, "closed-trades")[0],
        "sharpe-daily-balance": _sharpe(result, curve, "daily-balance")[0],
        "sortino": curve.ratio(downside=True)[0] if result.trades else None,
        "calmar": cagr / drawdown if cagr is not None and drawdown > 0 else None,
        "profit-factor": _profit_factor(result)[0],
        "max-drawdown": drawdown,
        "trades": float(len(result.trades)),
        "fees": math.fsum(trade.fees for trade in result.trades),
        "funding": math.fsum(trade.funding for trade in result.trades),
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


def _sharpe(result: BacktestResult, curve: Curve, kind: SharpeKind) -> tuple[float | None, str]:
    if not result.trades:
        return None, _NO_TRADE
    if kind == "daily-balance":
        return curve.ratio()
    alike = len({trade.profit for trade in result.trades}) == 1
    if alike or result.sharpe_closed_trades == NO_NUMBER:
        return None, "undefined: the returns do not deviate"
    return _number(result.sharpe_closed_trades)


def _drawdown(curve: Curve) -> float:
    """Return the deepest fall from a peak, as a fraction of that peak."""
    return max(0.0, -curve.drawdown[curve.deepest])


def _number(value: float) -> tuple[float | None, str]:
    if math.isfinite(value):
        return value, ""
    return None, f"undefined: freqtrade says {value}"
