"""Strategies whose backtests a stand-in for freqtrade runs."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from msgspec import to_builtins

from tests.support.ftresult import HOUR, WINDOW, document, write_prices, write_result
from tests.support.trees import project

LOCK = """\
version = 1

[[package]]
name = "fast-strategy"
version = "1"

[package.optional-dependencies]
freqtrade = [{ name = "freqtrade" }]

[[package]]
name = "freqtrade"
version = "2026.9"
"""
FILES = {
    "strategies/fast/pyproject.toml": project(
        "fast-strategy", '[project.optional-dependencies]\nfreqtrade = ["freqtrade"]\n'
    ),
    "strategies/fast/uv.lock": LOCK,
    "strategies/fast/src/fast_strategy/__init__.py": "",
    "strategies/fast/tests/test_fast.py": "",
    "user_data/data/binance/markets-futures.json": '{"symbols": [1]}',
    ".gitignore": "build/\nuser_data/\n.nox/\n__pycache__/\n",
}
SETTINGS = '[backtest]\nend = "2026-02-01"\n'
ONE_MONTH = f"{SETTINGS}full-months = 1\nmin-trades = 2\nmin-sharpe = 0.5\n"
START, END = WINDOW.seconds
SERIES = {
    "pair": "BTC/USDT:USDT",
    "timeframe": "1h",
    "candle": "futures",
    "step": HOUR,
    "start": START,
    "end": END,
    "file": "futures/BTC.feather",
    "missing": [],
}


def playing(
    facts: dict[str, Any] | None = None, strategy: Any = None, other: Any = None
) -> Callable[..., int]:
    """A script that leaves facts, and a result where one is given; the twin's may be another."""
    given = {
        "stage": "run",
        "freqtrade": "2026.9",
        "exchange": "binance",
        "mode": "futures",
        "strategy": "MomentumBot",
        "timeframe": "1h",
        "step": HOUR,
        "pairs": ["BTC/USDT:USDT"],
        "without_market": [],
        "data_sha256": "d" * 64,
        "series": [SERIES],
    }

    def script(argv: Sequence[str]) -> int:
        if not argv[-1].endswith("order.json"):
            return 0
        order = json.loads(Path(argv[-1]).read_text())
        store = Path(order["store"]) / "binance" / "markets-futures.json"
        found = {**given, "snapshot": str(store), **(facts or {})}
        if order["go"] and strategy is not None:
            work = Path(argv[-1]).parent
            write_result(work / "results", {"MomentumBot": strategy})
            if order["twin"]:
                write_result(work / "twin", {"MomentumBot": other or strategy})
            found["prices"] = to_builtins(write_prices(work, order["start"], order["end"]))
        Path(order["facts"]).write_text(json.dumps(found))
        return 0

    return script


def result(**changed: Any) -> dict[str, Any]:
    return document(**{"backtest_run_start_ts": 10**10, **changed})
