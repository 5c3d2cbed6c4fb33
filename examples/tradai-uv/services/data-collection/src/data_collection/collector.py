"""One round of collecting."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from datetime import timedelta

from data_collection.backend_client import BackendClient
from tradai.common.clock import Clock
from tradai.common.events import EventBus, new_event
from tradai.common.pairs import Pair
from tradai.common.timeframes import Timeframe
from tradai.data.client import CandleClient
from tradai.data.storage import CandleStore

__all__ = ["Collector"]

_LOG = logging.getLogger(__name__)


class Collector:
    """Brings the store and the backend up to date."""

    def __init__(
        self,
        source: CandleClient,
        store: CandleStore,
        backend: BackendClient,
        bus: EventBus,
        *,
        clock: Clock,
        timeframe: Timeframe,
        history: timedelta,
    ) -> None:
        """Collect from a source into a store, for a backend."""
        self._source = source
        self._store = store
        self._backend = backend
        self._bus = bus
        self._clock = clock
        self._timeframe = timeframe
        self._history = history

    def round(self, pairs: Sequence[Pair]) -> dict[Pair, int]:
        """Collect each pair and return how many new candles it had.

        A pair that fails is told as an event and does not keep the others from being collected.
        """
        counts: dict[Pair, int] = {}
        for pair in pairs:
            try:
                counts[pair] = self._collect(pair)
            except Exception as error:
                _LOG.exception("collecting %s failed", pair)
                self._tell("candles.failed", {"pair": str(pair), "error": str(error)})
        return counts

    def _collect(self, pair: Pair) -> int:
        now = self._clock.now()
        known = self._store.load(pair, self._timeframe)
        since = known[-1].opened_at + self._timeframe.length if known else now - self._history
        since = self._timeframe.floor(since)
        candles = list(self._source.closed(pair, self._timeframe, since, now=now))
        if candles:
            # The backend first: what it has not got must look new in the next round too.
            self._backend.send(pair, self._timeframe, candles)
            self._store.save(pair, self._timeframe, candles)
        gaps = self._timeframe.missing(candle.opened_at for candle in (*known[-1:], *candles))
        facts = {"pair": str(pair), "count": len(candles), "missing": len(gaps)}
        self._tell("candles.collected", facts)
        return len(candles)

    def _tell(self, kind: str, facts: dict[str, object]) -> None:
        self._bus.publish(new_event(kind, facts, clock=self._clock))
