"""The strategy as freqtrade runs it. Importing this module needs freqtrade."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from freqtrade.strategy import IStrategy
from pandas import DataFrame
from tradai_strategy.sizing import leverage_within, stake_for

from ml_rsi.strategy import MlRsiStrategy

RULES = MlRsiStrategy()
LIMITS = RULES.risk()
LEVERAGE = 2.0


class MlRsiBot(IStrategy):
    """Hands freqtrade's questions on to the rules; it decides nothing itself."""

    INTERFACE_VERSION = 3
    can_short = True
    process_only_new_candles = True
    timeframe = RULES.timeframe
    startup_candle_count = RULES.warm_up
    # freqtrade counts the loss on the margin, the limits count it on the price.
    stoploss = -LIMITS.stop_loss * LEVERAGE
    minimal_roi = {"0": 100.0}  # noqa: RUF012 - a plain dict is what freqtrade reads; never reached

    def populate_indicators(self, dataframe: DataFrame, metadata: dict[str, Any]) -> DataFrame:
        """Add the columns that the signals are made from."""
        return RULES.populate_indicators(dataframe)

    def populate_entry_trend(self, dataframe: DataFrame, metadata: dict[str, Any]) -> DataFrame:
        """Mark where to enter."""
        return RULES.populate_entry_trend(dataframe)

    def populate_exit_trend(self, dataframe: DataFrame, metadata: dict[str, Any]) -> DataFrame:
        """Mark where to leave."""
        return RULES.populate_exit_trend(dataframe)

    def leverage(
        self,
        pair: str,
        current_time: datetime,
        current_rate: float,
        proposed_leverage: float,
        max_leverage: float,
        entry_tag: str | None,
        side: str,
        **kwargs: Any,
    ) -> float:
        """Return the leverage of a new position."""
        return leverage_within(LIMITS, LEVERAGE, max_leverage)

    def custom_stake_amount(
        self,
        pair: str,
        current_time: datetime,
        current_rate: float,
        proposed_stake: float,
        min_stake: float | None,
        max_stake: float,
        leverage: float,
        entry_tag: str | None,
        side: str,
        **kwargs: Any,
    ) -> float:
        """Return the margin of a new position, so that its stop loses what the limits allow."""
        equity = float(self.wallets.get_total_stake_amount())
        return min(stake_for(equity, LIMITS, leverage=leverage), max_stake)
