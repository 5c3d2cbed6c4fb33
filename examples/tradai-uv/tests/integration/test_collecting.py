"""From the exchange through data-collection into the backend, over real sockets."""

import threading
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

import httpx
import pytest
import uvicorn

from backend.app import create_app
from data_collection.backend_client import BackendClient
from data_collection.collector import Collector
from tradai.common.clock import FrozenClock
from tradai.common.events import EventBus
from tradai.common.http import JsonClient
from tradai.common.pairs import Pair
from tradai.common.timeframes import Timeframe
from tradai.data.candles import Candle
from tradai.data.client import CandleClient
from tradai.data.storage import MemoryStore

pytestmark = pytest.mark.integration

BTC, M1, M5 = Pair.parse("BTC/USDT:USDT"), Timeframe("1m"), Timeframe("5m")
NOW = datetime(2026, 1, 1, 12, 0, 30, tzinfo=UTC)


@pytest.fixture
def backend() -> Iterator[BackendClient]:
    app = create_app(MemoryStore(), FrozenClock(NOW))
    server = uvicorn.Server(uvicorn.Config(app, host="127.0.0.1", port=0, log_config=None))
    thread = threading.Thread(target=server.run)
    thread.start()
    try:
        while not server.started:
            assert thread.is_alive(), "the backend did not start"
            thread.join(0.01)
        port = server.servers[0].sockets[0].getsockname()[1]  # 0 asked for any free one
        yield BackendClient.at(f"http://127.0.0.1:{port}")
    finally:
        server.should_exit = True
        thread.join()


def exchange(request: httpx.Request) -> httpx.Response:
    """Answer like the exchange: a candle for every minute up to now, the last one still open."""
    moment = datetime.fromtimestamp(int(request.url.params["startTime"]) / 1000, UTC)
    rows: list[list[float]] = []
    while moment <= NOW and len(rows) < int(request.url.params["limit"]):
        rows.append(Candle(moment, 10, 12, 9, 11, 1.0).to_row())
        moment += M1.length
    return httpx.Response(200, json=rows)


def test_collected_candles_can_be_had_from_the_backend(backend: BackendClient) -> None:
    assert backend.is_up()
    api = JsonClient("http://exchange", transport=httpx.MockTransport(exchange))
    clock = FrozenClock(NOW)
    collector = Collector(
        CandleClient(api, page_size=50),
        MemoryStore(),
        backend,
        EventBus(),
        clock=clock,
        timeframe=M1,
        history=timedelta(hours=2),
    )
    assert collector.round([BTC]) == {BTC: 120}
    assert collector.round([BTC]) == {BTC: 0}
    assert len(backend.candles(BTC, M1)) == 120
    fives = backend.candles(BTC, M5, source=M1)
    assert len(fives) == 24
    assert {candle.volume for candle in fives} == {5.0}
