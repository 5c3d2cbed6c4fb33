"""What a run of freqtrade reports: candles, conditions, analyses and how it ended."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import msgspec

from tradai_tasks.backtest.figures.prices import PriceFile
from tradai_tasks.backtest.isolated.series import NeededSeries


@dataclass(frozen=True)
class Series(NeededSeries):
    """Candles that a strategy reads, and what is missing from them."""

    missing: tuple[str, ...]


class Conditions(msgspec.Struct, frozen=True, kw_only=True):
    """The conditions that a strategy runs under."""

    config: dict[str, Any] = {}  # as its files have it; it may have secrets
    parameters: dict[str, Any] = {}  # that hyperopt can set
    protections: tuple[str, ...] = ()  # names of the strategy's protections
    protections_run: bool = True
    overrides: dict[str, str] = {}  # keys that flatter a backtest -> what they set


class Analysis(msgspec.Struct, frozen=True, kw_only=True):
    """The result of one of freqtrade's analyses of a strategy."""

    analysis: str  # "lookahead" or "recursive"
    columns: tuple[str, ...] | None  # with look-ahead; None if freqtrade did not say
    trades: int = 0  # whose signals were looked at
    least: int = 0  # trades that freqtrade needs
    entries: int = 0  # entries that differ without the candles after them
    exits: int = 0  # likewise of exits
    startup: int = 0  # the strategy's start-up candles
    # how far each column is from its value with all candles before it; a fraction, or None if
    # there is no number
    variance: Mapping[str, float | None] = {}


class RunFindings(msgspec.Struct, frozen=True, kw_only=True):
    """The findings of a run before freqtrade started."""

    stage: str  # "look" or "run"
    error: str | None = None
    blocked: tuple[str, ...] = ()  # addresses that it tried to reach
    children: tuple[str, ...] = ()  # programs that it started
    freqtrade: str = ""
    packages: Mapping[str, str] = {}  # distributions that were installed, with their versions
    exchange: str = ""
    mode: str = ""
    strategy: str = ""
    timeframe: str = ""
    step: int = 0
    startup: int = 0
    pairs: tuple[str, ...] = ()
    snapshot: str = ""
    without_market: tuple[str, ...] | None = None  # None if there is no snapshot
    data_sha256: str = ""
    series: tuple[Series, ...] = ()
    conditions: Conditions = Conditions()
    refused_overrides: tuple[str, ...] = ()
    prices: tuple[PriceFile, ...] = ()
    left_open: tuple[str, ...] = ()  # pairs of positions that the result leaves out
    analyses: tuple[Analysis, ...] = ()
    status: int | None = None  # freqtrade's exit status; None if it did not start
