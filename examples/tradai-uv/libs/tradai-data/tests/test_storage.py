from collections.abc import Callable
from pathlib import Path

import pytest

from tradai.common.pairs import Pair
from tradai.common.timeframes import Timeframe
from tradai.data.candles import Candle
from tradai.data.storage import CandleStore, MemoryStore, SqliteStore

BTC, ETH = Pair.parse("BTC/USDT:USDT"), Pair.parse("ETH/USDT")
M1, H1 = Timeframe("1m"), Timeframe("1h")
Series = Callable[[int], list[Candle]]


@pytest.fixture(params=["memory", "sqlite"])
def store(request: pytest.FixtureRequest, tmp_path: Path) -> CandleStore:
    return MemoryStore() if request.param == "memory" else SqliteStore(tmp_path / "candles.db")


def test_what_was_saved_is_loaded_in_order(store: CandleStore, minutes: Series) -> None:
    candles = minutes(5)
    assert store.save(BTC, M1, candles[::-1]) == 5
    assert store.load(BTC, M1) == candles
    assert store.load(BTC, M1, since=candles[3].opened_at) == candles[3:]


def test_pairs_and_timeframes_are_apart(store: CandleStore, minutes: Series) -> None:
    store.save(ETH, M1, minutes(1))
    store.save(BTC, H1, minutes(2))
    store.save(ETH, H1, [])
    assert store.pairs() == [BTC, ETH]
    assert len(store.load(ETH, M1)) == 1
    assert store.load(ETH, H1) == store.load(BTC, M1) == []


def test_a_candle_of_a_known_time_is_replaced(store: CandleStore, minutes: Series) -> None:
    [old] = minutes(1)
    new = Candle(old.opened_at, old.open, old.high, old.low, old.close, 99.0)
    store.save(BTC, M1, [old])
    store.save(BTC, M1, [new])
    assert store.load(BTC, M1) == [new]


def test_a_file_outlives_its_store(tmp_path: Path, minutes: Series) -> None:
    SqliteStore(tmp_path / "candles.db").save(BTC, M1, minutes(3))
    assert len(SqliteStore(tmp_path / "candles.db").load(BTC, M1)) == 3
