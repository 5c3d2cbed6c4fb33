from collections.abc import Callable

import numpy as np
import pandas as pd
import pytest

from tradai_strategy import indicators


def candles(closes: list[float]) -> pd.DataFrame:
    close = pd.Series(closes, dtype=float)
    return pd.DataFrame({"high": close + 1, "low": close - 1, "close": close})


def test_ema_waits_then_follows() -> None:
    result = indicators.ema(pd.Series([1.0, 2.0, 3.0, 4.0]), 3)
    assert result.isna().tolist() == [True, True, False, False]
    assert result.iloc[-1] == pytest.approx(3.125)


@pytest.mark.parametrize(
    ("closes", "expected"),
    [([float(n) for n in range(1, 40)], 100), ([float(n) for n in range(40, 1, -1)], 0)],
)
def test_rsi_knows_its_ends(closes: list[float], expected: float) -> None:
    assert indicators.rsi(pd.Series(closes)).iloc[-1] == pytest.approx(expected)


def test_rsi_of_a_price_that_stands_still_is_in_the_middle() -> None:
    result = indicators.rsi(pd.Series([5.0] * 30))
    assert result.iloc[-1] == 50
    assert np.isnan(result.iloc[5])


def test_atr_counts_jumps_between_candles() -> None:
    calm = indicators.atr(candles([10.0] * 30), 5)
    assert calm.iloc[-1] == pytest.approx(2.0)
    jumpy = indicators.atr(candles([10.0, 20.0] * 15), 5)
    assert 10 < jumpy.iloc[-1] <= 11


def test_volatility_is_of_returns() -> None:
    close = pd.Series([100.0, 101.0, 99.99])
    assert indicators.returns(close).round(6).tolist()[1:] == [0.01, -0.01]
    assert indicators.volatility(close, 2).iloc[-1] == pytest.approx(0.01 * 2**0.5)


def test_the_channel_leaves_out_the_candle_itself() -> None:
    frame = candles([1.0, 5.0, 3.0, 9.0])
    assert indicators.donchian_high(frame, 2).iloc[-1] == 6
    assert indicators.donchian_low(frame, 2).iloc[-1] == 2


def test_nothing_looks_ahead() -> None:
    frame = candles(list(np.linspace(10, 20, 40) + np.sin(np.arange(40))))
    all_of_them: list[Callable[[pd.DataFrame], pd.Series[float]]] = [
        lambda f: indicators.ema(f["close"], 5),
        lambda f: indicators.rsi(f["close"], 5),
        lambda f: indicators.atr(f, 5),
        lambda f: indicators.donchian_high(f, 5),
    ]
    for indicator in all_of_them:
        whole, part = indicator(frame), indicator(frame.iloc[:30])
        pd.testing.assert_series_equal(whole.iloc[:30], part)
