"""Fetches candles from a candle server, page by page."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime

from tradai.common.http import JsonClient
from tradai.common.pairs import Pair
from tradai.common.retry import RetryPolicy
from tradai.common.timeframes import Timeframe
from tradai.data.candles import Candle

__all__ = ["CandleClient", "open_client"]

# A page takes the server a while, so wait longer than for other requests.
PATIENT = RetryPolicy(attempts=5, first_delay=0.5, max_delay=10.0)


def open_client(base_url: str) -> CandleClient:
    """Return a client for the server at an address."""
    return CandleClient(JsonClient(base_url, timeout=30.0, policy=PATIENT))


class CandleClient:
    """Fetches candles from one server."""

    def __init__(self, api: JsonClient, *, page_size: int = 500) -> None:
        """Fetch through a JSON client, at most `page_size` candles a request."""
        self._api = api
        self._page_size = page_size

    def page(self, pair: Pair, timeframe: Timeframe, since: datetime) -> list[Candle]:
        """Return the next candles from a moment on, in order of time."""
        rows = self._api.get(
            "/klines",
            {
                "symbol": pair.slug,
                "interval": str(timeframe),
                "startTime": int(since.timestamp() * 1000),
                "limit": self._page_size,
            },
        )
        return sorted(Candle.from_row(row) for row in rows)

    def closed(
        self, pair: Pair, timeframe: Timeframe, since: datetime, *, now: datetime
    ) -> Iterator[Candle]:
        """Yield all candles from a moment on that have closed by `now`."""
        while True:
            page = self.page(pair, timeframe, since)
            for candle in page:
                if candle.opened_at + timeframe.length <= now:
                    yield candle
            if len(page) < self._page_size:
                return
            since = page[-1].opened_at + timeframe.length
