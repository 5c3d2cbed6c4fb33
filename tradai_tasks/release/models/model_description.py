"""Describe a model version for a person: its gates, and what differs from the version before."""

from __future__ import annotations

from collections.abc import Mapping

from tradai_tasks.backtest.record import BacktestRecord
from tradai_tasks.backtest.report.page import headline, verdict_rows
from tradai_tasks.report import markdown_table

_METRIC = "metrics."  # prefix of a version's tags
_LONGEST = 500  # characters of a parameter, which older servers of MLflow take
_GATED = ("sharpe", "profit-factor", "max-drawdown", "trades", "profit")


def logged_params(record: BacktestRecord) -> dict[str, str]:
    """Return what can differ between two releases, by name, as MLflow compares runs."""
    digests = {
        "candles_sha256": record.data_sha256,
        "markets_sha256": record.markets_sha256,
        "lock_sha256": record.lock_sha256,
        "freqtrade_version": record.freqtrade,
        "git_revision": record.commit,
    }
    found = {**{name: value for name, value in digests.items() if value}, **record.conditions}
    return {name: _cut(value) for name, value in found.items()}


def gate_tags(record: BacktestRecord) -> dict[str, str]:
    """Return a tag for each gate: its verdict, value and threshold."""
    rows = zip(record.verdicts, verdict_rows(record), strict=True)
    return {f"gate.{one.metric}": f"{row[3]}: {row[1]} {row[2]}" for one, row in rows}


def describe(
    tag: str, text: str, record: BacktestRecord | None, before: Mapping[str, str] | None
) -> str:
    """Return the description of a model version, after one with the tags `before`, as Markdown."""
    title = f"{tag}: {text}".rstrip(": ")
    if record is None:
        return f"{title}\n\nIt has no backtest (backtest.enabled is false)."
    rows = verdict_rows(record)
    parts = [title, headline(record) + "."]
    parts.append(markdown_table(("gate", "value", "threshold", "verdict"), rows).strip())
    if record.note:
        parts.append(record.note + ".")
    if before is not None:
        changes = []
        for name in _GATED:
            old, new = before.get(f"{_METRIC}{name}"), record.metrics.get(name)
            if old is not None and new is not None:
                changes.append(f"{name} {float(old):.4g} -> {new:.4g}")
        release = before.get("release_tag", "the version before")
        parts.append(f"Since {release}: {', '.join(changes) or 'no figure in common'}.")
    return "\n\n".join(parts)


def _cut(value: str) -> str:
    return value if len(value) <= _LONGEST else f"{value[: _LONGEST - 3]}..."
