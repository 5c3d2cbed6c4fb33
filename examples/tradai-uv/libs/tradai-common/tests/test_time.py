from datetime import UTC, datetime, timedelta, timezone

import pytest

from tradai.common.clock import FrozenClock, SystemClock
from tradai.common.timeframes import Timeframe

NOON = datetime(2026, 3, 4, 12, 34, 56, tzinfo=UTC)  # a Wednesday


@pytest.mark.parametrize(
    ("text", "opened"),
    [
        ("5m", datetime(2026, 3, 4, 12, 30, tzinfo=UTC)),
        ("4h", datetime(2026, 3, 4, 12, tzinfo=UTC)),
        ("1d", datetime(2026, 3, 4, tzinfo=UTC)),
        ("1w", datetime(2026, 3, 2, tzinfo=UTC)),
    ],
)
def test_moments_fall_into_candles(text: str, opened: datetime) -> None:
    assert Timeframe(text).floor(NOON) == opened


@pytest.mark.parametrize("text", ["", "h", "0h", "1x", "1h "])
def test_other_texts_are_no_timeframes(text: str) -> None:
    with pytest.raises(ValueError, match="no timeframe"):
        Timeframe(text)


def test_naive_moments_are_refused() -> None:
    with pytest.raises(ValueError, match="time zone"):
        Timeframe("1h").floor(NOON.replace(tzinfo=None))


def test_larger_timeframes_contain_smaller_ones() -> None:
    assert Timeframe("1h").contains(Timeframe("5m"))
    assert not Timeframe("1h").contains(Timeframe("7m"))
    assert str(Timeframe("1h")) == "1h"


def test_gaps_are_found_between_the_ends() -> None:
    hours = [NOON.replace(hour=h, minute=0, second=0) for h in (1, 2, 5)]
    assert [gap.hour for gap in Timeframe("1h").missing(hours)] == [3, 4]
    assert Timeframe("1h").missing([]) == []


def test_a_frozen_clock_moves_only_when_told() -> None:
    clock = FrozenClock(NOON.astimezone(timezone(timedelta(hours=2))))
    assert clock.now() == NOON
    clock.advance(timedelta(minutes=5))
    assert clock.now() == NOON + timedelta(minutes=5)
    with pytest.raises(ValueError, match="time zone"):
        FrozenClock(NOON.replace(tzinfo=None))


def test_the_system_clock_is_in_utc() -> None:
    assert SystemClock().now().utcoffset() == timedelta()
