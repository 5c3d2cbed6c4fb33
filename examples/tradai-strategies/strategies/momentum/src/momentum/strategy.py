"""The rules: go with moves that are large for the market's mood, leave when they turn."""

from __future__ import annotations

from pandas import DataFrame
from tradai_strategy.indicators import ema, returns, volatility
from tradai_strategy.protocols import RiskLimits
from tradai_strategy.signals import mark

__all__ = ["MomentumStrategy"]


class MomentumStrategy:
    """Goes with a move of more than `threshold` standard deviations."""

    name = "momentum"
    timeframe = "1h"
    warm_up = 72

    threshold = 0.9  # standard deviations
    smoothing = 2  # candles
    mood_window = 48  # candles

    def populate_indicators(self, frame: DataFrame) -> DataFrame:
        """Add `move`, the smoothed return in standard deviations of the last two days."""
        smoothed = ema(returns(frame["close"]), self.smoothing)
        # The mood before the move: a jump must not make itself look small.
        frame["move"] = smoothed / volatility(frame["close"], self.mood_window).shift(1)
        return frame

    def populate_entry_trend(self, frame: DataFrame) -> DataFrame:
        """Enter in the direction of a large move."""
        frame = mark(frame, "enter_long", frame["move"] > self.threshold)
        return mark(frame, "enter_short", frame["move"] < -self.threshold)

    def populate_exit_trend(self, frame: DataFrame) -> DataFrame:
        """Leave when the move turns."""
        frame = mark(frame, "exit_long", frame["move"] < 0)
        return mark(frame, "exit_short", frame["move"] > 0)

    def risk(self) -> RiskLimits:
        """Return what a position may lose: 1 % of the equity, 5 % below its entry."""
        return RiskLimits(stop_loss=0.05, risk_per_trade=0.01, max_leverage=3.0)
