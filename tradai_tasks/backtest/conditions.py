"""The conditions of a backtest in words: what can differ between two releases."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from typing import Any

from tradai_tasks.backtest.config_secrets import redacted
from tradai_tasks.backtest.figures.result import BacktestResult, shown
from tradai_tasks.backtest.run_findings import Conditions

PROTECTIONS_RUN = "protections run"


def config_document(found: Conditions) -> str:
    """Return the effective configuration as JSON text, without secrets."""
    return json.dumps(redacted(found.config), indent=2, sort_keys=True) + "\n"


def conditions_of(
    result: BacktestResult, found: Conditions, thresholds: Mapping[str, Any]
) -> dict[str, str]:
    """Return every condition by name, as text."""
    fees = {fee for trade in result.trades for fee in (trade.fee_open, trade.fee_close)}
    leverage = {trade.leverage for trade in result.trades}
    document = config_document(found)
    ran = found.protections if found.protections_run else ()
    return {
        **{name.replace("_", "-"): value for name, value in result.conditions.items()},
        "fee": _span(fees),
        "leverage": _span(leverage),
        "protections": ", ".join(ran) or "none",
        "overrides": ", ".join(found.overrides) or "none",
        "config-sha256": hashlib.sha256(document.encode()).hexdigest(),
        **{f"parameter-{name}": shown(value) for name, value in found.parameters.items()},
        **{name: shown(value) for name, value in thresholds.items()},
    }


def protections_note(found: Conditions) -> str:
    """Return what a reader must know of the strategy's protections; empty if it has none."""
    if not found.protections:
        return ""
    names = ", ".join(found.protections)
    if found.protections_run:
        return f"{PROTECTIONS_RUN}: {names}"
    return f"protections do not run (backtest.protections), though a live bot runs them: {names}"


def overrides_note(found: Conditions) -> str:
    """Return which keys of the configuration flatter the backtest; empty if none does."""
    said = [f"{key} is {what}" for key, what in found.overrides.items()]
    return f"the configuration flatters it: {'; '.join(said)}" if said else ""


def _span(values: set[float]) -> str:
    if not values:
        return "none"
    low, high = min(values), max(values)
    return f"{low:g}" if low == high else f"{low:g} to {high:g}"
