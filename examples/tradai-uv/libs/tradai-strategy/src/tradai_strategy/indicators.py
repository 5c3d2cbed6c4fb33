"""Indicators on columns of candles.

Each value comes from its own row and earlier ones, so backtests and live trading see the same.
The functions only call methods of what they are given: nothing here imports pandas.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pandas import DataFrame, Series

__all__ = ["atr", "donchian_high", "donchian_low", "ema", "returns", "rsi", "volatility"]


def ema(values: Series[float], span: int) -> Series[float]:
    """Return the exponential moving average, empty until `span` values are there."""
    return values.ewm(span=span, adjust=False, min_periods=span).mean()


def returns(close: Series[float]) -> Series[float]:
    """Return the change from one close to the next, as a fraction."""
    return close / close.shift(1) - 1


def volatility(close: Series[float], window: int) -> Series[float]:
    """Return the standard deviation of the last returns, as a fraction."""
    return returns(close).rolling(window).std()


def rsi(close: Series[float], period: int = 14) -> Series[float]:
    """Return Wilder's relative strength index, 0 to 100; 50 where the price did not move."""
    change = close.diff()
    gain = change.clip(lower=0).ewm(alpha=1 / period, min_periods=period).mean()
    loss = (-change).clip(lower=0).ewm(alpha=1 / period, min_periods=period).mean()
    share = gain / (gain + loss)
    # 0 / 0: neither gains nor losses, though there are enough candles.
    return share.mask((gain + loss) == 0, 0.5) * 100


def atr(candles: DataFrame, period: int = 14) -> Series[float]:
    """Return Wilder's average true range, in units of the price."""
    before = candles["close"].shift(1)
    spans = candles["high"] - candles["low"]
    up = (candles["high"] - before).abs()
    down = (candles["low"] - before).abs()
    # The first row has no close before it: comparing with nothing is false and keeps its span.
    true_range = spans.mask(up > spans, up)
    true_range = true_range.mask(down > true_range, down)
    return true_range.ewm(alpha=1 / period, min_periods=period).mean()


def donchian_high(candles: DataFrame, window: int) -> Series[float]:
    """Return the highest price of the candles before each one."""
    return candles["high"].rolling(window).max().shift(1)


def donchian_low(candles: DataFrame, window: int) -> Series[float]:
    """Return the lowest price of the candles before each one."""
    return candles["low"].rolling(window).min().shift(1)
