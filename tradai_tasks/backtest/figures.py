"""Figures of a backtest as text: percent, money, times, never rounded across a threshold."""

from __future__ import annotations

from datetime import UTC, datetime

__all__ = ["compared", "day", "duration", "figure", "money", "percent"]

_PERCENT = frozenset(
    {
        "max-drawdown", "profit", "win-rate", "market-change", "freqtrade-cagr",
        "freqtrade-max-relative-drawdown", "freqtrade-max-drawdown-account",
    }
)  # fmt: skip
_COUNTS = frozenset({"trades", "wins", "losses"})
_MOST_DIGITS = 15
_DAY = 86_400


def figure(metric: str, value: float, *, digits: int = 0) -> str:
    """Return a figure for display, with more digits than usual where asked for."""
    if metric in _PERCENT:
        return f"{value * 100:.{2 + digits}f} %"
    if metric in _COUNTS:
        return f"{value:,.0f}"
    if metric == "holding-seconds":
        return duration(value)
    return f"{value:,.{(2 if metric in {'fees', 'funding', 'expectancy'} else 3) + digits}f}"


def compared(metric: str, value: float, threshold: float) -> tuple[str, str]:
    """Return a figure and its threshold, with as many digits as it takes to tell them apart."""
    for digits in range(_MOST_DIGITS):
        shown = figure(metric, value, digits=digits), figure(metric, threshold, digits=digits)
        if value == threshold or shown[0] != shown[1]:
            return shown
    return repr(value), repr(threshold)


def percent(value: float) -> str:
    """Return a fraction as percent with its sign."""
    return f"{value * 100:+.2f} %"


def money(value: float, currency: str) -> str:
    """Return an amount of money with its sign."""
    return f"{value:+,.2f} {currency}"


def day(moment: int) -> str:
    """Return the UTC day and time of a moment in seconds since the epoch."""
    return f"{datetime.fromtimestamp(moment, UTC):%Y-%m-%d %H:%M}"


def duration(seconds: float) -> str:
    """Return a time as h:mm, with days from two days on."""
    minutes = round(seconds / 60)
    days, rest = divmod(minutes, 24 * 60) if seconds >= 2 * _DAY else (0, minutes)
    shown = f"{rest // 60}:{rest % 60:02d} h"
    return f"{days} days {shown}" if days else shown
