"""One look at a pair: which signal does its newest candle give?"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import TYPE_CHECKING

from strategy_service.planner import Action
from tradai_strategy.protocols import Strategy

if TYPE_CHECKING:
    from pandas import DataFrame

__all__ = ["SignalFound", "newest_signal"]

# Leaving comes first: a candle that says both must not open what it would close.
_ORDER: tuple[Action, ...] = ("exit_long", "exit_short", "enter_long", "enter_short")


@dataclass(frozen=True, kw_only=True, slots=True)
class SignalFound:
    """A signal of the newest candle."""

    action: Action
    at: datetime
    price: Decimal


def newest_signal(strategy: Strategy, frame: DataFrame) -> SignalFound | None:
    """Return the signal of the newest candle, if it gives one and the strategy is warmed up."""
    if len(frame) <= strategy.warm_up:
        return None
    frame = strategy.populate_indicators(frame)
    frame = strategy.populate_exit_trend(strategy.populate_entry_trend(frame))
    last = frame.to_dict("records")[-1]
    for action in _ORDER:
        if last.get(action) == 1:
            at: datetime = last["date"].to_pydatetime()
            return SignalFound(action=action, at=at, price=Decimal(str(last["close"])))
    return None
