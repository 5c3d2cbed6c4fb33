from collections.abc import Callable

import pytest

from tradai.common.timeframes import Timeframe
from tradai.data.candles import Candle
from tradai.data.resample import resample

M1, M5, M7 = Timeframe("1m"), Timeframe("5m"), Timeframe("7m")
Series = Callable[[int], list[Candle]]


def test_prices_and_volumes_are_merged(minutes: Series) -> None:
    first, second = resample(minutes(10), M1, M5)
    assert first == Candle(minutes(1)[0].opened_at, 100, 106, 99, 105, 5.0)
    assert second.opened_at - first.opened_at == M5.length
    assert second.open == 105


def test_an_open_candle_is_left_out_unless_wanted(minutes: Series) -> None:
    assert len(list(resample(minutes(8), M1, M5))) == 1
    assert len(list(resample(minutes(8), M1, M5, partial=True))) == 2
    assert list(resample([], M1, M5)) == []


def test_gaps_are_allowed(minutes: Series) -> None:
    candles = minutes(15)
    gappy = candles[:3] + candles[12:]
    assert [candle.volume for candle in resample(gappy, M1, M5)] == [3.0, 3.0]


def test_nonsense_is_refused(minutes: Series) -> None:
    with pytest.raises(ValueError, match="do not fill"):
        list(resample([], M5, M7))
    with pytest.raises(ValueError, match="out of order"):
        list(resample(minutes(3)[::-1], M1, M5))
