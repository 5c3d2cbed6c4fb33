"""Value an account at the close of every candle, with its open positions.

freqtrade's own figures are of realised profits: a position that is held at a loss does not count
until it is closed. Here a trade counts from its first filled order. While it is open it is worth
what closing it at the candle's close price p would leave, as freqtrade computes the profit of an
open trade (`LocalTrade.calculate_profit` and `_calc_open_trade_value`, persistence/trade_model.py):

    long:   sum(exits * (1 - fee_close)) - sum(entries * (1 + fee_open))
            + amount * p * (1 - fee_close) + funding
    short:  sum(entries * (1 - fee_open)) - sum(exits * (1 + fee_close))
            - amount * p * (1 + fee_close) + funding

Entries and exits are amount times price of the filled orders; amount is what they leave open. So
partial exits and added entries need no rule of their own, and leverage is in the amounts. Funding
is of each settlement between two fills, both included, as in `Exchange.calculate_funding_fees`: its
rate times the mark price times the amount, paid by longs and received by shorts.

A closed trade counts by freqtrade's `profit_abs`, so the account ends at freqtrade's final balance,
also where freqtrade counts a settlement otherwise (two exits of a trade in the candle of one).
Fills count at the close of the candle that they happen in.
"""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from datetime import UTC, datetime
from itertools import accumulate, pairwise

from tradai_tasks.backtest.figures.equity_curve import Curve, curve_of
from tradai_tasks.backtest.figures.prices import Prices
from tradai_tasks.backtest.figures.result import BacktestResult
from tradai_tasks.backtest.figures.trades import Fill, Trade
from tradai_tasks.errors import CandlesError

_SHORTEST_MONTH, _LONGEST_MONTH = 28 * 86_400, 31 * 86_400  # seconds


def mark_to_market(result: BacktestResult, prices: Mapping[str, Prices], step: int) -> Curve:
    """Return the account at the start, and at the close of each candle of `step` seconds.

    Raises:
        CandlesError: A candle is missing while a position is held.
    """
    grid = sorted(
        {time for one in prices.values() for time in one.times if result.start <= time < result.end}
    )
    place = {time: n for n, time in enumerate(grid)}
    realised, unrealised, exposure = ([0.0] * len(grid) for _ in range(3))
    for trade in result.trades:
        for time, value, position in _while_open(trade, prices.get(trade.pair, _NONE), step):
            unrealised[place[time]] += value
            exposure[place[time]] += position
        realised[bisect_right(grid, trade.closed) - 1] += trade.profit
    balance = list(accumulate(realised, initial=result.balance))[1:]
    equity = [one + other for one, other in zip(balance, unrealised, strict=True)]
    curve = curve_of((result.start, *(time + step for time in grid)), (result.balance, *equity))
    return replace(
        curve, exposure=(0.0, *exposure), held=_buy_and_hold(result.balance, prices, grid)
    )


def _buy_and_hold(
    balance: float, prices: Mapping[str, Prices], grid: Sequence[int]
) -> tuple[float, ...]:
    """Return what equal parts of the balance are worth, each put into a pair at its first close."""
    growth = [0.0] * len(grid)
    for one in prices.values():
        here = first = 0.0
        closes = dict(zip(one.times, one.closes, strict=True))
        for n, time in enumerate(grid):
            here = closes.get(time, here)
            first = first or here
            growth[n] += here / first if first else 1.0
    return (balance, *(balance * one / len(prices) for one in growth))


def _while_open(trade: Trade, prices: Prices, step: int) -> Iterator[tuple[int, float, float]]:
    """Yield each candle at whose close a trade is open, its worth then, and its position's."""
    events = sorted([*trade.fills, *_funding(trade, prices)], key=lambda event: event.time)
    unit = trade.direction * (1 - trade.direction * trade.fee_close)  # what closing brings
    reach = step if step < _SHORTEST_MONTH else _LONGEST_MONTH
    cash = amount = 0.0
    done, here = 0, bisect_right(prices.times, trade.opened) - 1
    moment = trade.opened  # a candle must cover it
    while True:
        if not 0 <= here < len(prices.times) or not 0 <= moment - prices.times[here] < reach:
            when = datetime.fromtimestamp(moment // step * step, UTC)
            raise CandlesError(
                f"{trade.pair}: no candle at {when:%Y-%m-%d %H:%M} UTC, while a position is held: "
                f"what it is worth then is unknown; fetch the candle, or leave out the pair"
            )
        time = prices.times[here]
        later = prices.times[here + 1] if here + 1 < len(prices.times) else time + reach + 1
        moment = later if later - time <= reach else time + step
        if trade.closed < moment:
            return
        while done < len(events) and events[done].time < moment:
            cash += events[done].cash
            amount += events[done].amount
            done += 1
        value = amount * prices.closes[here]
        yield time, cash + unit * value, value
        here += 1


def _funding(trade: Trade, prices: Prices) -> Iterator[Fill]:
    """Yield the funding of a trade; a settlement at a fill counts before and after it."""
    amount = 0.0
    for fill, following in pairwise(trade.fills):
        amount += fill.amount
        first = bisect_left(prices.settled, fill.time)
        for n in range(first, bisect_right(prices.settled, following.time)):
            paid = trade.direction * prices.payments[n] * amount
            yield Fill(time=prices.settled[n], cash=-paid, amount=0.0)


_NONE = Prices(times=(), closes=())
