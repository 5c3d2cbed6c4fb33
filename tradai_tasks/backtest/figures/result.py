"""Find freqtrade's result file, check that it is of this run, and read it."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tradai_tasks.backtest.figures.trades import Trade, number, trade_of
from tradai_tasks.backtest.time_range import Window
from tradai_tasks.errors import BacktestResultError
from tradai_tasks.files.archives import ArchiveError, opened_zip, read_member

_MOST = 256 * 1024 * 1024  # bytes of a result
_LAST = ".last_result.json"
NO_NUMBER = -100.0  # freqtrade's ratio if there is no deviation


@dataclass(frozen=True, kw_only=True, slots=True)
class ExpectedRun:
    """The run that a result must belong to."""

    strategy: str  # name of the class
    window: Window
    pairs: tuple[str, ...]
    timeframe: str
    step: int  # seconds of the timeframe
    not_before: int  # seconds since the epoch; when this run began


@dataclass(frozen=True, kw_only=True, slots=True)
class BacktestResult:
    """The figures of a backtest as freqtrade computed them; fractions, not percent."""

    trades: tuple[Trade, ...]
    start: int  # seconds since the epoch: the window's first candle
    end: int  # likewise: the end of its last candle
    balance: float  # balance at the start, in the stake currency
    currency: str
    sharpe_closed_trades: float
    profit_factor: float
    further: Mapping[str, float]  # more figures, finite ones only
    conditions: Mapping[str, str]  # stake, wallet, mode ..., as freqtrade used them

    @property
    def gains(self) -> float:
        """Sum of the profits of winning trades."""
        return math.fsum(trade.profit for trade in self.trades if trade.profit > 0)

    @property
    def losses(self) -> float:
        """Sum of the losses of losing trades, not negative."""
        return -math.fsum(trade.profit for trade in self.trades if trade.profit < 0)


_FURTHER = {  # freqtrade's key -> name of the metric
    "profit_total": "profit",
    "expectancy": "expectancy",
    "winrate": "win-rate",
    "wins": "wins",
    "losses": "losses",
    "market_change": "market-change",
    "trades_per_day": "trades-per-day",
    "holding_avg_s": "holding-seconds",
    "cagr": "freqtrade-cagr",
    "max_relative_drawdown": "freqtrade-max-relative-drawdown",
    "max_drawdown_account": "freqtrade-max-drawdown-account",
}
_CONDITIONS = (
    "stake_amount", "stake_currency", "starting_balance", "max_open_trades_setting", "trading_mode",
    "margin_mode", "timeframe_detail", "stoploss", "minimal_roi", "trailing_stop",
    "trailing_stop_positive", "trailing_stop_positive_offset", "use_custom_stoploss",
    "use_exit_signal", "exit_profit_only", "ignore_roi_if_entry_signal",
)  # fmt: skip
_RATIOS = {"sortino": "freqtrade-sortino", "calmar": "freqtrade-calmar"}


def find_result(folder: Path) -> Path:
    """Return the only result file in a run's own folder; raise BacktestResultError if not one."""
    found = sorted(folder.glob("*.zip"))
    if not found:
        raise BacktestResultError("freqtrade made no result")
    if len(found) > 1:
        names = ", ".join(file.name for file in found)
        raise BacktestResultError(f"freqtrade made several results: {names}")
    last = folder / _LAST
    named = _object(last.read_bytes(), last.name).get("latest_backtest") if last.is_file() else None
    if named != found[0].name:
        raise BacktestResultError(
            f"{found[0].name} is not what freqtrade's {_LAST} names ({named or 'nothing'})"
        )
    return found[0]


def read_result(file: Path, expected: ExpectedRun) -> BacktestResult:
    """Read a result, and check that it belongs to the expected run.

    Raises:
        BacktestResultError: It belongs to another run, is inconsistent, or cannot be read.
    """
    raw = _strategy(file, expected)
    try:
        result = _result(raw, expected)
        faults = [*_differences(raw, expected), *_contradictions(raw, result, expected)]
    except (AttributeError, KeyError, TypeError, ValueError) as error:
        raise BacktestResultError(
            f"{file.name}: not a result as freqtrade writes it: {type(error).__name__} {error}"
        ) from None
    if faults:
        raise BacktestResultError(f"{file.name}: {'; '.join(faults)}")
    return result


def _strategy(file: Path, expected: ExpectedRun) -> Mapping[str, Any]:
    """Return the part of the single strategy in it."""
    name = f"{file.stem}.json"
    try:
        with opened_zip(file) as archive:
            content = read_member(archive, name, _MOST)
    except ArchiveError as error:
        raise BacktestResultError(f"{file.name}: cannot be read: {error}") from None
    document = _object(content, name)
    strategies = document.get("strategy")
    if not isinstance(strategies, dict):
        strategies = {}
    names = sorted(strategies)
    if names != [expected.strategy]:
        raise BacktestResultError(
            f"{file.name}: of {', '.join(names) or 'no strategy'}, not of {expected.strategy}"
        )
    found: Mapping[str, Any] = strategies[expected.strategy]
    return found


def _object(content: bytes, name: str) -> dict[str, Any]:
    try:
        document = json.loads(content)
    except (ValueError, RecursionError) as error:
        raise BacktestResultError(f"{name}: broken JSON: {error}") from None
    if not isinstance(document, dict):
        raise BacktestResultError(f"{name}: not a JSON object")
    return document


def _result(raw: Mapping[str, Any], expected: ExpectedRun) -> BacktestResult:
    trades = [trade_of(trade) for trade in raw["trades"]]
    ratios = {name: raw.get(key) if trades else None for key, name in _RATIOS.items()}
    if trades:  # freqtrade of 2025 has no statistics of the wallet
        ratios["freqtrade-wallet-sharpe"] = raw.get("wallet_stats", {}).get("sharpe")
    further = {name: raw.get(key) for key, name in _FURTHER.items()}
    further |= {name: value for name, value in ratios.items() if value != NO_NUMBER}
    return BacktestResult(
        trades=tuple(sorted(trades, key=lambda trade: (trade.closed, trade.pair))),
        start=int(raw["backtest_start_ts"]) // 1000,
        end=int(raw["backtest_end_ts"]) // 1000 + expected.step,
        balance=number(raw["starting_balance"], "starting_balance"),
        currency=str(raw["stake_currency"]),
        sharpe_closed_trades=float(raw["sharpe"]),
        profit_factor=float(raw["profit_factor"]),
        conditions={key: shown(raw[key]) for key in _CONDITIONS if raw.get(key) not in (None, "")},
        further={
            name: float(value)
            for name, value in further.items()
            if isinstance(value, (int, float)) and math.isfinite(value)
        },
    )


def shown(value: Any) -> str:
    """Return a setting of a backtest as text: a string itself, all else as JSON."""
    return value if isinstance(value, str) else json.dumps(value, sort_keys=True)


def _differences(raw: Mapping[str, Any], expected: ExpectedRun) -> list[str]:
    """Return the differences between the result and the expected run."""
    found = []
    start, end = expected.window.seconds
    first, last = int(raw["backtest_start_ts"]) // 1000, int(raw["backtest_end_ts"]) // 1000
    if not start <= first < start + expected.step:
        found.append(f"it begins at {raw['backtest_start']}, not on {expected.window.start}")
    if not end - expected.step <= last + expected.step - 1 <= end + expected.step:
        found.append(f"it ends at {raw['backtest_end']}, not on {expected.window.end}")
    found += _pair_differences(raw["pairlist"], expected.pairs)
    for key, wanted in (
        ("timeframe", expected.timeframe),
        ("timerange", expected.window.timerange),
    ):
        if raw[key] != wanted:
            found.append(f"its {key} is {raw[key]}, not {wanted}")
    if raw["backtest_run_start_ts"] < expected.not_before:
        found.append("it was made before this run began")
    return found


def _pair_differences(pairs: Sequence[str], wanted: Sequence[str]) -> list[str]:
    missing = [pair for pair in wanted if pair not in pairs]
    further = [pair for pair in pairs if pair not in wanted]
    found = [f"freqtrade left out {', '.join(missing)}"] if missing else []
    return [*found, f"it has {', '.join(further)}, not asked for"] if further else found


def _contradictions(
    raw: Mapping[str, Any], result: BacktestResult, expected: ExpectedRun
) -> list[str]:
    """Return the figures of the result that do not follow from its own trades."""
    found = []
    if raw["total_trades"] != len(result.trades):
        found.append(f"it counts {raw['total_trades']} trades and holds {len(result.trades)}")
    strangers = {trade.pair for trade in result.trades} - set(expected.pairs)
    if strangers:
        found.append(f"it trades {', '.join(sorted(strangers))}, not asked for")
    outside = [t for t in result.trades if not result.start <= t.opened <= t.closed <= result.end]
    if outside:
        found.append(f"{len(outside)} trades are outside the window")
    found += [trade.fault for trade in result.trades if trade.fault][:1]
    if result.losses and not math.isclose(
        result.profit_factor, result.gains / result.losses, rel_tol=1e-6, abs_tol=1e-9
    ):
        found.append(
            f"its profit factor {result.profit_factor:g} does not follow from its trades "
            f"({result.gains / result.losses:g})"
        )
    return found
