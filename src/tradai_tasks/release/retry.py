"""Trying again: what may pass is tried with back-off, all else is an error at once."""

from __future__ import annotations

import email.utils
import time
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, TypeVar

if TYPE_CHECKING:
    from tenacity import RetryCallState

__all__ = ["TRANSIENT", "TRIES", "Sleep", "Transient", "retried", "seconds_asked_for"]

TRIES = 6
TRANSIENT = frozenset({408, 425, 429, 500, 502, 503, 504})  # HTTP statuses that may pass
_FIRST, _LONGEST = 0.5, 60.0  # seconds between two tries: the first wait, and the most there is

Sleep = Callable[[float], None]
_T = TypeVar("_T")


class Transient(Exception):  # noqa: N818 - never shown: it becomes an error when tries run out
    """A failure that may be gone at the next try."""

    def __init__(self, what: str, *, wait: float = 0.0) -> None:
        super().__init__(what)
        self.wait = wait  # seconds for which the server asked to be left alone


def retried(action: Callable[[], _T], *, sleep: Sleep = time.sleep, tries: int = TRIES) -> _T:
    """Call an action until it does not raise `Transient`, doubling the wait between two calls.

    Raises:
        Transient: The last try failed too.
    """
    import tenacity  # noqa: PLC0415 - of the extra `release`

    retrying = tenacity.Retrying(
        stop=tenacity.stop_after_attempt(tries),
        retry=tenacity.retry_if_exception_type(Transient),
        wait=_wait,
        sleep=sleep,
        reraise=True,
    )
    return retrying(action)


def _wait(state: RetryCallState) -> float:
    fault = state.outcome.exception() if state.outcome else None
    asked = fault.wait if isinstance(fault, Transient) else 0.0
    return min(max(asked, _FIRST * 2.0 ** (state.attempt_number - 1)), _LONGEST)


def seconds_asked_for(headers: Mapping[str, str], *, now: float | None = None) -> float:
    """Return the seconds of a Retry-After header (RFC 9110, 10.2.3), 0 where there is none."""
    text = headers.get("Retry-After", "").strip()
    if text.isascii() and text.isdigit():
        return float(text)
    try:
        moment = email.utils.parsedate_to_datetime(text).timestamp()
    except ValueError:
        return 0.0
    return max(0.0, moment - (time.time() if now is None else now))
