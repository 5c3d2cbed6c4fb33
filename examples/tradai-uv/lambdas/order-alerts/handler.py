"""Turns order events from a queue into messages for a chat.

Records that are no events fail on their own: the queue delivers only those again.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from typing import Any

from tradai.common.events import Event, EventFormatError

__all__ = ["handler"]

_WORDS = {
    "enter_long": "buys",
    "enter_short": "sells short",
    "exit_long": "closes its long position in",
    "exit_short": "closes its short position in",
}


def handler(batch: Mapping[str, Any], _context: object) -> dict[str, Any]:
    """Send a message for each planned order and return the records to be delivered again."""
    messages: list[str] = []
    failed: list[dict[str, str]] = []
    for record in batch.get("Records", []):
        try:
            event = Event.from_json(record["body"])
        except EventFormatError:
            failed.append({"itemIdentifier": record["messageId"]})
            continue
        if event.kind == "order.planned":
            messages.append(message_for(event))
    if messages:
        send(messages)
    return {"batchItemFailures": failed}


def message_for(event: Event) -> str:
    """Return a line that a person can read."""
    plan = event.payload
    does = _WORDS.get(str(plan.get("action")), "does something unknown with")
    quantity = plan.get("quantity")
    amount = f"{quantity} of " if quantity not in (None, "0") else ""
    risk = f", {plan['at_risk']} at risk" if plan.get("at_risk") else ""
    return f"{event.at:%H:%M} tradai {does} {amount}{plan.get('pair', 'an unknown pair')}{risk}"


def send(messages: list[str]) -> None:
    """Send messages to the chat's webhook; print them where none is set."""
    address = os.environ.get("ALERTS_WEBHOOK")
    if not address:
        print("\n".join(messages))
        return
    # A cold start that sends nothing should not pay for the HTTP stack.
    from tradai.common.http import JsonClient

    with JsonClient(address) as chat:
        chat.post("", {"text": "\n".join(messages)})
