"""Tells which candles are missing.

The event names a pair, a timeframe and the opening times that are there, in milliseconds.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

from tradai.common.pairs import Pair
from tradai.common.timeframes import Timeframe

__all__ = ["handler"]

_MOST_LISTED = 100


def handler(event: Mapping[str, Any], _context: object) -> dict[str, Any]:
    """Return how many candles are missing, and the first of them.

    Raises:
        ValueError: The pair or the timeframe is none; Lambda reports it as a failed call.
    """
    pair, timeframe = Pair.parse(event["pair"]), Timeframe(event["timeframe"])
    opened = [datetime.fromtimestamp(ms / 1000, UTC) for ms in event["opened"]]
    off = [moment for moment in opened if timeframe.floor(moment) != moment]
    # A time off the grid would shift every edge that is counted from it.
    missing = timeframe.missing(moment for moment in opened if moment not in off)
    return {
        "pair": str(pair),
        "timeframe": str(timeframe),
        "complete": not missing and not off,
        "missing_count": len(missing),
        "missing": [moment.isoformat() for moment in missing[:_MOST_LISTED]],
        "off_grid": [moment.isoformat() for moment in off[:_MOST_LISTED]],
    }
