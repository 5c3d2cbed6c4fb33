"""Small candles into large ones."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from datetime import datetime

from tradai.common.timeframes import Timeframe
from tradai.data.candles import Candle

__all__ = ["resample"]


def resample(
    candles: Iterable[Candle], source: Timeframe, target: Timeframe, *, partial: bool = False
) -> Iterator[Candle]:
    """Yield candles of a larger timeframe.

    Args:
        candles: Candles of the source timeframe, in order of time; gaps are allowed.
        source: Their timeframe.
        target: The timeframe wanted.
        partial: Whether to yield a last candle that has not closed yet. It will still change:
            a strategy that sees it sees what it cannot know in a backtest.

    Raises:
        ValueError: The target is no multiple of the source, or the candles are out of order.
    """
    if not target.contains(source):
        raise ValueError(f"{source} candles do not fill {target} candles")
    opened_at: datetime | None = None
    members: list[Candle] = []
    for candle in candles:
        if members and candle.opened_at <= members[-1].opened_at:
            raise ValueError(f"candles out of order at {candle.opened_at}")
        edge = target.floor(candle.opened_at)
        if opened_at is not None and edge != opened_at:
            yield _merge(opened_at, members)
            members = []
        opened_at = edge
        members.append(candle)
    if opened_at is not None:
        closed = members[-1].opened_at + source.length == opened_at + target.length
        if closed or partial:
            yield _merge(opened_at, members)


def _merge(opened_at: datetime, members: Sequence[Candle]) -> Candle:
    return Candle(
        opened_at,
        members[0].open,
        max(candle.high for candle in members),
        min(candle.low for candle in members),
        members[-1].close,
        sum(candle.volume for candle in members),
    )
