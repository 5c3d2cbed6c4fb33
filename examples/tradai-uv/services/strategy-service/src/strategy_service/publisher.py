"""Where plans go."""

from __future__ import annotations

import importlib
import json
from typing import TextIO

from strategy_service.planner import OrderPlan

__all__ = ["write_event", "write_plan"]


def write_plan(plan: OrderPlan, stream: TextIO) -> None:
    """Write a plan as a bare JSON object."""
    stream.write(json.dumps(plan.to_dict()) + "\n")


def write_event(plan: OrderPlan, stream: TextIO) -> None:
    """Write a plan as an event."""
    # By name, since a service that publishes nothing should run without the events module.
    events = importlib.import_module("tradai.common.events")
    event = events.new_event("order.planned", plan.to_dict())
    stream.write(event.to_json() + "\n")
