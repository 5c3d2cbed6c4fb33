"""Results as freqtrade writes them, with figures of the test's own choice."""

from __future__ import annotations

import json
import zipfile
from collections.abc import Sequence
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

from tradai_tasks.backtest.result import ExpectedRun
from tradai_tasks.backtest.time_range import Window

__all__ = ["HOUR", "WINDOW", "asked", "document", "write_result"]

HOUR = 3600
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
    trades = [
        {
            "pair": "BTC/USDT:USDT",
            "close_timestamp": (start + (n + 1) * HOUR) * 1000,
            "profit_abs": profit,
        }
        for n, profit in enumerate(profits)
    ]
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
