"""The tables of a backtest's report, as rows of text."""

from __future__ import annotations

import csv
import io
import math
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime
from itertools import pairwise

from tradai_tasks.backtest.figures.equity_curve import Curve
from tradai_tasks.backtest.figures.result import BacktestResult
from tradai_tasks.backtest.figures.trades import Trade
from tradai_tasks.backtest.record import BacktestRecord
from tradai_tasks.backtest.report.figure_text import day, duration, figure, label, money, percent

_SHOWN = 5  # drawdowns, best and worst trades


@dataclass(frozen=True, kw_only=True, slots=True)
class ReportTable:
    """A table of the report."""

    title: str
    columns: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]


def tables(
    result: BacktestResult,
    curve: Curve,
    record: BacktestRecord,
    previous: BacktestRecord | None,
    split: str | None,
) -> Iterator[ReportTable]:
    """Yield the tables that follow the gates and the picture.

    `previous` is the record of the previous release, if any; `split` the first day out of sample,
    as 2025-10-01; None to split nothing.
    """
    currency = result.currency
    if previous is not None:
        yield _against(record, previous)
    if split is not None:
        yield _samples(result, curve, split)
    yield ReportTable(
        title="Deepest drawdowns, marked to market",
        columns=("depth", "peak (UTC)", "lowest", "recovered", "length"),
        rows=tuple(_drawdowns(curve)),
    )
    yield ReportTable(
        title="Months (UTC)",
        columns=("month", "return", "buy and hold", "trades closed", "realised"),
        rows=tuple(_months(result, curve)),
    )
    yield from _groups(result, record.pairs)
    ranked = sorted(result.trades, key=lambda trade: trade.profit)
    for title, chosen in (("Best trades", ranked[::-1]), ("Worst trades", ranked)):
        yield ReportTable(
            title=title,
            columns=("pair", "side", "opened (UTC)", "held", "realised", "of the stake", "exit"),
            rows=tuple(_trade(trade, currency) for trade in chosen[:_SHOWN]),
        )
    yield ReportTable(title="Exposure", columns=("", ""), rows=tuple(_exposure(result, curve)))


def _groups(result: BacktestResult, pairs: Sequence[str]) -> Iterator[ReportTable]:
    """Yield the trades' sums by pair, by side and by reason of their exit."""
    columns = ("trades", "won", "realised", "fees", "funding")
    for title, key in (
        ("By pair", lambda trade: trade.pair),
        ("Long and short", lambda trade: "short" if trade.is_short else "long"),
        ("By exit reason", lambda trade: trade.exit_reason),
    ):
        names = dict.fromkeys(pairs if title == "By pair" else ())
        names |= dict.fromkeys(sorted({key(trade) for trade in result.trades}))
        rows = [
            (name, *_sums([t for t in result.trades if key(t) == name], result.currency))
            for name in names
        ]
        first = title.removeprefix("By ")
        yield ReportTable(title=title, columns=(first, *columns), rows=tuple(rows))


def _against(record: BacktestRecord, previous: BacktestRecord) -> ReportTable:
    rows = []
    for name in dict.fromkeys([*record.metrics, *previous.metrics]):
        here, there = record.metrics.get(name), previous.metrics.get(name)
        change = "" if here is None or there is None else figure(name, here - there)
        shown = ["none" if value is None else figure(name, value) for value in (there, here)]
        rows.append((label(name), *shown, f"+{change}" if change and here > there else change))  # type: ignore[operator]  # no change without both
    for name in dict.fromkeys([*record.conditions, *previous.conditions]):
        there_, here_ = previous.conditions.get(name, "none"), record.conditions.get(name, "none")
        if here_ != there_:
            rows.append((name, there_, here_, "differs"))
    span = f"{previous.start} to {previous.end}, commit {previous.commit[:12]}"
    columns = ("figure", f"before ({span})", "now", "change")
    return ReportTable(title="Against the previous release", columns=columns, rows=tuple(rows))


def _samples(result: BacktestResult, curve: Curve, split: str) -> ReportTable:
    first = int(datetime.combine(date.fromisoformat(split), datetime.min.time(), UTC).timestamp())
    columns, rows = ["figure"], [["return"], ["Sharpe, daily"], ["max drawdown"], ["trades closed"]]
    for name, start, end in (
        (f"in sample, before {split}", curve.times[0], first),
        (f"out of sample, from {split}", first, curve.times[-1]),
    ):
        part = curve.part(start, end) if start < end else None
        columns.append(name)
        if part is None or len(part.times) < 2:  # noqa: PLR2004 - a start and an end
            cells = ["no candles"] * len(rows)
        else:
            sharpe, why = part.ratio()
            trades = [t for t in result.trades if start <= t.closed < end]
            cells = [
                percent(part.equity[-1] / part.equity[0] - 1) if part.equity[0] > 0 else "none",
                why if sharpe is None else f"{sharpe:.3f}",
                figure("max-drawdown", -part.drawdown[part.deepest]),
                f"{len(trades):,}",
            ]
        for row, cell in zip(rows, cells, strict=True):
            row.append(cell)
    title = "In sample and out of sample"
    return ReportTable(title=title, columns=tuple(columns), rows=tuple(tuple(row) for row in rows))


def _drawdowns(curve: Curve) -> Iterator[tuple[str, ...]]:
    """Yield the deepest falls from a peak until it is reached again."""
    falls, peak, lowest = [], 0, 0
    for n, value in enumerate(curve.equity):
        if value >= curve.equity[peak]:
            if curve.drawdown[lowest] < 0:
                falls.append((peak, lowest, n))
            peak = lowest = n
        elif value < curve.equity[lowest]:
            lowest = n
    if curve.drawdown[lowest] < 0:
        falls.append((peak, lowest, -1))
    for peak, lowest, end in sorted(falls, key=lambda fall: curve.drawdown[fall[1]])[:_SHOWN]:
        yield (
            figure("max-drawdown", -curve.drawdown[lowest]),
            day(curve.times[peak]),
            day(curve.times[lowest]),
            day(curve.times[end]) if end >= 0 else "not in this window",
            duration(curve.times[end] - curve.times[peak]),
        )


def _months(result: BacktestResult, curve: Curve) -> Iterator[tuple[str, ...]]:
    ends = {_month(time - 1): n for n, time in enumerate(curve.times) if n}
    for (_, before), (month, end) in pairwise([("", 0), *ends.items()]):
        closed = [trade for trade in result.trades if _month(trade.closed) == month]
        shown = [
            percent(values[end] / values[before] - 1) if values and values[before] > 0 else "none"
            for values in (curve.equity, curve.held)
        ]
        profit = money(math.fsum(trade.profit for trade in closed), result.currency)
        yield month, *shown, f"{len(closed):,}", profit


def _month(moment: int) -> str:
    return f"{datetime.fromtimestamp(moment, UTC):%Y-%m}"


def _sums(trades: Sequence[Trade], currency: str) -> tuple[str, ...]:
    won = sum(trade.profit > 0 for trade in trades)
    return (
        f"{len(trades):,}",
        f"{won:,} ({won / len(trades) * 100:.1f} %)" if trades else "0",
        money(math.fsum(trade.profit for trade in trades), currency),
        money(-math.fsum(trade.fees for trade in trades), currency),
        money(math.fsum(trade.funding for trade in trades), currency),
    )


def _trade(trade: Trade, currency: str) -> tuple[str, ...]:
    return (
        trade.pair,
        "short" if trade.is_short else "long",
        day(trade.opened),
        duration(trade.closed - trade.opened),
        money(trade.profit, currency),
        percent(trade.profit_ratio),
        trade.exit_reason,
    )


def _exposure(result: BacktestResult, curve: Curve) -> Iterator[tuple[str, str]]:
    held = [value for value in curve.exposure if value > 0]
    shares = [
        value / equity
        for value, equity in zip(curve.exposure, curve.equity, strict=True)
        if equity > 0
    ]
    yield "candles with an open position", f"{len(held) / len(curve.exposure) * 100:.2f} %"
    yield (
        "value of positions, mean",
        f"{math.fsum(shares) / max(1, len(shares)) * 100:.2f} % of equity",
    )
    yield "value of positions, most", f"{max(shares, default=0.0) * 100:.2f} % of equity"
    yield "fees paid", money(-math.fsum(t.fees for t in result.trades), result.currency)
    funding = math.fsum(trade.funding for trade in result.trades)
    yield f"funding {'received' if funding > 0 else 'paid'}", money(funding, result.currency)


_TRADE_COLUMNS = (
    "pair", "side", "opened", "closed", "leverage", "stake", "profit", "profit_ratio", "fees",
    "funding", "exit_reason", "orders",
)  # fmt: skip


def trades_csv(result: BacktestResult) -> str:
    """Return a line for each trade; money is in the stake currency, ratios are fractions."""
    return csv_text(
        _TRADE_COLUMNS,
        (
            (
                trade.pair, "short" if trade.is_short else "long", day(trade.opened),
                day(trade.closed), trade.leverage, trade.stake, trade.profit,
                trade.profit_ratio, trade.fees, trade.funding, trade.exit_reason, len(trade.orders),
            )
            for trade in result.trades
        ),
    )  # fmt: skip


def equity_csv(curve: Curve) -> str:
    """Return a line for the start and each candle's close; drawdown is a fraction."""
    times = (day(time) for time in curve.times)
    columns = (curve.equity, curve.drawdown, curve.exposure, curve.held)
    return csv_text(
        ("time", "equity", "drawdown", "positions", "buy_and_hold"),
        zip(times, *columns, strict=True),
    )


def csv_text(columns: Sequence[str], rows: Iterable[Sequence[object]]) -> str:
    """Return comma-separated values; text that a spreadsheet would run as a formula is quoted."""
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\n")
    writer.writerow(columns)
    for row in rows:
        writer.writerow([f"'{v}" if isinstance(v, str) and v[:1] in "=+-@" else v for v in row])
    return out.getvalue()
