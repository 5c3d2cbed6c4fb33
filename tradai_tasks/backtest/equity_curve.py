"""Compute the equity curve of a backtest from its closed trades."""

from __future__ import annotations

from dataclasses import dataclass

from tradai_tasks.backtest.result import BacktestResult

__all__ = ["Curve", "curve_of"]


@dataclass(frozen=True, kw_only=True, slots=True)
class Curve:
    """Equity over time: a point at the start, one for each closed trade, one at the end."""

    times: tuple[int, ...]  # seconds since the epoch
    equity: tuple[float, ...]  # in the stake currency
    drawdown: tuple[float, ...]  # fraction below the highest equity so far, 0 or negative

    @property
    def deepest(self) -> int:
        """Position of the deepest drawdown."""
        return min(range(len(self.drawdown)), key=self.drawdown.__getitem__)

    @property
    def peak_before_deepest(self) -> int:
        """Position of the highest equity before the deepest drawdown."""
        return max(range(self.deepest + 1), key=self.equity.__getitem__)


def curve_of(result: BacktestResult) -> Curve:
    """Return the equity curve: the profits of closed trades, added up in order of time."""
    times, equity = [result.start], [result.balance]
    for trade in result.trades:
        if trade.closed == times[-1] and len(times) > 1:
            equity[-1] += trade.profit
        else:
            times.append(trade.closed)
            equity.append(equity[-1] + trade.profit)
    if times[-1] < result.end:
        times.append(result.end)
        equity.append(equity[-1])
    peak = equity[0]
    drawdown = []
    for value in equity:
        peak = max(peak, value)
        drawdown.append(value / peak - 1 if peak > 0 else 0.0)
    return Curve(times=tuple(times), equity=tuple(equity), drawdown=tuple(drawdown))
