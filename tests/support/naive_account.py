"""An account simulated the slow way: each trade anew at each candle, by its average entry price.

What the real module must agree with, and written so as to share nothing with it: exact decimals,
freqtrade's way of averaging entries (`LocalTrade.recalc_trade_from_orders`), no running sums.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from decimal import Decimal
from itertools import pairwise

from tradai_tasks.backtest.figures.prices import Prices
from tradai_tasks.backtest.figures.result import BacktestResult
from tradai_tasks.backtest.figures.trades import Trade

__all__ = ["naive_equity", "naive_funding", "naive_worth"]


def naive_worth(trade: Trade, prices: Prices, candle: int | None, step: int) -> Decimal:
    """What a trade has made by the close of a candle, by its average entry; None: in the end."""
    until = trade.closed + 1 if candle is None else prices.times[candle] + step
    sign = Decimal(-1 if trade.is_short else 1)
    held = average = made = Decimal(0)
    for order in trade.orders:
        if order.time >= until:
            break
        amount, price = Decimal(order.amount), Decimal(order.price)
        if order.is_entry:
            average = (average * held + price * amount) / (held + amount)
            held += amount
            made -= amount * price * Decimal(trade.fee_open)
        else:
            made += sign * (price - average) * amount - amount * price * Decimal(trade.fee_close)
            held -= amount
    if candle is not None and held:
        close = Decimal(prices.closes[candle])
        made += sign * (close - average) * held - held * close * Decimal(trade.fee_close)
    return made + naive_funding(trade, prices, until)


def naive_funding(trade: Trade, prices: Prices, until: float = math.inf) -> Decimal:
    """What a trade has received: each settlement between two fills, both included."""
    total, held = Decimal(0), Decimal(0)
    for here, following in pairwise(trade.orders):
        held += Decimal(here.amount) * (1 if here.is_entry else -1)
        for time, payment in zip(prices.settled, prices.payments, strict=True):
            if here.time <= time <= following.time and time < until:
                total += Decimal(payment) * held * (1 if trade.is_short else -1)
    return total


def naive_equity(result: BacktestResult, prices: Mapping[str, Prices], step: int) -> list[float]:
    """Return the equity at the close of each candle; all pairs have the same candles."""
    found = []
    for candle, time in enumerate(next(iter(prices.values())).times):
        equity = Decimal(result.balance)
        for trade in result.trades:
            if trade.closed < time + step:
                equity += Decimal(trade.profit)
            elif trade.opened < time + step:
                equity += naive_worth(trade, prices[trade.pair], candle, step)
        found.append(float(equity))
    return found
