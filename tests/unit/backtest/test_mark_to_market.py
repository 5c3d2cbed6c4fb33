"""The account marked to market, held against a simulation that is written another way."""

from __future__ import annotations

import math
import random
from array import array
from dataclasses import replace
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest

from tests.support.ftresult import DAY, HOUR, asked, document, flat_prices, write_result
from tests.support.naive_account import naive_equity, naive_funding, naive_worth
from tradai_tasks.backtest.figures.equity_curve import curve_of
from tradai_tasks.backtest.figures.mark_to_market import mark_to_market
from tradai_tasks.backtest.figures.prices import PriceFile, Prices, read_prices
from tradai_tasks.backtest.figures.result import BacktestResult, read_result
from tradai_tasks.backtest.figures.trades import Order, Trade
from tradai_tasks.errors import BacktestResultError, CandlesError

START = 1_767_312_000  # 2026-01-02
CANDLES = 12 * 24
GRID = range(START, START + CANDLES * HOUR, HOUR)
FEE = 0.0005

KINDS = {
    "shorts": {"short": 0.6},
    "leverage": {"leverage": (1.0, 3.0, 10.0), "short": 0.3},
    "partial exits": {"orders": 6, "short": 0.5},
    "open at the end": {"to_end": True, "short": 0.5},
    "several pairs": {"pairs": ("A/U:U", "B/U:U", "C/U:U"), "orders": 4, "short": 0.5},
}


def walk(luck: random.Random) -> Prices:
    """Candles of a random walk, and funding of both signs every eight hours."""
    closes = [100.0]
    for _ in GRID[1:]:
        closes.append(closes[-1] * math.exp(luck.gauss(0, 0.01)))
    settled = [time for time in GRID if time % (8 * HOUR) == 0]
    payments = [luck.gauss(0, 0.01) for _ in settled]
    return Prices(times=GRID, closes=closes, settled=settled, payments=payments)


def generated(luck: random.Random, **options: Any) -> tuple[BacktestResult, dict[str, Prices]]:
    """A result with the trades that the options ask for, and its prices."""
    pairs = options.get("pairs", ("A/U:U",))
    prices = {pair: walk(luck) for pair in pairs}
    trades = []
    for pair in pairs:
        first = luck.randrange(1, 20)
        while first < CANDLES - 24:
            last = (
                CANDLES - 1
                if options.get("to_end") and first > CANDLES // 2
                else first + luck.randrange(20)
            )
            leverage = luck.choice(options.get("leverage", (1.0,)))
            orders = orders_between(luck, prices[pair], first, last, options.get("orders", 2))
            made = Trade(
                pair=pair,
                opened=orders[0].time,
                closed=GRID[last],
                profit=0,
                profit_ratio=0,
                is_short=luck.random() < options.get("short", 0.0),
                leverage=leverage,
                stake=100,
                fee_open=FEE,
                fee_close=2 * FEE,
                funding=0,
                exit_reason="x",
                orders=tuple(replace(one, amount=one.amount * leverage) for one in orders),
            )
            paid = float(naive_worth(made, prices[pair], None, HOUR))
            trades.append(
                replace(made, profit=paid, funding=float(naive_funding(made, prices[pair])))
            )
            first = last + luck.randrange(1, 6)
    result = BacktestResult(
        trades=tuple(sorted(trades, key=lambda trade: trade.closed)), start=START,
        end=START + CANDLES * HOUR, balance=10_000.0, currency="USDT", sharpe_closed_trades=1.0,
        profit_factor=1.0, further={}, conditions={},
    )  # fmt: skip
    return result, prices


def orders_between(
    luck: random.Random, prices: Prices, first: int, last: int, count: int
) -> list[Order]:
    """Entries and exits of any size, and the exit of all that is left."""
    found, held = [], 0.0
    for candle in [first, *sorted(luck.randint(first, last) for _ in range(count - 2))]:
        grows = luck.random() < 0.5 or not held
        amount = luck.uniform(0.1, 2) if grows else held * luck.uniform(0.1, 0.6)
        held += amount if grows else -amount
        price = prices.closes[candle] * luck.uniform(0.99, 1.01)
        found.append(Order(time=GRID[candle], amount=amount, price=price, is_entry=grows))
    price = prices.closes[last] * luck.uniform(0.99, 1.01)
    return [*found, Order(time=GRID[last], amount=held, price=price, is_entry=False)]


@pytest.mark.parametrize("kind", KINDS)
def test_the_account_is_that_of_a_naive_simulation(kind: str) -> None:
    options: Any = KINDS[kind]
    result, prices = generated(random.Random(kind), **options)
    assert len(result.trades) >= 10
    assert not [trade.fault for trade in result.trades if trade.fault]
    curve = mark_to_market(result, prices, HOUR)
    wanted = [result.balance, *naive_equity(result, prices, HOUR)]
    assert curve.times == (START, *(time + HOUR for time in GRID))
    assert curve.equity == pytest.approx(wanted, rel=1e-9, abs=1e-9)
    peak, deepest = 0.0, 0.0
    for value in wanted:
        peak = max(peak, value)
        deepest = max(deepest, (peak - value) / peak)
    assert -curve.drawdown[curve.deepest] == pytest.approx(deepest, abs=1e-9)
    days = wanted[24::24]
    returns = [later / earlier - 1 for earlier, later in pairwise(days)]
    mean = sum(returns) / len(returns)
    deviation = math.sqrt(sum((one - mean) ** 2 for one in returns) / len(returns))
    assert curve.ratio()[0] == pytest.approx(mean / deviation * math.sqrt(365), abs=1e-9)
    assert max(abs(one.funding) for one in result.trades) > 0
    assert "short" not in options or any(trade.is_short for trade in result.trades)
    assert "to_end" not in options or result.trades[-1].closed == GRID[-1]


def test_trades_that_close_in_their_own_candle_give_the_realised_curve() -> None:
    result, prices = generated(random.Random(1))
    closed = []
    for trade in result.trades:
        orders = tuple(replace(order, time=trade.closed) for order in trade.orders)
        closed.append(replace(trade, opened=trade.closed, orders=orders))
    curve = mark_to_market(replace(result, trades=tuple(closed)), prices, HOUR)
    realised, balance = [result.balance], result.balance
    for trade in closed:
        balance += trade.profit
        realised.append(balance)
    wanted = curve_of(range(len(realised)), realised)
    assert curve.drawdown[curve.deepest] == pytest.approx(wanted.drawdown[wanted.deepest])
    assert curve.equity[-1] == pytest.approx(balance)


def test_a_position_held_at_a_loss_is_in_drawdown_though_it_closes_with_a_gain(
    tmp_path: Path,
) -> None:
    result = read_result(write_result(tmp_path, {"MomentumBot": document([1.0])}), asked())
    held = result.trades[0]
    first, last = held.orders
    later = replace(last, time=last.time + DAY, amount=9.0)
    held = replace(held, closed=later.time, orders=(replace(first, amount=9.0), later))
    prices = flat_prices()["BTC/USDT:USDT"]
    fallen = [40.0 if 12 < n < 18 else 100.0 for n in range(len(prices.times))]
    curve = mark_to_market(
        replace(result, trades=(held,)), {held.pair: replace(prices, closes=fallen)}, HOUR
    )
    assert curve.drawdown[curve.deepest] == pytest.approx(-0.54)
    assert curve.times[curve.deepest] == prices.times[13] + HOUR
    assert curve.equity[-1] == result.balance + 1


@pytest.mark.parametrize("gone", [2, 5, CANDLES - 1])
def test_a_missing_candle_of_a_held_position_is_an_error(gone: int) -> None:
    result, prices = generated(random.Random(2))
    trade = replace(
        result.trades[0], opened=GRID[2], closed=GRID[-1],
        orders=(Order(time=GRID[2], amount=1, price=100, is_entry=True),
                Order(time=GRID[-1], amount=1, price=100, is_entry=False)),
    )  # fmt: skip
    whole = prices["A/U:U"]
    lacking = Prices(
        times=[time for n, time in enumerate(GRID) if n != gone],
        closes=[close for n, close in enumerate(whole.closes) if n != gone],
    )
    with pytest.raises(CandlesError, match=r"A/U:U: no candle at 2026-.* a position is held"):
        mark_to_market(replace(result, trades=(trade,)), {"A/U:U": lacking}, HOUR)
    with pytest.raises(CandlesError, match="A/U:U: no candle"):
        mark_to_market(replace(result, trades=(trade,)), {}, HOUR)


def test_candles_that_are_missing_while_nothing_is_held_are_no_error() -> None:
    result, _ = generated(random.Random(3))
    trade = replace(
        result.trades[0], opened=GRID[2], closed=GRID[4],
        orders=(Order(time=GRID[2], amount=1, price=100, is_entry=True),
                Order(time=GRID[4], amount=1, price=100, is_entry=False)),
    )  # fmt: skip
    prices = Prices(times=[*GRID[:5], *GRID[9:]], closes=[100.0] * (CANDLES - 4))
    curve = mark_to_market(replace(result, trades=(trade,)), {"A/U:U": prices}, HOUR)
    assert len(curve.times) == CANDLES - 3


def test_months_are_of_different_lengths() -> None:
    month = 30 * DAY
    times = [1_767_225_600, 1_769_904_000, 1_772_323_200]  # January to March 2026
    result, _ = generated(random.Random(4))
    trade = replace(
        result.trades[0], opened=times[0], closed=times[2],
        orders=(Order(time=times[0], amount=1, price=100, is_entry=True),
                Order(time=times[2], amount=1, price=100, is_entry=False)),
    )  # fmt: skip
    year = replace(result, trades=(trade,), start=times[0], end=times[2] + month)
    curve = mark_to_market(year, {"A/U:U": Prices(times=times, closes=[90.0, 80.0, 70.0])}, month)
    assert len(curve.equity) == 4
    assert curve.equity[2] < curve.equity[1] < curve.equity[0]


@pytest.mark.parametrize(
    ("changed", "said"),
    [
        ({"profit_abs": 11.0}, "the profit of a trade of BTC/USDT:USDT, 11, does not follow"),
        ({"funding_fees": -3.0}, "does not follow from its orders (7)"),
        ({"orders": []}, "does not follow from its orders (0)"),
    ],
)
def test_a_trade_that_contradicts_its_orders_is_refused(
    tmp_path: Path, changed: dict[str, Any], said: str
) -> None:
    raw = document([10.0, -4.0])
    raw["trades"][0] |= changed
    with pytest.raises(BacktestResultError) as caught:
        read_result(write_result(tmp_path, {"MomentumBot": raw}), asked())
    assert said in str(caught.value)


def test_an_order_that_leaves_a_position_open_is_refused(tmp_path: Path) -> None:
    raw = document([10.0, -4.0])
    raw["trades"][0]["orders"][1]["amount"] = 0.5
    with pytest.raises(BacktestResultError, match=r"the orders of a trade of .* do not close it"):
        read_result(write_result(tmp_path, {"MomentumBot": raw}), asked())


def test_prices_are_read_as_they_were_written_and_a_cut_file_is_refused(tmp_path: Path) -> None:
    file = PriceFile(pair="A/U", file="a.bin", candles=2, settlements=1)
    content = array("q", [1, 2]).tobytes() + array("d", [3.5, 4.5]).tobytes()
    content += array("q", [1]).tobytes() + array("d", [0.25]).tobytes()
    (tmp_path / "a.bin").write_bytes(content)
    prices = read_prices([file], tmp_path)["A/U"]
    assert (list(prices.times), list(prices.closes)) == ([1, 2], [3.5, 4.5])
    assert (list(prices.settled), list(prices.payments)) == ([1], [0.25])
    (tmp_path / "a.bin").write_bytes(content[:-1])
    with pytest.raises(BacktestResultError, match=r"A/U: a.bin has 47 bytes of prices, not 48"):
        read_prices([file], tmp_path)
