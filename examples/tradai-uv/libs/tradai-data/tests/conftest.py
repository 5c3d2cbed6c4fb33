from collections.abc import Callable
from datetime import UTC, datetime, timedelta

import pytest

from tradai.data.candles import Candle

Series = Callable[[int], list[Candle]]


@pytest.fixture(scope="session")
def minutes() -> Series:
    """Make a number of one-minute candles, from the first of January on."""

    def make(count: int) -> list[Candle]:
        first = datetime(2026, 1, 1, tzinfo=UTC)
        return [
            Candle(first + timedelta(minutes=n), 100 + n, 102 + n, 99 + n, 101 + n, 1.0)
            for n in range(count)
        ]

    return make
