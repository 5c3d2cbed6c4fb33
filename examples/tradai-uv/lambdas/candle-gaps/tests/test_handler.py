from typing import Any

import pytest

from handler import handler

FIRST = 1767225600000  # 2026-01-01 00:00 UTC
HOUR = 3_600_000


def call(*offsets: int, pair: str = "BTC/USDT:USDT") -> dict[str, Any]:
    event = {"pair": pair, "timeframe": "1h", "opened": [FIRST + offset for offset in offsets]}
    return handler(event, None)


def test_a_full_range_is_complete() -> None:
    answer = call(0, HOUR, 2 * HOUR)
    assert answer["complete"] is True
    assert answer["missing"] == []


def test_missing_candles_are_listed() -> None:
    answer = call(0, 3 * HOUR)
    assert answer["missing_count"] == 2
    assert answer["missing"] == ["2026-01-01T01:00:00+00:00", "2026-01-01T02:00:00+00:00"]
    assert answer["complete"] is False


def test_times_off_the_grid_are_told_and_not_counted_from() -> None:
    answer = call(1, HOUR, 2 * HOUR)
    assert answer["missing_count"] == 0
    assert len(answer["off_grid"]) == 1
    assert answer["complete"] is False


def test_long_lists_are_cut() -> None:
    answer = call(0, 500 * HOUR)
    assert answer["missing_count"] == 499
    assert len(answer["missing"]) == 100


def test_a_bad_pair_fails_the_call() -> None:
    with pytest.raises(ValueError, match="no pair"):
        call(pair="bitcoin")
