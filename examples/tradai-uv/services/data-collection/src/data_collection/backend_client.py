"""Speaks to the backend."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from tradai.common.pairs import Pair
from tradai.common.timeframes import Timeframe
from tradai.data.candles import Candle

if TYPE_CHECKING:
    from tradai.common.http import JsonClient

__all__ = ["BackendClient"]

BATCH = 1000  # well below what the backend takes at once


class BackendClient:
    """Hands candles to the backend, and asks for them."""

    def __init__(self, api: JsonClient) -> None:
        """Speak through a JSON client."""
        self._api = api

    @classmethod
    def at(cls, base_url: str) -> BackendClient:
        """Return a client for the backend at an address."""
        # The HTTP stack is slow to import, and a client that is handed over needs none of it.
        from tradai.common.http import JsonClient

        return cls(JsonClient(base_url))

    def is_up(self) -> bool:
        """Tell whether the backend says that all is well."""
        return bool(self._api.get("/health")["status"] == "ok")

    def send(self, pair: Pair, timeframe: Timeframe, candles: Sequence[Candle]) -> int:
        """Hand candles over, in batches, and return how many the backend kept."""
        saved = 0
        for start in range(0, len(candles), BATCH):
            rows = [candle.to_row() for candle in candles[start : start + BATCH]]
            body = {"pair": str(pair), "timeframe": str(timeframe), "rows": rows}
            saved += int(self._api.post("/candles", body)["saved"])
        return saved

    def candles(
        self, pair: Pair, timeframe: Timeframe, *, source: Timeframe | None = None
    ) -> list[Candle]:
        """Return the backend's newest candles, resampled by it from `source` if that is given."""
        query = {"pair": str(pair), "timeframe": str(timeframe)}
        if source is not None:
            query["source"] = str(source)
        return [Candle.from_row(row) for row in self._api.get("/candles", query)["rows"]]
