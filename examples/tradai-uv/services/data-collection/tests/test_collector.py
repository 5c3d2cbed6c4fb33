from datetime import UTC, datetime, timedelta
from unittest import mock

import pytest

from data_collection.collector import Collector
from tradai.common.clock import FrozenClock
from tradai.common.events import Event, EventBus
from tradai.common.pairs import Pair
from tradai.common.timeframes import Timeframe
from tradai.data.candles import Candle
from tradai.data.storage import MemoryStore

BTC, ETH = Pair.parse("BTC/USDT:USDT"), Pair.parse("ETH/USDT:USDT")
M1 = Timeframe("1m")
NOW = datetime(2026, 1, 1, 12, 0, 30, tzinfo=UTC)


def candle(minute: int) -> Candle:
    return Candle(NOW.replace(hour=11, minute=minute, second=0), 10, 12, 9, 11, 1.0)


class Scene:
    def __init__(self) -> None:
        self.source = mock.Mock()
        self.backend = mock.Mock()
        self.clock = FrozenClock(NOW)
        self.events: list[Event] = []
        bus = EventBus()
        bus.subscribe("*", self.events.append)
        self.collector = Collector(
            self.source,
            MemoryStore(),
            self.backend,
            bus,
            clock=self.clock,
            timeframe=M1,
            history=timedelta(hours=1),
        )


@pytest.fixture
def scene() -> Scene:
    return Scene()


def test_the_first_round_goes_back_as_far_as_told(scene: Scene) -> None:
    scene.source.closed.return_value = iter([candle(58), candle(59)])
    assert scene.collector.round([BTC]) == {BTC: 2}
    since = NOW.replace(hour=11, minute=0, second=0)
    scene.source.closed.assert_called_once_with(BTC, M1, since, now=NOW)
    scene.backend.send.assert_called_once_with(BTC, M1, [candle(58), candle(59)])


def test_the_next_round_begins_after_the_last_candle(scene: Scene) -> None:
    scene.source.closed.side_effect = [iter([candle(58)]), iter([])]
    scene.collector.round([BTC])
    assert scene.collector.round([BTC]) == {BTC: 0}
    assert scene.source.closed.call_args.args[2] == candle(59).opened_at
    assert scene.backend.send.call_count == 1


def test_gaps_are_told(scene: Scene) -> None:
    scene.source.closed.side_effect = [iter([candle(50)]), iter([candle(53)])]
    scene.collector.round([BTC])
    scene.collector.round([BTC])
    assert [event.payload["missing"] for event in scene.events] == [0, 2]


def test_what_the_backend_did_not_get_is_sent_again(scene: Scene) -> None:
    scene.source.closed.side_effect = lambda *_, **__: iter([candle(58)])
    scene.backend.send.side_effect = [OSError("down"), 1]
    assert scene.collector.round([BTC]) == {}
    assert scene.collector.round([BTC]) == {BTC: 1}
    assert [event.kind for event in scene.events] == ["candles.failed", "candles.collected"]


def test_one_pair_does_not_stop_the_others(scene: Scene) -> None:
    scene.source.closed.side_effect = [OSError("no such symbol"), iter([candle(59)])]
    assert scene.collector.round([BTC, ETH]) == {ETH: 1}
    assert scene.events[0].payload == {"pair": "BTC/USDT:USDT", "error": "no such symbol"}
