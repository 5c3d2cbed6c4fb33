"""Tells that the account's lambdas run at all. It comes with nothing but the base image."""

from __future__ import annotations

from tradai.common.clock import SystemClock

__all__ = ["handler"]


def handler(_event: object, _context: object) -> dict[str, str]:
    """Return that all is well, and the time."""
    return {"status": "ok", "time": SystemClock().now().isoformat(timespec="seconds")}
