"""From a signal to an order."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from datetime import datetime
from decimal import Decimal
from typing import Literal

from tradai.common.ids import client_order_id
from tradai.common.money import Money, floor_to_step
from tradai_strategy.protocols import RiskLimits
from tradai_strategy.sizing import stake_for

__all__ = ["Action", "OrderPlan", "plan_order"]

Action = Literal["enter_long", "enter_short", "exit_long", "exit_short"]


@dataclass(frozen=True, kw_only=True, slots=True)
class OrderPlan:
    """An order that has not been sent.

    Attributes:
        id: The client order id: the same signal always has the same.
        pair: What is traded.
        action: What the signal asks for.
        quantity: Units of the base currency; 0 for an exit, which closes all there is.
        stop: Price at which the position is closed; None for an exit.
        at_risk: What is lost there, rounded, with its currency; None for an exit.
    """

    id: str
    pair: str
    action: Action
    quantity: Decimal
    stop: Decimal | None = None
    at_risk: str | None = None

    def to_dict(self) -> dict[str, str | None]:
        """Return the plan for JSON: decimals as text, so that no digit is lost."""
        plan = asdict(self)
        return {name: None if value is None else str(value) for name, value in plan.items()}


def plan_order(
    strategy: str,
    pair: str,
    action: Action,
    *,
    at: datetime,
    price: Decimal,
    equity: Money,
    limits: RiskLimits,
    step: Decimal,
) -> OrderPlan | None:
    """Return the order for a signal, or None where the account is too small for one step.

    Args:
        strategy: The strategy's name.
        pair: What is traded.
        action: What the signal asks for.
        at: When the candle opened that gave the signal.
        price: The price that the order is sized for.
        equity: What the account is worth.
        limits: What the strategy may lose.
        step: Smallest difference between two order sizes.
    """
    identifier = client_order_id(strategy, pair, at)
    if action in ("exit_long", "exit_short"):
        return OrderPlan(id=identifier, pair=pair, action=action, quantity=Decimal(0))
    stake = Decimal(str(stake_for(float(equity.amount), limits)))
    quantity = floor_to_step(stake / price, step)
    if not quantity:
        return None
    distance = price * Decimal(str(limits.stop_loss))
    return OrderPlan(
        id=identifier,
        pair=pair,
        action=action,
        quantity=quantity,
        stop=price - distance if action == "enter_long" else price + distance,
        at_risk=str(Money(quantity * distance, equity.currency)),
    )
