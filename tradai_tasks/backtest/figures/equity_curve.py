"""The equity of an account over time: drawdown, daily returns, and the ratios made of them."""

from __future__ import annotations

import math
import statistics
from collections.abc import Sequence
from dataclasses import dataclass, replace
from itertools import pairwise

_DAY = 86_400  # seconds
_YEAR = 365  # days, as freqtrade annualises
_NONE = 1e-12  # deviation of daily returns that is rounding


@dataclass(frozen=True, kw_only=True, slots=True)
class Curve:
    """Equity over time: a point at the start, and one at the close of each candle."""

    times: tuple[int, ...]  # seconds since the epoch
    equity: tuple[float, ...]  # in the stake currency
    drawdown: tuple[float, ...]  # fraction below the highest equity so far, 0 or negative
    exposure: tuple[float, ...] = ()  # value of all open positions, long and short ones alike
    held: tuple[float, ...] = ()  # what buying all pairs for equal parts, and holding, is worth

    def part(self, start: int, end: int) -> Curve:
        """Return the points from one moment to another, both included."""
        chosen = [n for n, time in enumerate(self.times) if start <= time <= end]
        made = curve_of([self.times[n] for n in chosen], [self.equity[n] for n in chosen])
        return replace(
            made,
            exposure=tuple(self.exposure[n] for n in chosen if self.exposure),
            held=tuple(self.held[n] for n in chosen if self.held),
        )

    @property
    def deepest(self) -> int:
        """Position of the deepest drawdown."""
        return min(range(len(self.drawdown)), key=self.drawdown.__getitem__)

    def at_ends_of_days(self) -> list[tuple[int, float]]:
        """Return pairs of a UTC day's number since the epoch and the equity at its end.

        The first is the first whole day; a day without a candle has the equity of the day before.
        """
        ends = {(time - 1) // _DAY: n for n, time in enumerate(self.times) if n}
        if not ends:
            return []
        found, last = [], 0
        for day in range(min(ends), max(ends) + 1):
            last = ends.get(day, last)
            found.append((day, self.equity[last]))
        return found

    @property
    def daily_returns(self) -> list[float]:
        """Returns from the end of one UTC day to the end of the next, as fractions.

        Raises:
            ZeroDivisionError: The account was empty at the end of a day.
        """
        return [
            later / earlier - 1 for (_, earlier), (_, later) in pairwise(self.at_ends_of_days())
        ]

    def ratio(self, *, downside: bool = False) -> tuple[float | None, str]:
        """Return the Sharpe or Sortino ratio of daily returns, annualised; else why there is none.

        The mean of the daily returns over their deviation (of the population; of the negative ones
        for Sortino) times the root of 365: freqtrade's `calculate_sharpe_from_balance` and
        `calculate_sortino_from_balance` (data/metrics.py), on another equity. As there, the first
        day only gives the equity that the second is compared with.
        """
        if min(value for _, value in self.at_ends_of_days() or [(0, 1.0)]) <= 0:
            return None, "undefined: the account was lost"
        returns = self.daily_returns
        chosen = [one for one in returns if one < 0] if downside else returns
        if len(chosen) < 2:  # noqa: PLR2004 - one return does not deviate
            return None, "undefined: fewer than two daily returns"
        deviation = statistics.pstdev(chosen)
        if deviation <= _NONE:
            return None, "undefined: the returns do not deviate"
        return math.fsum(returns) / len(returns) / deviation * math.sqrt(_YEAR), ""


def curve_of(times: Sequence[int], equity: Sequence[float]) -> Curve:
    """Return a curve with its drawdown."""
    peak = equity[0]
    drawdown = []
    for value in equity:
        peak = max(peak, value)
        drawdown.append((value - peak) / peak if peak > 0 else 0.0)
    return Curve(times=tuple(times), equity=tuple(equity), drawdown=tuple(drawdown))
