"""Benchmarks of what runs for every candle; `nox -s perf` compares them with the merge base."""

from collections.abc import Callable
from pathlib import Path

import pytest
from pytest_benchmark.fixture import BenchmarkFixture

from tradai.common.pairs import Pair
from tradai.common.timeframes import Timeframe
from tradai.data.candles import Candle
from tradai.data.resample import resample
from tradai.data.storage import SqliteStore

BTC = Pair.parse("BTC/USDT:USDT")
M1, H1 = Timeframe("1m"), Timeframe("1h")
DAY = 24 * 60

# Short, since these are among the unit tests too; `perf` compares medians, which settle soon.
pytestmark = pytest.mark.benchmark(max_time=0.3)


@pytest.fixture(scope="module")
def day(minutes: Callable[[int], list[Candle]]) -> list[Candle]:
    return minutes(DAY)


def test_resample_a_day(benchmark: BenchmarkFixture, day: list[Candle]) -> None:
    hours = benchmark(lambda: list(resample(day, M1, H1)))
    assert len(hours) == 24


def test_read_the_rows_of_a_day(benchmark: BenchmarkFixture, day: list[Candle]) -> None:
    rows = [candle.to_row() for candle in day]
    candles = benchmark(lambda: [Candle.from_row(row) for row in rows])
    assert candles == day


def test_load_a_day(benchmark: BenchmarkFixture, day: list[Candle], tmp_path: Path) -> None:
    store = SqliteStore(tmp_path / "candles.db")
    store.save(BTC, M1, day)
    assert len(benchmark(store.load, BTC, M1)) == DAY
