"""Where candles are kept."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterable
from contextlib import closing
from datetime import datetime
from pathlib import Path
from typing import Protocol

from tradai.common.pairs import Pair
from tradai.common.timeframes import Timeframe
from tradai.data.candles import Candle

__all__ = ["CandleStore", "MemoryStore", "SqliteStore"]

_SCHEMA = """
CREATE TABLE IF NOT EXISTS candles (
    pair TEXT, timeframe TEXT, ms INTEGER,
    open REAL, high REAL, low REAL, close REAL, volume REAL,
    PRIMARY KEY (pair, timeframe, ms)
) WITHOUT ROWID
"""


class CandleStore(Protocol):
    """Whatever keeps candles; saving one of a known time replaces it."""

    def save(self, pair: Pair, timeframe: Timeframe, candles: Iterable[Candle]) -> int:
        """Keep candles and return how many were given."""
        ...

    def load(
        self, pair: Pair, timeframe: Timeframe, *, since: datetime | None = None
    ) -> list[Candle]:
        """Return candles in order of time, from a moment on."""
        ...

    def pairs(self) -> list[Pair]:
        """Return the pairs that there are candles of, in order."""
        ...


class MemoryStore:
    """Keeps candles as long as the process lives."""

    def __init__(self) -> None:
        """Begin empty."""
        self._kept: dict[tuple[Pair, Timeframe], dict[datetime, Candle]] = {}

    def save(self, pair: Pair, timeframe: Timeframe, candles: Iterable[Candle]) -> int:
        """Keep candles and return how many were given."""
        given = {candle.opened_at: candle for candle in candles}
        if given:
            self._kept.setdefault((pair, timeframe), {}).update(given)
        return len(given)

    def load(
        self, pair: Pair, timeframe: Timeframe, *, since: datetime | None = None
    ) -> list[Candle]:
        """Return candles in order of time, from a moment on."""
        kept = sorted(self._kept.get((pair, timeframe), {}).values())
        return [candle for candle in kept if since is None or candle.opened_at >= since]

    def pairs(self) -> list[Pair]:
        """Return the pairs that there are candles of, in order."""
        return sorted({pair for pair, _ in self._kept}, key=str)


class SqliteStore:
    """Keeps candles in a file, which several processes may read."""

    def __init__(self, file: Path) -> None:
        """Open the file, or make it."""
        self._file = file
        with closing(self._connect()) as connection, connection:
            connection.execute(_SCHEMA)

    def save(self, pair: Pair, timeframe: Timeframe, candles: Iterable[Candle]) -> int:
        """Keep candles, all or none, and return how many were given."""
        rows = [(str(pair), str(timeframe), *candle.to_row()) for candle in candles]
        with closing(self._connect()) as connection, connection:
            connection.executemany("REPLACE INTO candles VALUES (?, ?, ?, ?, ?, ?, ?, ?)", rows)
        return len(rows)

    def load(
        self, pair: Pair, timeframe: Timeframe, *, since: datetime | None = None
    ) -> list[Candle]:
        """Return candles in order of time, from a moment on."""
        first = int(since.timestamp() * 1000) if since else 0
        with closing(self._connect()) as connection:
            rows = connection.execute(
                "SELECT ms, open, high, low, close, volume FROM candles"
                " WHERE pair = ? AND timeframe = ? AND ms >= ? ORDER BY ms",
                (str(pair), str(timeframe), first),
            ).fetchall()
        return [Candle.from_row(row) for row in rows]

    def pairs(self) -> list[Pair]:
        """Return the pairs that there are candles of, in order."""
        with closing(self._connect()) as connection:
            rows = connection.execute("SELECT DISTINCT pair FROM candles ORDER BY pair").fetchall()
        return [Pair.parse(name) for (name,) in rows]

    def _connect(self) -> sqlite3.Connection:
        return sqlite3.connect(self._file)
