"""Collect until stopped: `python -m data_collection [--once]`."""

from __future__ import annotations

import argparse
import logging
import os
import time
from collections.abc import Sequence
from datetime import timedelta

from data_collection.backend_client import BackendClient
from data_collection.collector import Collector
from data_collection.settings import Settings, load_settings
from tradai.common.clock import SystemClock
from tradai.common.events import EventBus
from tradai.common.logging import configure
from tradai.common.pairs import Pair
from tradai.common.timeframes import Timeframe
from tradai.data.client import open_client
from tradai.data.storage import MemoryStore


def make_collector(settings: Settings) -> Collector:
    """Return a collector that logs its events."""
    bus = EventBus()
    log = logging.getLogger("data_collection.events")
    bus.subscribe("*", lambda event: log.info(event.kind, extra=dict(event.payload)))
    return Collector(
        open_client(settings.exchange_url),
        MemoryStore(),
        BackendClient.at(settings.backend_url),
        bus,
        clock=SystemClock(),
        timeframe=Timeframe(settings.timeframe),
        history=timedelta(hours=settings.history_hours),
    )


def main(argv: Sequence[str] | None = None) -> int:
    """Collect, and return the exit status: 1 where a single round failed for a pair."""
    parser = argparse.ArgumentParser(prog="data_collection", description=__doc__)
    parser.add_argument("--once", action="store_true", help="make one round and exit")
    once = parser.parse_args(argv).once
    settings = load_settings(os.environ)
    configure("data-collection")
    collector = make_collector(settings)
    pairs = [Pair.parse(name) for name in settings.pairs]
    while True:
        collected = collector.round(pairs)
        if once:
            return 0 if len(collected) == len(pairs) else 1
        time.sleep(settings.pause)


if __name__ == "__main__":
    raise SystemExit(main())
