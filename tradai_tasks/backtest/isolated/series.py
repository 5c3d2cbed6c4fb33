"""Part of `run.py`: the candles that a strategy reads, and what is missing from them."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

_DAY = 86_400
_FUNDING_STEP = 8 * 3600  # seconds; no exchange settles funding less often
_SLACK = 300  # seconds; funding is settled shortly after the full hour
_PATTERN = re.compile(r"[\\^$*+?{}\[\]()|]|\.\*")  # makes a pair a regular expression
_SHOWN = 3  # gaps of a series that are shown

FUNDING = "funding_rate"
_SMOKE_PAIR = "BTC/USDT:USDT"


@dataclass(frozen=True)
class NeededSeries:
    """A candle series that the strategy reads, and the part of it that must exist."""

    pair: str
    timeframe: str
    candle: str  # "futures", "spot", "mark", "funding_rate"
    step: int  # seconds between two candles
    start: int  # seconds since the epoch; the first moment to cover
    end: int  # likewise; the end, which is not covered
    file: str  # path from the candle folder


@dataclass(frozen=True)
class FoundSeries:
    """The candles of that part in a file; times are in seconds since the epoch."""

    first: int | None = None  # None if the file has none
    last: int | None = None
    begins: int | None = None  # the first candle in the whole file
    ends: int | None = None  # the last one
    holes: list[tuple[int, int]] = field(default_factory=list)  # last before, first after
    unordered: bool = False
    empty_prices: int = 0  # candles without a price
    fault: str | None = None  # why the file cannot be read


def day(moment: int) -> str:
    """Return a moment for a message: the day, with the time unless it is midnight."""
    at = datetime.fromtimestamp(moment, tz=UTC)
    return f"{at:%Y-%m-%d}" if moment % _DAY == 0 else f"{at:%Y-%m-%d %H:%M}"


def missing_parts(needed: NeededSeries, seen: FoundSeries, most_missing: float) -> list[str]:
    """Return what is missing from a series, a line each; empty if it is complete.

    At most `most_missing` percent of the candles may be missing inside; both ends must exist.
    """
    if seen.fault:
        return [seen.fault]
    if seen.first is None or seen.last is None:
        held = f"{day(seen.begins)} to {day(seen.ends)}" if seen.begins and seen.ends else "none"
        return [f"no candle from {day(needed.start)} to {day(needed.end)} (it holds {held})"]
    if seen.unordered:
        return ["its candles are not in the order of time, or one is there twice"]
    found = []
    step = _FUNDING_STEP + _SLACK if needed.candle == FUNDING else needed.step
    # weeks and months need not begin with the window
    reach = step if _DAY % needed.step == 0 or needed.candle == FUNDING else 2 * step
    if seen.first >= needed.start + reach:
        found.append(f"nothing from {day(needed.start)} to {day(seen.first)}")
    if seen.last + reach < needed.end:
        found.append(f"nothing from {day(seen.last + needed.step)} to {day(needed.end)}")
    wide = [(before, after) for before, after in seen.holes if after - before > step]
    gone = sum((after - before) // needed.step - 1 for before, after in wide)
    if needed.candle == FUNDING:
        gone = sum(after - before for before, after in wide) // _FUNDING_STEP
    whole = max(1, (needed.end - needed.start) // needed.step)
    if gone * 100 > most_missing * whole:
        spans = [f"{day(before + needed.step)} to {day(after)}" for before, after in wide[:_SHOWN]]
        more = f" and {len(wide) - _SHOWN} more holes" if len(wide) > _SHOWN else ""
        found.append(f"nothing from {', '.join(spans)}{more}")
    if seen.empty_prices:
        found.append(f"{seen.empty_prices} candles without a price")
    return found


def split_informative(wanted: Iterable[str], pairs: Sequence[str]) -> list[tuple[str, str]]:
    """Return (pair, timeframe) from settings such as `4h` and `BTC/USDT:USDT 1d`."""
    found = []
    for entry in wanted:
        pair, _, timeframe = entry.strip().rpartition(" ")
        found += [(one, timeframe) for one in ([pair.strip()] if pair else pairs)]
    return found


def without_market(snapshot: Mapping[str, Any], pairs: Iterable[str]) -> list[str]:
    """Return the pairs that are missing from a snapshot of the markets."""
    known = {(one["baseAsset"], one["quoteAsset"]) for one in snapshot["symbols"]}
    return [pair for pair in pairs if tuple(pair.partition(":")[0].split("/")) not in known]


def plain_pairs(pairs: Any) -> list[str]:
    """Return the pairs of a configuration, named one by one; raise ValueError if they are not."""
    named = [str(pair) for pair in pairs or []]
    if not named:
        raise ValueError("the configuration has no exchange.pair_whitelist")
    for pair in named:
        if _PATTERN.search(pair):
            raise ValueError(f"the pair {pair!r} is a pattern")
        if named.count(pair) > 1:
            raise ValueError(f"the pair {pair!r} is there twice")
    return named


def one_pair(pairs: Sequence[str]) -> tuple[str]:
    """Return the pair of a smoke backtest that names none: bitcoin's, or else the first."""
    return (_SMOKE_PAIR if _SMOKE_PAIR in pairs else pairs[0],)
