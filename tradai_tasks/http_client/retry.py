"""Retry policy of all requests: back-off, jitter, Retry-After and a deadline.

A temporary failure is tried again until tries or patience run out; all else is an error at once.
"""

from __future__ import annotations

import datetime as dt
import email.utils
import math
import random
import re
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from time import sleep
from typing import TYPE_CHECKING, TypeVar

from tradai_tasks.errors import StoppedError

if TYPE_CHECKING:
    import httpx
    from tenacity import RetryCallState

TRIES = 6
TRANSIENT = frozenset({408, 425, 429, 500, 502, 503, 504})  # HTTP statuses that may pass
_FIRST, _LONGEST = 0.5, 16.0  # seconds between two tries: the first wait, and the most of its own
_LONGEST_ASKED = 60.0  # seconds that a server may ask to be left alone
_JITTER = 0.25  # of a wait, so that jobs which failed together do not come again together
_SECONDS = re.compile(r"[0-9]{1,9}\Z", re.ASCII)
_DATE = 64  # characters, more than any date has

# Seconds that one request may take and be retried for; None where that is for its caller to say.
_HASTE: ContextVar[float | None] = ContextVar("tradai_tasks_haste", default=None)
_T = TypeVar("_T")


class TransientError(Exception):
    """A temporary failure, which becomes an error when no tries are left."""

    def __init__(self, what: str, *, wait: float = 0.0, kind: str = "") -> None:
        super().__init__(what)
        self.wait = wait  # seconds for which the server asked to be left alone
        self.kind = kind or what  # what a short message calls it


@contextmanager
def in_haste(seconds: float) -> Iterator[None]:
    """Wait for no server longer than some seconds: for a look that a person waits for."""
    before = _HASTE.set(seconds)
    try:
        yield
    finally:
        _HASTE.reset(before)


def hurried(seconds: float) -> float:
    """Return how long a server may be waited for, where by itself it may be some seconds."""
    haste = _HASTE.get()
    return seconds if haste is None else min(seconds, haste)


def is_in_haste() -> bool:
    """Return whether no server is waited for longer than a few seconds."""
    return _HASTE.get() is not None


def retried(
    action: Callable[[], _T],
    *,
    tries: int | None = None,
    patience: float | None = None,
    stop: threading.Event | None = None,
) -> _T:
    """Call an action until it does not raise `TransientError`, with exponential back-off.

    There are at most `tries` calls, `TRIES` if no `patience` is given either: seconds in which to
    go on trying; no wait is longer than what is left of them.

    Raises:
        TransientError: The last try failed too.
        StoppedError: `stop` was set: no further try is made, and a wait ends at once.
    """
    import tenacity  # noqa: PLC0415 - of the extras `release` and `backtest`

    if tries is None and patience is None:
        tries = TRIES
    if is_in_haste():
        patience = hurried(math.inf if patience is None else patience)
    deadline = patience
    stops: list[tenacity.stop.stop_base] = []
    stops += [tenacity.stop_after_attempt(tries)] if tries is not None else []
    stops += [tenacity.stop_after_delay(patience)] if patience is not None else []

    def wait(state: RetryCallState) -> float:
        fault = state.outcome.exception() if state.outcome else None
        asked = min(fault.wait, _LONGEST_ASKED) if isinstance(fault, TransientError) else 0.0
        own: float = min(_FIRST * 2.0 ** min(state.attempt_number - 1, 10), _LONGEST)
        own *= 1 + random.random() * _JITTER  # noqa: S311 - nothing secret
        if deadline is None:
            return max(asked, own)
        return min(max(asked, own), max(0.0, deadline - (state.seconds_since_start or 0.0)))

    retrying = tenacity.Retrying(
        stop=tenacity.stop_any(*stops),
        retry=tenacity.retry_if_exception_type(TransientError),
        wait=wait,
        sleep=pause(stop),
        reraise=True,
    )
    return retrying(action)


def pause(stop: threading.Event | None) -> Callable[[float], None]:
    """Return a function that waits some seconds; `stop` ends a wait with a StoppedError."""

    def paused(seconds: float) -> None:
        if stop is None:
            sleep(seconds)
        elif stop.wait(seconds):
            raise StoppedError("stopped before the next try")

    return paused


def raise_transient(answer: httpx.Response, what: str) -> None:
    """Raise TransientError for a response with a status that may pass; `what` says which."""
    if answer.status_code in TRANSIENT:
        raise TransientError(what, wait=seconds_asked_for(answer.headers))


def seconds_asked_for(headers: Mapping[str, str], *, now: float | None = None) -> float:
    """Return the seconds of a Retry-After header (RFC 9110, 10.2.3); 0 if there are none."""
    text = headers.get("Retry-After", "").strip()
    if _SECONDS.match(text):
        return float(text)
    if len(text) > _DATE:
        return 0.0
    try:
        moment = email.utils.parsedate_to_datetime(text)
        if moment.tzinfo is None:
            moment = moment.replace(tzinfo=dt.UTC)
        return max(0.0, moment.timestamp() - (time.time() if now is None else now))
    except (ValueError, TypeError, IndexError, OverflowError):
        return 0.0
