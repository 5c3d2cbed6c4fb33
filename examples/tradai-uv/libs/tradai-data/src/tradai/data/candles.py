"""The candle: what a price did during one timeframe."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

__all__ = ["Candle", "CandleError"]

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_COLUMNS = 6


class CandleError(ValueError):
    """Numbers that no market can have produced."""


@dataclass(frozen=True, slots=True, order=True)
class Candle:
    """What a price did during one timeframe.

    Attributes:
        opened_at: When it began, in UTC.
        open: First price.
        high: Highest price.
        low: Lowest price.
        close: Last price.
        volume: Units of the base currency that were traded.
    """

    opened_at: datetime
    open: float
    high: float
    low: float
    close: float
    volume: float

    def __post_init__(self) -> None:
        """Refuse impossible numbers.

        Raises:
            CandleError: The prices contradict each other, or a number is negative or none at all.
        """
        # Written so that NaN, for which every comparison is false, fails too.
        if not 0 < self.low <= min(self.open, self.close):
            raise CandleError(f"{self.opened_at}: low {self.low} is not the lowest price above 0")
        if not max(self.open, self.close) <= self.high < float("inf"):
            raise CandleError(f"{self.opened_at}: high {self.high} is not the highest price")
        if not 0 <= self.volume < float("inf"):
            raise CandleError(f"{self.opened_at}: volume {self.volume} is not possible")

    @classmethod
    def from_row(cls, row: Sequence[float]) -> Candle:
        """Read a row of `[milliseconds, open, high, low, close, volume]`, as exchanges send it.

        Raises:
            CandleError: The row is too short or too long, or its numbers are impossible.
        """
        if len(row) != _COLUMNS:
            raise CandleError(f"a row has {_COLUMNS} columns, not {len(row)}")
        opened_at = _EPOCH + timedelta(milliseconds=int(row[0]))
        return cls(opened_at, *(float(number) for number in row[1:]))

    def to_row(self) -> list[float]:
        """Return the row that `from_row` reads."""
        milliseconds = (self.opened_at - _EPOCH) // timedelta(milliseconds=1)
        return [milliseconds, self.open, self.high, self.low, self.close, self.volume]
