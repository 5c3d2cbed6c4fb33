"""Waits between two tries of a request, noted instead of made."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from unittest import mock

from tradai_tasks.http_client import retry


@contextmanager
def waits(slept: list[float] | None = None) -> Iterator[None]:
    """Wait for no time at all; `slept` gets the seconds of each wait."""
    with mock.patch.object(retry, "sleep", ([] if slept is None else slept).append):
        yield
