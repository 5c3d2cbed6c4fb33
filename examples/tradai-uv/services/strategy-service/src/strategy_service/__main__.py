"""Plan orders on the newest candles: `python -m strategy_service`."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator

from strategy_service.feed import fetch_rows, to_frame
from strategy_service.loader import load_strategy
from strategy_service.planner import OrderPlan, plan_order
from strategy_service.publisher import write_event, write_plan
from strategy_service.runner import newest_signal
from strategy_service.settings import Settings, load_settings
from tradai.common.http import JsonClient
from tradai.common.money import Money
from tradai.common.retry import RetryPolicy
from tradai_strategy.protocols import Strategy

_HISTORY = 500  # candles


def plans(settings: Settings, strategy: Strategy, api: JsonClient) -> Iterator[OrderPlan]:
    """Yield an order for each pair whose newest candle gives a signal."""
    for pair in settings.pairs:
        rows = fetch_rows(api, pair, strategy.timeframe, limit=_HISTORY)
        signal = newest_signal(strategy, to_frame(rows)) if rows else None
        if signal is None:
            continue
        plan = plan_order(
            strategy.name,
            pair,
            signal.action,
            at=signal.at,
            price=signal.price,
            equity=Money(settings.equity, "USDT"),
            limits=strategy.risk(),
            step=settings.step,
        )
        if plan is not None:
            yield plan


def main() -> None:
    """Make one round."""
    settings = load_settings(os.environ)
    strategy = load_strategy(settings.path)
    write = write_event if settings.publish else write_plan
    # A plan from old candles is worse than none: give up soon.
    with JsonClient(settings.backend_url, policy=RetryPolicy(attempts=2)) as api:
        for plan in plans(settings, strategy, api):
            write(plan, sys.stdout)


if __name__ == "__main__":
    main()
