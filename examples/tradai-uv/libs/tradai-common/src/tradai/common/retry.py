"""Calling something again when it failed for a reason that may pass."""

from __future__ import annotations

import functools
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from secrets import SystemRandom
from time import sleep
from typing import ParamSpec, TypeVar

__all__ = ["RetryPolicy", "retrying"]

P = ParamSpec("P")
R = TypeVar("R")

_RANDOM = SystemRandom()


@dataclass(frozen=True, kw_only=True, slots=True)
class RetryPolicy:
    """How often to try, and how long to wait in between.

    Attributes:
        attempts: Calls in all, the first one included.
        first_delay: Seconds before the second call.
        factor: By what each further delay grows.
        max_delay: Seconds that no delay exceeds.
        jitter: Fraction of a delay by which it may be longer, so that clients that failed together
            do not return together.
    """

    attempts: int = 4
    first_delay: float = 0.2
    factor: float = 2.0
    max_delay: float = 5.0
    jitter: float = 0.1

    def __post_init__(self) -> None:
        """Refuse what makes no sense.

        Raises:
            ValueError: A number is out of range.
        """
        if self.attempts < 1:
            raise ValueError(f"attempts must be at least 1, not {self.attempts}")
        if min(self.first_delay, self.max_delay, self.jitter) < 0 or self.factor < 1:
            raise ValueError("delays and jitter must not be negative, factor not below 1")

    def delays(self) -> Iterator[float]:
        """Yield the seconds to wait before each further call, without jitter."""
        delay = self.first_delay
        for _ in range(self.attempts - 1):
            yield min(delay, self.max_delay)
            delay *= self.factor


def retrying(
    policy: RetryPolicy, *, on: tuple[type[Exception], ...]
) -> Callable[[Callable[P, R]], Callable[P, R]]:
    """Return a decorator that calls a function again when it raises one of `on`.

    The exception of the last call reaches the caller.
    """

    def decorate(function: Callable[P, R]) -> Callable[P, R]:
        @functools.wraps(function)
        def call(*args: P.args, **kwargs: P.kwargs) -> R:
            for delay in policy.delays():
                try:
                    return function(*args, **kwargs)
                except on:
                    sleep(delay * (1 + _RANDOM.uniform(0, policy.jitter)))
            return function(*args, **kwargs)

        return call

    return decorate
