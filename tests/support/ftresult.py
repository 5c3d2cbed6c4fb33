"""Results as freqtrade writes them, with figures of the test's own choice."""

from __future__ import annotations

import json
import zipfile
from array import array
from collections.abc import Sequence
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

from tradai_tasks.backtest.figures.prices import PriceFile, Prices
from tradai_tasks.backtest.figures.result import ExpectedRun
from tradai_tasks.backtest.time_range import Window

__all__ = [
    "DAY",
    "HOUR",
    "WINDOW",
    "asked",
    "document",
    "flat_prices",
    "write_prices",
    "write_result",
]

HOUR, DAY = 3600, 86_400
PRICE = 100.0  # the close of every candle
WINDOW = Window(start=date(2026, 1, 2), end=date(2026, 2, 1))


def asked(**changed: Any) -> ExpectedRun:
    given: dict[str, Any] = {
        "strategy": "MomentumBot",
        "window": WINDOW,
        "pairs": ("BTC/USDT:USDT",),
        "timeframe": "1h",
        "step": HOUR,
        "not_before": 1000,
    }
    return ExpectedRun(**{**given, **changed})


def document(profits: Sequence[float] = (10, -4, 6), **changed: Any) -> dict[str, Any]:
    """A strategy's part of a result; its figures follow from the profits unless changed."""
    start, end = WINDOW.seconds
    gains = sum(profit for profit in profits if profit > 0)
    losses = -sum(profit for profit in profits if profit < 0)
    trades = [_trade(start + n * DAY + HOUR, profit) for n, profit in enumerate(profits)]
    given = {
        "trades": trades,
        "total_trades": len(trades),
        "starting_balance": 1000,
        "stake_currency": "USDT",
        "sharpe": 1.5 if len(set(profits)) > 1 else (-100.0 if profits else 0),
        "wallet_stats": {"sharpe": 0.9},
        "profit_factor": gains / losses if losses else 0.0,
        "max_drawdown_account": 0.004,
        "max_relative_drawdown": 0.004,
        "profit_total": sum(profits) / 1000,
        "backtest_start": _shown(start),
        "backtest_start_ts": start * 1000,
        "backtest_end": _shown(end - HOUR),
        "backtest_end_ts": (end - HOUR) * 1000,
        "backtest_run_start_ts": 2000,
        "pairlist": ["BTC/USDT:USDT"],
        "timeframe": "1h",
        "timerange": WINDOW.timerange,
    }
    return {**given, **changed}


def _trade(opened: int, profit: float) -> dict[str, Any]:
    """A trade of one unit that is open at the close of one candle, at its entry's price."""
    prices = ((opened, PRICE, True), (opened + HOUR, PRICE + profit, False))
    return {
        "pair": "BTC/USDT:USDT",
        "open_timestamp": opened * 1000,
        "close_timestamp": (opened + HOUR) * 1000,
        "profit_abs": profit,
        "profit_ratio": profit / PRICE,
        "is_short": False,
        "leverage": 1.0,
        "max_stake_amount": PRICE,
        "fee_open": 0.0,
        "fee_close": 0.0,
        "funding_fees": 0.0,
        "exit_reason": "exit_signal",
        "orders": [
            {
                "amount": 1.0,
                "safe_price": price,
                "order_filled_timestamp": time * 1000,
                "ft_is_entry": entry,
            }
            for time, price, entry in prices
        ],
    }


def flat_prices(start: int = WINDOW.seconds[0], end: int = WINDOW.seconds[1]) -> dict[str, Prices]:
    """Candles of one price, of the window by default."""
    times = range(start, end, HOUR)
    return {"BTC/USDT:USDT": Prices(times=times, closes=[PRICE] * len(times))}


def write_prices(folder: Path, start: int, end: int) -> list[PriceFile]:
    """Write them as a run leaves them."""
    folder.mkdir(parents=True, exist_ok=True)
    ((pair, prices),) = flat_prices(start, end).items()
    content = array("q", prices.times).tobytes() + array("d", prices.closes).tobytes()
    (folder / "prices-0.bin").write_bytes(content)
    return [PriceFile(pair=pair, file="prices-0.bin", candles=len(prices.times), settlements=0)]


def write_result(
    folder: Path, strategies: dict[str, Any] | None = None, *, stem: str = "backtest-result-1"
) -> Path:
    """Write a result file and the file that names it."""
    folder.mkdir(parents=True, exist_ok=True)
    file = folder / f"{stem}.zip"
    held = {"MomentumBot": document()} if strategies is None else strategies
    with zipfile.ZipFile(file, "w") as archive:
        archive.writestr(f"{stem}.json", json.dumps({"strategy": held}))
    (folder / ".last_result.json").write_text(json.dumps({"latest_backtest": file.name}))
    return file


def _shown(moment: int) -> str:
    return f"{datetime.fromtimestamp(moment, UTC):%Y-%m-%d %H:%M:%S}"
