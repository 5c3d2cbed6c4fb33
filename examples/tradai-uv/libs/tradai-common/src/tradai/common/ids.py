"""Identifiers: sortable by time, or always the same for the same thing."""

from __future__ import annotations

import hashlib
import secrets
from datetime import UTC, datetime, timedelta

__all__ = ["client_order_id", "new_id", "time_of"]

_ALPHABET = "0123456789abcdefghjkmnpqrstvwxyz"  # Crockford's: no i, l, o, u
_TIME_LENGTH = 10
_RANDOM_LENGTH = 16
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


def new_id(prefix: str, at: datetime) -> str:
    """Return an identifier such as `evt_01hq…`; those of later milliseconds sort later."""
    milliseconds = (at - _EPOCH) // timedelta(milliseconds=1)
    stamp = _encode(milliseconds, _TIME_LENGTH)
    return f"{prefix}_{stamp}{_encode(secrets.randbits(5 * _RANDOM_LENGTH), _RANDOM_LENGTH)}"


def time_of(identifier: str) -> datetime:
    """Return when an identifier of `new_id` was made, to the millisecond.

    Raises:
        ValueError: It is no such identifier.
    """
    text = identifier.rpartition("_")[2]
    if len(text) != _TIME_LENGTH + _RANDOM_LENGTH:
        raise ValueError(f"{identifier!r} is no identifier")
    milliseconds = 0
    for letter in text[:_TIME_LENGTH]:
        milliseconds = milliseconds * 32 + _ALPHABET.index(letter)
    return _EPOCH + timedelta(milliseconds=milliseconds)


def client_order_id(strategy: str, pair: str, signal_at: datetime) -> str:
    """Return the order id of a signal: a repeated order is refused by the exchange, not filled."""
    text = f"{strategy}|{pair}|{signal_at.astimezone(UTC).isoformat()}"
    return f"td-{hashlib.sha256(text.encode()).hexdigest()[:24]}"


def _encode(number: int, length: int) -> str:
    letters = []
    for _ in range(length):
        number, rest = divmod(number, 32)
        letters.append(_ALPHABET[rest])
    return "".join(reversed(letters))
