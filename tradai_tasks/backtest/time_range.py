"""Compute the time range that a backtest covers."""

from __future__ import annotations

import calendar
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta

from tradai_tasks.backtest.record import RecordKind
from tradai_tasks.errors import SettingsError
from tradai_tasks.settings.backtest import BacktestSettings


@dataclass(frozen=True, kw_only=True, slots=True)
class Window:
    """A time range from UTC midnight of one day to UTC midnight of another, exclusive."""

    start: date
    end: date

    @property
    def timerange(self) -> str:
        """The window as an argument of freqtrade's `--timerange`."""
        return f"{self.start:%Y%m%d}-{self.end:%Y%m%d}"

    @property
    def seconds(self) -> tuple[int, int]:
        """Both ends in seconds since the epoch."""
        return _midnight(self.start), _midnight(self.end)


def window_of(kind: RecordKind, settings: BacktestSettings, commit_time: int) -> Window:
    """Return the window of a backtest; `commit_time` is in seconds since the epoch.

    Months are calendar months: twelve before 29 February is 28 February.

    Raises:
        SettingsError: The setting `end` is not a date.
    """
    end = datetime.fromtimestamp(commit_time, UTC).date()
    if settings.end != "commit":
        try:
            end = date.fromisoformat(settings.end)
        except ValueError:
            raise SettingsError(
                f"backtest.end: {settings.end!r} is no day; write one as `2026-01-01`, or `commit`"
            ) from None
    if kind == "smoke":
        return Window(start=end - timedelta(days=settings.smoke_days), end=end)
    months = end.year * 12 + end.month - 1 - settings.full_months
    year, month = divmod(months, 12)
    most = calendar.monthrange(year, month + 1)[1]
    return Window(start=date(year, month + 1, min(end.day, most)), end=end)


def _midnight(day: date) -> int:
    return int(datetime(day.year, day.month, day.day, tzinfo=UTC).timestamp())
