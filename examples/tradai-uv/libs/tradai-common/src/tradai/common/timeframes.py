"""Timeframes of candles: their lengths, edges and gaps."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

__all__ = ["Timeframe"]

_TEXT = re.compile(r"(?P<count>[1-9]\d*)(?P<unit>[mhdw])")
_UNITS = {
    "m": timedelta(minutes=1),
    "h": timedelta(hours=1),
    "d": timedelta(days=1),
    "w": timedelta(weeks=1),
}
# Weeks begin on Monday; the epoch was a Thursday.
_FIRST_MONDAY = datetime(1970, 1, 5, tzinfo=UTC)
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


@dataclass(frozen=True, slots=True)
class Timeframe:
    """The length of a candle, as exchanges write it: `5m`, `1h`, `1d`, `1w`."""

    text: str

    def __post_init__(self) -> None:
        """Refuse what exchanges would not understand.

        Raises:
            ValueError: The text is no timeframe.
        """
        if not _TEXT.fullmatch(self.text):
            raise ValueError(f"{self.text!r} is no timeframe; write 5m, 1h, 1d or 1w")

    def __str__(self) -> str:
        """Return the text."""
        return self.text

    @property
    def length(self) -> timedelta:
        """How long a candle lasts."""
        return int(self.text[:-1]) * _UNITS[self.text[-1]]

    def floor(self, moment: datetime) -> datetime:
        """Return the opening time of the candle that a moment falls into.

        Raises:
            ValueError: The moment has no time zone.
        """
        if moment.tzinfo is None:
            raise ValueError("a moment without a time zone belongs to no candle")
        anchor = _FIRST_MONDAY if self.text.endswith("w") else _EPOCH
        return anchor + (moment - anchor) // self.length * self.length

    def contains(self, smaller: Timeframe) -> bool:
        """Tell whether candles of another timeframe fill candles of this one evenly."""
        return not self.length % smaller.length

    def missing(self, opened: Iterable[datetime]) -> list[datetime]:
        """Return the opening times absent between the first and the last of some candles."""
        present = set(opened)
        if not present:
            return []
        absent = []
        moment, last = min(present), max(present)
        while moment < last:
            moment += self.length
            if moment not in present and moment < last:
                absent.append(moment)
        return absent
