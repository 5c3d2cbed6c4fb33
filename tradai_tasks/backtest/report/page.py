"""Report of a backtest: the table of verdicts, and one HTML page with all of it."""

from __future__ import annotations

import base64
from collections.abc import Iterable

from tradai_tasks.backtest.figures.equity_curve import Curve
from tradai_tasks.backtest.record import BacktestRecord
from tradai_tasks.backtest.report.figure_text import compared, figure, label
from tradai_tasks.backtest.report.tables import ReportTable
from tradai_tasks.html_page import escaped, html_page, table

VERDICT_COLUMNS = ("metric", "value", "threshold", "verdict")

_NAMES = {"closed-trades": "closed trades", "daily-balance": "daily balance"}


def verdict_rows(record: BacktestRecord) -> list[tuple[str, str, str, str]]:
    """Return a row for each gate: metric, value, threshold, verdict."""
    rows = []
    for one in record.verdicts:
        value, threshold = one.note, figure(one.metric, one.threshold)
        if one.value is not None:
            value, threshold = compared(one.metric, one.value, one.threshold)
        verdict = "passed" if one.passed else "FAILED"
        rows.append((_metric(one.metric, record), value, f"{one.relation} {threshold}", verdict))
    return rows


def figure_rows(record: BacktestRecord) -> list[tuple[str, str]]:
    """Return a row for each figure that has no gate."""
    # the gated Sharpe ratio is listed by its plain name
    gated = {*(verdict.metric for verdict in record.verdicts), f"sharpe-{record.sharpe}"}
    return [
        (label(metric), figure(metric, value, currency=record.conditions.get("stake-currency", "")))
        for metric, value in record.metrics.items()
        if metric not in gated
    ]


def headline(record: BacktestRecord) -> str:
    """Return the strategy, code and data of the backtest on one line."""
    pairs = record.pairs[0] if len(record.pairs) == 1 else f"{len(record.pairs)} pairs"
    return (
        f"{record.strategy}: {record.kind} backtest, {record.start} to {record.end}, {pairs}, "
        f"{record.timeframe}"
    )


def page(
    record: BacktestRecord,
    curve: Curve,
    currency: str,
    tables: Iterable[ReportTable],
    picture: bytes | None,
) -> str:
    """Return a self-contained HTML page."""
    state = "passed" if record.passed else "failed"
    parts = [
        f"<h1>{escaped(record.strategy)} <span class={state}>{state}</span></h1>",
        f"<p class=lead>{escaped(headline(record).partition(': ')[2])}</p>",
        f"<p><strong>{escaped(record.note)}</strong></p>" if record.note else "",
    ]
    if record.verdicts:
        rows = verdict_rows(record)
        parts.append(table("Gates", VERDICT_COLUMNS, rows, by_last=True))
    if picture is not None:
        data = base64.b64encode(picture).decode("ascii")
        parts.append(
            "<h2>Equity and drawdown, marked to market</h2>"
            f'<img alt="{escaped(_described(curve, currency))}" src="data:image/png;base64,{data}">'
        )
    parts.append(table("Figures", ("figure", "value"), figure_rows(record)))
    parts += [table(one.title, one.columns, one.rows) for one in tables]
    parts.append(table("Conditions", ("", ""), record.conditions.items()))
    parts.append(table("Made from", ("", ""), _origin(record)))
    return html_page(headline(record), "\n".join(parts))


def _metric(metric: str, record: BacktestRecord) -> str:
    return f"{metric} ({_NAMES[record.sharpe]})" if metric == "sharpe" else metric


def _origin(record: BacktestRecord) -> Iterable[tuple[str, str]]:
    yield "commit", record.commit + (" and uncommitted changes" if record.dirty else "")
    yield "freqtrade", record.freqtrade
    yield "lock file, sha256", record.lock_sha256
    yield "candles, sha256", record.data_sha256
    yield "markets, sha256", record.markets_sha256
    yield "window", f"{record.start} to {record.end}, from and to UTC midnight"
    yield "pairs", ", ".join(record.pairs)
    yield "Sharpe ratio of", _NAMES[record.sharpe]


def _described(curve: Curve, currency: str) -> str:
    low = figure("max-drawdown", -curve.drawdown[curve.deepest])
    return (
        f"Equity from {curve.equity[0]:,.0f} to {curve.equity[-1]:,.0f} {currency}; "
        f"deepest drawdown {low}"
    )
