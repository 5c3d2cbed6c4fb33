"""The window of a backtest."""

from __future__ import annotations

from datetime import UTC, date, datetime

import pytest

from tradai_tasks.backtest.time_range import window_of
from tradai_tasks.errors import SettingsError
from tradai_tasks.settings.backtest import BacktestSettings


def at(text: str) -> int:
    return int(datetime.fromisoformat(text).replace(tzinfo=UTC).timestamp())


def test_it_ends_at_utc_midnight_of_the_commit() -> None:
    for moment in ("2026-02-01T00:00:00", "2026-02-01T23:59:59"):
        window = window_of("smoke", BacktestSettings(), at(moment))
        assert (window.start, window.end) == (date(2026, 1, 2), date(2026, 2, 1))
    assert window.timerange == "20260102-20260201"
    assert window.seconds == (at("2026-01-02T00:00:00"), at("2026-02-01T00:00:00"))


@pytest.mark.parametrize(
    ("end", "months", "start"),
    [
        ("2026-02-01", 12, "2025-02-01"),
        ("2024-02-29", 12, "2023-02-28"),
        ("2026-03-31", 1, "2026-02-28"),
        ("2026-01-15", 1, "2025-12-15"),
        ("2026-12-31", 13, "2025-11-30"),
    ],
)
def test_months_are_calendar_months(end: str, months: int, start: str) -> None:
    window = window_of("full", BacktestSettings(end=end, full_months=months), 0)
    assert (window.start.isoformat(), window.end.isoformat()) == (start, end)


def test_a_day_that_is_none_is_refused() -> None:
    with pytest.raises(SettingsError, match=r"backtest.end: '2026-02-30' is no day"):
        window_of("full", BacktestSettings(end="2026-02-30"), 0)
