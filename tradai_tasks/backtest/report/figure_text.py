"""Figures of a backtest as text: percent, money, times, never rounded across a threshold."""

from __future__ import annotations

from datetime import UTC, datetime

_PERCENT = frozenset(
    {
        "max-drawdown", "profit", "win-rate", "market-change", "freqtrade-cagr",
        "freqtrade-max-relative-drawdown", "freqtrade-max-drawdown-account",
    }
)  # fmt: skip
_COUNTS = frozenset({"trades", "wins", "losses"})
_MONEY = frozenset({"fees", "funding", "expectancy"})
_LABELS = {
    "sharpe-closed-trades": "Sharpe ratio of closed trades, freqtrade's",
    "sharpe-daily-balance": "Sharpe ratio of days, marked to market",
    "sortino": "Sortino ratio of days, marked to market",
    "calmar": "Calmar ratio, marked to market",
    "fees": "fees paid",
    "funding": "funding received (paid, where negative)",
    "profit": "profit, realised",
    "expectancy": "mean profit of a trade",
    "market-change": "mean change of the pairs' prices",
    "holding-seconds": "mean time that a trade is open",
    "freqtrade-cagr": "growth in a year, freqtrade's, of realised profits",
    "freqtrade-sortino": "Sortino ratio of closed trades, freqtrade's",
    "freqtrade-calmar": "Calmar ratio of closed trades, freqtrade's",
    "freqtrade-max-relative-drawdown": "drawdown, freqtrade's, of realised profits",
    "freqtrade-max-drawdown-account": "drawdown that cost most, freqtrade's, of realised profits",
    "freqtrade-wallet-sharpe": "Sharpe ratio of days, freqtrade's, of realised profits",
}
_MOST_DIGITS = 15
_DAY = 86_400


def figure(metric: str, value: float, *, digits: int = 0, currency: str = "") -> str:
    """Return a figure for display, with more digits than usual where asked for."""
    if metric in _PERCENT:
        return f"{value * 100:.{2 + digits}f} %"
    if metric in _COUNTS:
        return f"{value:,.0f}"
    if metric == "holding-seconds":
        return duration(value)
    if metric in _MONEY:
        return f"{value:,.{2 + digits}f} {currency}".rstrip()
    return f"{value:,.{3 + digits}f}"


def label(metric: str) -> str:
    """Return a metric's name for a reader."""
    return _LABELS.get(metric, metric)


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
