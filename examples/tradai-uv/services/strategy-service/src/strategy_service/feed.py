"""Candles from the backend, as a frame."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from tradai.common.http import JsonClient

if TYPE_CHECKING:
    from pandas import DataFrame

__all__ = ["fetch_rows", "to_frame"]


def fetch_rows(api: JsonClient, pair: str, timeframe: str, *, limit: int) -> list[list[float]]:
    """Return the newest candles of a pair, oldest first."""
    query: dict[str, str | int] = {"pair": pair, "timeframe": timeframe, "source": "1m"}
    rows: list[list[float]] = api.get("/candles", {**query, "limit": limit})["rows"]
    return rows


def to_frame(rows: Sequence[Sequence[float]]) -> DataFrame:
    """Return rows of candles as the frame that strategies take."""
    import pandas as pd  # slow to import: only a round that has candles pays for it

    columns = ["date", "open", "high", "low", "close", "volume"]
    frame = pd.DataFrame([list(row) for row in rows], columns=columns)
    frame["date"] = pd.to_datetime(frame["date"], unit="ms", utc=True)
    return frame
