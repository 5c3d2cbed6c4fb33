"""The record of a full backtest that passed, with fields that a test needs otherwise."""

from __future__ import annotations

from typing import Any

from tradai_tasks.backtest.record import BacktestRecord, GateVerdict

PASSED = GateVerdict(metric="sharpe", value=1.5, relation=">=", threshold=1.0, passed=True)


def backtest_record(**changed: Any) -> BacktestRecord:
    given: dict[str, Any] = {
        "strategy": "momentum",
        "kind": "full",
        "commit": "a" * 40,
        "lock_sha256": "b" * 64,
        "data_sha256": "c" * 64,
        "freqtrade": "2026.9",
        "start": "2025-01-01",
        "end": "2026-01-01",
        "pairs": ("BTC/USDT:USDT",),
        "timeframe": "1h",
        "sharpe": "closed-trades",
        "metrics": {"sharpe": 1.5},
        "verdicts": (PASSED,),
        "passed": True,
    }
    return BacktestRecord(**{**given, **changed})
