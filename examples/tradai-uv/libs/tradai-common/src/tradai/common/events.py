"""Events: what happened, how it travels, and who wants to know."""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from tradai.common.clock import Clock, SystemClock
from tradai.common.ids import new_id

__all__ = ["Event", "EventBus", "EventFormatError", "new_event"]


class EventFormatError(ValueError):
    """A text is no event."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Event:
    """Something that happened.

    Attributes:
        id: Unique, and sortable by time.
        kind: What happened, such as `candles.collected`.
        at: When, in UTC.
        payload: Further facts, as JSON allows them.
    """

    id: str
    kind: str
    at: datetime
    payload: Mapping[str, Any] = field(default_factory=dict)

    def to_json(self) -> str:
        """Return the wire format."""
        document = {"id": self.id, "kind": self.kind, "at": self.at.isoformat()}
        return json.dumps({**document, "payload": dict(self.payload)}, separators=(",", ":"))

    @classmethod
    def from_json(cls, text: str) -> Event:
        """Read the wire format.

        Raises:
            EventFormatError: The text is no event.
        """
        try:
            document = json.loads(text)
            at = datetime.fromisoformat(document["at"])
            payload = dict(document.get("payload", {}))
            event = cls(id=document["id"], kind=document["kind"], at=at, payload=payload)
        except (ValueError, KeyError, TypeError) as error:
            raise EventFormatError(f"no event: {error}") from error
        if at.tzinfo is None:
            raise EventFormatError("no event: its time has no zone")
        return event


def new_event(kind: str, payload: Mapping[str, Any], *, clock: Clock | None = None) -> Event:
    """Return an event of now."""
    at = (clock or SystemClock()).now()
    return Event(id=new_id("evt", at), kind=kind, at=at, payload=payload)


class EventBus:
    """Hands events to whoever subscribed, in this process, in the order of subscription."""

    def __init__(self) -> None:
        """Begin with no subscribers."""
        self._handlers: defaultdict[str, list[Callable[[Event], None]]] = defaultdict(list)

    def subscribe(self, kind: str, handler: Callable[[Event], None]) -> None:
        """Call a handler for every event of a kind; `*` stands for all kinds."""
        self._handlers[kind].append(handler)

    def publish(self, event: Event) -> int:
        """Hand an event over and return how many took it."""
        handlers = [*self._handlers.get(event.kind, []), *self._handlers.get("*", [])]
        for handler in handlers:
            handler(event)
        return len(handlers)
