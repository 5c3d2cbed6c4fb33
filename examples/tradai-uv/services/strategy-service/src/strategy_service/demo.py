"""A strategy to try the service out with; it is not meant to earn anything."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tradai_strategy.indicators import ema
from tradai_strategy.protocols import RiskLimits
from tradai_strategy.signals import crossed_above, crossed_below, mark

if TYPE_CHECKING:
    from pandas import DataFrame

__all__ = ["CrossStrategy"]


class CrossStrategy:
    """Long while a fast average is above a slow one."""

    name = "cross"
    timeframe = "5m"
    warm_up = 20

    def populate_indicators(self, frame: DataFrame) -> DataFrame:
        """Add the two averages."""
        frame["fast"] = ema(frame["close"], 5)
        frame["slow"] = ema(frame["close"], 20)
        return frame

    def populate_entry_trend(self, frame: DataFrame) -> DataFrame:
        """Enter where the fast average rises through the slow one."""
        return mark(frame, "enter_long", crossed_above(frame["fast"], frame["slow"]))

    def populate_exit_trend(self, frame: DataFrame) -> DataFrame:
        """Leave where it falls through it."""
        return mark(frame, "exit_long", crossed_below(frame["fast"], frame["slow"]))

    def risk(self) -> RiskLimits:
        """Return narrow limits."""
        return RiskLimits(stop_loss=0.02, risk_per_trade=0.005)
