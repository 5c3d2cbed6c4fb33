"""The rules: enter where the model expects much, leave where it changes its mind."""

from __future__ import annotations

import numpy as np
from pandas import DataFrame, Series
from tradai_strategy.indicators import returns, rsi, volatility
from tradai_strategy.protocols import RiskLimits
from tradai_strategy.signals import mark

from ml_rsi.model import walk_forward

__all__ = ["MlRsiStrategy"]


class MlRsiStrategy:
    """Asks a model for the next return, which it learns from the RSI and the last returns."""

    name = "ml-rsi"
    timeframe = "1h"
    warm_up = 400  # by then the first candles count for 2 % of the newest

    forgetting = 0.99
    threshold = 0.35  # standard deviations
    mood_window = 48  # candles

    def populate_indicators(self, frame: DataFrame) -> DataFrame:
        """Add `expected`, the next return in standard deviations, empty until warmed up."""
        close = frame["close"]
        outcome = returns(close) / volatility(close, self.mood_window).shift(1)
        columns = {
            "slow_rsi": rsi(close, 14) / 50 - 1,
            "fast_rsi": rsi(close, 3) / 50 - 1,
            # Cut off, since one crash would outweigh a hundred ordinary hours.
            "last": outcome.clip(-4, 4),
            "constant": Series(1.0, index=frame.index),
        }
        features = np.column_stack([column.to_numpy(dtype=float) for column in columns.values()])
        outcomes = columns["last"].to_numpy(dtype=float)
        expected = walk_forward(features, outcomes, forgetting=self.forgetting)
        expected[: self.warm_up] = np.nan
        frame["expected"] = expected
        return frame

    def populate_entry_trend(self, frame: DataFrame) -> DataFrame:
        """Enter where much is expected."""
        frame = mark(frame, "enter_long", frame["expected"] > self.threshold)
        return mark(frame, "enter_short", frame["expected"] < -self.threshold)

    def populate_exit_trend(self, frame: DataFrame) -> DataFrame:
        """Leave where the opposite is expected."""
        frame = mark(frame, "exit_long", frame["expected"] < 0)
        return mark(frame, "exit_short", frame["expected"] > 0)

    def risk(self) -> RiskLimits:
        """Return what a position may lose: 1 % of the equity, 5 % below its entry."""
        return RiskLimits(stop_loss=0.05, risk_per_trade=0.01, max_leverage=3.0)
