"""The rules: follow breakouts that the averages agree with, leave when the averages cross."""

from __future__ import annotations

from pandas import DataFrame
from tradai_strategy.indicators import atr, donchian_high, donchian_low, ema
from tradai_strategy.protocols import RiskLimits
from tradai_strategy.signals import mark

__all__ = ["TrendFollowingStrategy"]


class TrendFollowingStrategy:
    """Follows a close outside the channel of the last candles."""

    name = "trend-following"
    timeframe = "1h"
    warm_up = 96

    fast, slow = 3, 12  # candles
    channel = 6  # candles
    reach = 0.25  # true ranges by which the channel must be left

    def populate_indicators(self, frame: DataFrame) -> DataFrame:
        """Add the averages, and the prices above and below which a breakout begins."""
        frame["fast"] = ema(frame["close"], self.fast)
        frame["slow"] = ema(frame["close"], self.slow)
        margin = self.reach * atr(frame)
        frame["ceiling"] = donchian_high(frame, self.channel) + margin
        frame["floor"] = donchian_low(frame, self.channel) - margin
        return frame

    def populate_entry_trend(self, frame: DataFrame) -> DataFrame:
        """Enter where the channel is left in the direction of the averages."""
        up = (frame["close"] > frame["ceiling"]) & (frame["fast"] > frame["slow"])
        down = (frame["close"] < frame["floor"]) & (frame["fast"] < frame["slow"])
        return mark(mark(frame, "enter_long", up), "enter_short", down)

    def populate_exit_trend(self, frame: DataFrame) -> DataFrame:
        """Leave where the price falls back behind the fast average, or the averages cross."""
        weak = (frame["close"] < frame["fast"]) | (frame["fast"] < frame["slow"])
        strong = (frame["close"] > frame["fast"]) | (frame["fast"] > frame["slow"])
        return mark(mark(frame, "exit_long", weak), "exit_short", strong)

    def risk(self) -> RiskLimits:
        """Return what a position may lose: 1 % of the equity, 5 % below its entry."""
        return RiskLimits(stop_loss=0.05, risk_per_trade=0.01, max_leverage=3.0)
