"""The trades of freqtrade's result, with their filled orders."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True, kw_only=True, slots=True)
class Order:
    """A filled order."""

    time: int  # seconds since the epoch
    amount: float  # in the base currency
    price: float  # in the quote currency
    is_entry: bool


@dataclass(frozen=True, kw_only=True, slots=True)
class Fill:
    """What an order changes."""

    time: int  # seconds since the epoch
    cash: float  # in the stake currency, fees taken off; what a long pays is negative
    amount: float  # of the position; negative where it becomes smaller


@dataclass(frozen=True, kw_only=True, slots=True)
class Trade:
    """A closed trade; rates are fractions, money is in the stake currency."""

    pair: str
    opened: int  # seconds since the epoch
    closed: int
    profit: float  # realised, after fees and funding
    profit_ratio: float  # of the stake
    is_short: bool
    leverage: float
    stake: float  # the largest
    fee_open: float
    fee_close: float
    funding: float  # received; negative where it was paid
    exit_reason: str
    orders: tuple[Order, ...]  # in the order of time

    @property
    def direction(self) -> int:
        """1 for a long trade, -1 for a short one."""
        return -1 if self.is_short else 1

    @property
    def fills(self) -> tuple[Fill, ...]:
        """What its orders change; a short sells on entry, and buys back on exit."""
        sign = self.direction
        found = []
        for order in self.orders:
            cost = order.amount * order.price
            if order.is_entry:
                cash, amount = -sign * cost * (1 + sign * self.fee_open), order.amount
            else:
                cash, amount = sign * cost * (1 - sign * self.fee_close), -order.amount
            found.append(Fill(time=order.time, cash=cash, amount=amount))
        return tuple(found)

    @property
    def fees(self) -> float:
        """Fees paid, in the stake currency."""
        return math.fsum(
            one.amount * one.price * (self.fee_open if one.is_entry else self.fee_close)
            for one in self.orders
        )

    @property
    def fault(self) -> str:
        """How its profit does not follow from its orders; empty if it does."""
        turnover = sum(order.amount * order.price for order in self.orders)
        largest = sum(order.amount for order in self.orders)
        if abs(sum(fill.amount for fill in self.fills)) > 1e-6 * largest:
            return f"the orders of a trade of {self.pair} do not close it"
        made = math.fsum([*(fill.cash for fill in self.fills), self.funding])
        if abs(made - self.profit) > 1e-6 + 1e-9 * turnover:  # freqtrade rounds to 1e-8
            return (
                f"the profit of a trade of {self.pair}, {self.profit:g}, does not follow from its "
                f"orders ({made:g})"
            )
        return ""


def trade_of(raw: Mapping[str, Any]) -> Trade:
    """Read a trade of freqtrade's result.

    Raises:
        KeyError, TypeError, ValueError: It is not as freqtrade writes it.
    """
    orders = [
        Order(
            time=int(order["order_filled_timestamp"]) // 1000,
            amount=number(order["amount"], "amount of an order"),
            price=number(order["safe_price"], "safe_price of an order"),
            is_entry=bool(order["ft_is_entry"]),
        )
        for order in raw["orders"]
    ]
    return Trade(
        pair=str(raw["pair"]),
        opened=int(raw["open_timestamp"]) // 1000,
        closed=int(raw["close_timestamp"]) // 1000,
        profit=number(raw["profit_abs"], "profit_abs of a trade"),
        profit_ratio=number(raw["profit_ratio"], "profit_ratio of a trade"),
        is_short=bool(raw["is_short"]),
        leverage=number(raw["leverage"], "leverage of a trade"),
        stake=number(raw["max_stake_amount"], "max_stake_amount of a trade"),
        fee_open=number(raw["fee_open"], "fee_open of a trade"),
        fee_close=number(raw["fee_close"], "fee_close of a trade"),
        funding=number(raw.get("funding_fees") or 0.0, "funding_fees of a trade"),
        exit_reason=str(raw["exit_reason"]),
        orders=tuple(sorted(orders, key=lambda order: order.time)),
    )


def number(value: Any, what: str) -> float:
    """Return a finite number; raise ValueError for any other value."""
    found = float(value)
    if not math.isfinite(found):
        raise ValueError(f"{what} is {found}")
    return found
