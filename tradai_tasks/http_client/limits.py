"""Limits of an HTTP response: time, bytes and values of a JSON document."""

from __future__ import annotations

import threading
import time
from dataclasses import dataclass, field
from typing import Any

from tradai_tasks.errors import StoppedError
from tradai_tasks.http_client.retry import TransientError

MEGABYTE = 1024 * 1024
_MOST_VALUES = 1_000_000  # of a JSON document
_OTHER_BYTES = MEGABYTE  # that an answer may have beside its body: headers, framing


class AnswerError(Exception):
    """A response or an address that is refused without a retry; callers raise their own error."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Limits:
    """Limits of one response."""

    idle: float = 30.0  # seconds without a byte
    whole: float = 120.0  # seconds until it is whole, from the request on
    most: int = 16 * MEGABYTE  # bytes of its body, decompressed


@dataclass(kw_only=True, slots=True)
class Clock:
    """Time and bytes that one request has left; every wait on the network checks it."""

    limits: Limits
    stop: threading.Event | None = None
    started: float = field(default_factory=time.monotonic)
    received: int = 0

    def left(self, wanted: float | None) -> float:
        """Return how long the next wait may take, in seconds; raise if the request must stop.

        Raises:
            AnswerError: The time is over, and a part of the answer is there.
            TransientError: The time is over, and nothing is there.
            StoppedError: It was stopped.
        """
        if self.stop is not None and self.stop.is_set():
            raise StoppedError("a request was stopped")
        left = self.remaining
        if left <= 0:
            raise self.fault()
        return max(0.001, min(left, self.limits.idle if wanted is None else wanted))

    @property
    def remaining(self) -> float:
        """Seconds until the answer must be whole; not above 0 once that time is over."""
        return self.started + self.limits.whole - time.monotonic()

    def fault(self) -> Exception:
        """Return the error for an answer that is not whole in time."""
        if self.received:
            return AnswerError(f"answers too slowly: not whole after {self.limits.whole:g} s")
        return TransientError(f"no answer after {self.limits.whole:g} s", kind="ReadTimeout")

    def got(self, count: int) -> None:
        """Count received bytes; raise AnswerError if there are more than any answer may have."""
        self.received += count
        if self.received > self.limits.most + _OTHER_BYTES:
            raise AnswerError(f"answers with more than {self.limits.most / MEGABYTE:g} MB")


def parsed_json(content: bytes) -> Any:
    """Parse a JSON document with limits on depth and values; raise ValueError if it is none."""
    import msgspec  # noqa: PLC0415 - only where a server is asked

    if sum(map(content.count, (b",", b"[", b"{"))) > _MOST_VALUES:
        raise ValueError(f"JSON of more than {_MOST_VALUES} values")
    try:
        return msgspec.json.decode(content)
    except RecursionError:
        raise ValueError("JSON that is nested too deeply") from None
    except (msgspec.MsgspecError, UnicodeDecodeError) as error:
        raise ValueError(f"broken JSON: {error}") from None
