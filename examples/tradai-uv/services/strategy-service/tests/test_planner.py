import io
import json
from datetime import UTC, datetime
from decimal import Decimal
from unittest import mock

import pytest

from strategy_service.planner import Action, OrderPlan, plan_order
from strategy_service.publisher import write_event, write_plan
from tradai.common.money import Money
from tradai_strategy.protocols import RiskLimits

LIMITS = RiskLimits(stop_loss=0.05, risk_per_trade=0.01)
AT = datetime(2026, 1, 1, tzinfo=UTC)


def plan(action: Action = "enter_long", *, equity: int = 10_000) -> OrderPlan | None:
    return plan_order(
        "cross",
        "BTC/USDT:USDT",
        action,
        at=AT,
        price=Decimal(60_000),
        equity=Money(Decimal(equity), "USDT"),
        limits=LIMITS,
        step=Decimal("0.001"),
    )


@pytest.mark.parametrize(("action", "stop"), [("enter_long", 57_000), ("enter_short", 63_000)])
def test_an_entry_risks_what_the_limits_allow(action: Action, stop: int) -> None:
    order = plan(action)
    assert order is not None
    assert order.quantity == Decimal("0.033")  # 2000 USDT, cut to the step
    assert order.stop == stop
    assert order.at_risk == "99.00 USDT"


def test_an_exit_closes_all_there_is() -> None:
    order = plan("exit_long")
    assert order is not None
    assert order.quantity == 0
    assert order.stop is None
    assert order.at_risk is None


def test_a_small_account_gets_no_order() -> None:
    assert plan(equity=100) is None


def test_the_same_signal_has_the_same_id() -> None:
    assert plan() == plan()


def test_plans_are_written_digit_by_digit() -> None:
    order, stream = plan(), io.StringIO()
    assert order is not None
    write_plan(order, stream)
    assert json.loads(stream.getvalue())["quantity"] == "0.033"


def test_events_are_written_as_their_module_has_it() -> None:
    order, stream = plan(), io.StringIO()
    assert order is not None
    with mock.patch("tradai.common.events.new_id", return_value="evt_1"):
        write_event(order, stream)
    event = json.loads(stream.getvalue())
    assert (event["id"], event["kind"]) == ("evt_1", "order.planned")
    assert event["payload"]["pair"] == "BTC/USDT:USDT"
