"""Report of a backtest: the table of verdicts, and one HTML page with all of it."""

from __future__ import annotations

import base64
import html
from collections.abc import Iterable, Sequence

from tradai_tasks.backtest.figures.equity_curve import Curve
from tradai_tasks.backtest.record import BacktestRecord
from tradai_tasks.backtest.report.figure_text import compared, figure, label
from tradai_tasks.backtest.report.tables import ReportTable

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
    """Return a self-contained HTML page.

    Args:
        record: The record.
        curve: The account, marked to market.
        currency: Currency of the equity.
        tables: The tables after the picture.
        picture: The chart as PNG; None if it could not be drawn.
    """
    state = "passed" if record.passed else "failed"
    parts = [
        f"<h1>{_text(record.strategy)} <span class={state}>{state}</span></h1>",
        f"<p class=lead>{_text(headline(record).partition(': ')[2])}</p>",
        f"<p><strong>{_text(record.note)}</strong></p>" if record.note else "",
    ]
    if record.verdicts:
        rows = verdict_rows(record)
        parts.append(_table("Gates", VERDICT_COLUMNS, rows, mark=True))
    if picture is not None:
        data = base64.b64encode(picture).decode("ascii")
        parts.append(
            "<h2>Equity and drawdown, marked to market</h2>"
            f'<img alt="{_text(_described(curve, currency))}" src="data:image/png;base64,{data}">'
        )
    parts.append(_table("Figures", ("figure", "value"), figure_rows(record)))
    parts += [_table(one.title, one.columns, one.rows) for one in tables]
    parts.append(_table("Conditions", ("", ""), record.conditions.items()))
    parts.append(_table("Made from", ("", ""), _origin(record)))
    title = _text(headline(record))
    return _PAGE.format(title=title, body="\n".join(parts))


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


def _table(
    title: str, columns: Sequence[str], rows: Iterable[Sequence[str]], *, mark: bool = False
) -> str:
    head = "".join(f"<th scope=col>{_text(column)}</th>" for column in columns)
    lines = []
    for row in rows:
        state = f" class={'passed' if row[-1] == 'passed' else 'failed'}" if mark else ""
        cells = "".join(f"<td>{_text(cell)}</td>" for cell in row[1:])
        lines.append(f"<tr{state}><th scope=row>{_text(row[0])}</th>{cells}</tr>")
    thead = f"<thead><tr>{head}</tr></thead>" if any(columns) else ""
    body = f"<tbody>{''.join(lines)}</tbody>" if lines else "<tbody><tr><td>none</td></tr></tbody>"
    return f"<h2>{_text(title)}</h2><div class=scroll><table>{thead}{body}</table></div>"


def _text(text: str) -> str:
    return html.escape(text, quote=True)


_PAGE = """<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta http-equiv="Content-Security-Policy"
  content="default-src 'none'; img-src data:; style-src 'unsafe-inline'">
<title>{title}</title>
<style>
:root {{ color-scheme: light; --ink: #1f2933; --muted: #66727f; --line: #e3e8ed;
  --good: #1a7f37; --bad: #c9372c; }}
body {{ font: 15px/1.5 system-ui, sans-serif; color: var(--ink); background: #fff;
  max-width: 62rem; margin: 2rem auto; padding: 0 1.25rem; }}
h1 {{ font-size: 1.6rem; margin-bottom: 0; }}
h1 span {{ font-size: .9rem; color: #fff; border-radius: .3rem; padding: .15rem .6rem;
  vertical-align: middle; }}
h1 span.passed {{ background: var(--good); }}
h1 span.failed {{ background: var(--bad); }}
h2 {{ font-size: 1.05rem; margin: 2rem 0 .5rem; }}
.lead {{ color: var(--muted); margin-top: .25rem; }}
img {{ max-width: 100%; height: auto; }}
table {{ border-collapse: collapse; width: 100%; }}
th, td {{ text-align: left; padding: .35rem .75rem .35rem 0; vertical-align: top;
  border-bottom: 1px solid var(--line); font-weight: normal; overflow-wrap: anywhere;
  font-variant-numeric: tabular-nums; }}
thead th {{ color: var(--muted); font-size: .85rem; }}
tbody th {{ min-width: 9rem; }}
.scroll {{ overflow-x: auto; }}
tr.passed td:last-child {{ color: var(--good); }}
tr.failed td:last-child {{ color: var(--bad); font-weight: bold; }}
</style>
</head>
<body>
{body}
</body>
</html>
"""
