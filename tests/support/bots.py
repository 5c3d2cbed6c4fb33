"""Bots for backtests on shaped candles: each is the source of `bot.py`."""

from __future__ import annotations

__all__ = ["HELD_LOSS", "PROTECTED", "SHORT_LIVED", "VARIED"]

# never sells at a loss, and has no way out but a gain of one percent
HELD_LOSS = """
from freqtrade.strategy import IStrategy


class MomentumBot(IStrategy):
    timeframe = "1h"
    minimal_roi = {"0": 0.01}
    stoploss = -0.99

    def populate_indicators(self, frame, metadata):
        return frame

    def populate_entry_trend(self, frame, metadata):
        frame["enter_long"] = 1
        return frame

    def populate_exit_trend(self, frame, metadata):
        return frame
"""

# every trade reaches its target or its stop in the candle of its entry
SHORT_LIVED = (
    HELD_LOSS.replace('"0": 0.01', '"0": 0.006')
    .replace("-0.99", "-0.002")
    .replace(
        """        frame["enter_long"] = 1
""",
        """        hour, day = frame["date"].dt.hour, frame["date"].dt.day
        frame["enter_long"] = (((hour * 7 + day) % 5 == 0) & (hour < 20) & (hour > 1)).astype(int)
""",
    )
)

# long and short, leverage, added entries, partial exits, and positions that are open at the end
VARIED = """
from freqtrade.strategy import IStrategy


class MomentumBot(IStrategy):
    timeframe = "1h"
    minimal_roi = {"0": 10}
    stoploss = -0.99
    can_short = True
    position_adjustment_enable = True

    def populate_indicators(self, frame, metadata):
        return frame

    def populate_entry_trend(self, frame, metadata):
        hour, day = frame["date"].dt.hour, frame["date"].dt.day
        frame["enter_long"] = ((hour == 3) & (day % 4 == 0)).astype(int)
        frame["enter_short"] = ((hour == 8) & (day % 4 == 2)).astype(int)
        return frame

    def populate_exit_trend(self, frame, metadata):
        hour, day = frame["date"].dt.hour, frame["date"].dt.day
        frame["exit_long"] = ((hour == 15) & (day % 4 == 1)).astype(int)
        frame["exit_short"] = ((hour == 16) & (day % 4 == 3) & (day < 31)).astype(int)
        return frame

    def leverage(self, *given, **kwargs):
        return 3.0

    def custom_stake_amount(self, *given, **kwargs):
        return 500.0

    def adjust_trade_position(self, trade, current_time, *rest, **kwargs):
        if current_time.hour in (8, 20):  # 8 is a settlement of funding
            return 100.0
        return -trade.stake_amount * 0.3 if current_time.hour in (11, 18) else None
"""

PROTECTED = SHORT_LIVED.replace(
    "    stoploss",
    """    protections = [{
        "method": "StoplossGuard", "lookback_period_candles": 48, "trade_limit": 1,
        "stop_duration_candles": 240,
    }]
    stoploss""",
)
