"""Build the record and the report of a backtest from freqtrade's result."""

from __future__ import annotations

import shutil
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from tradai_tasks.backtest.conditions import (
    conditions_of,
    config_document,
    overrides_note,
    protections_note,
)
from tradai_tasks.backtest.config_secrets import redacted_archive
from tradai_tasks.backtest.figures.equity_curve import Curve
from tradai_tasks.backtest.figures.gates import judge, metrics_of
from tradai_tasks.backtest.figures.mark_to_market import mark_to_market
from tradai_tasks.backtest.figures.prices import read_prices
from tradai_tasks.backtest.figures.result import (
    BacktestResult,
    ExpectedRun,
    find_result,
    read_result,
)
from tradai_tasks.backtest.markets import markets_digest
from tradai_tasks.backtest.record import RECORD_FILE, BacktestRecord
from tradai_tasks.backtest.report.equity_chart import draw, has_matplotlib
from tradai_tasks.backtest.report.page import headline, page
from tradai_tasks.backtest.report.tables import equity_csv, tables, trades_csv
from tradai_tasks.backtest.run import BacktestJob, last_words
from tradai_tasks.backtest.run_findings import RunFindings
from tradai_tasks.errors import BacktestResultError, CandlesError
from tradai_tasks.files.atomic_write import write_whole

_PICTURE, _PAGE, _LOCK = "equity.png", "report.html", "uv.lock"
_TRADES, _EQUITY, _CONFIG = "trades.csv", "equity.csv", "config.json"


@dataclass(frozen=True, kw_only=True, slots=True)
class Code:
    """The code that ran: its commit, changes and lock file."""

    commit: str
    changes: str  # digest of the changes since the commit; empty if there are none
    lock_sha256: str
    lock: bytes = b""  # the lock file itself, which is kept beside the record
    sources: Mapping[str, str] = field(
        default_factory=dict
    )  # packages of other repositories -> commit


def make_record(
    job: BacktestJob,
    findings: RunFindings,
    code: Code,
    *,
    not_before: int,
    previous: BacktestRecord | None = None,
) -> BacktestRecord:
    """Read the result, judge it, and write the record and its report to the job's folder.

    The run began at `not_before`, in seconds since the epoch; `previous` is the record to compare
    with.

    Raises:
        BacktestResultError: There is no result, or it belongs to another run.
        CandlesError: A candle is missing while a position is held.
    """
    archive, result = _result_of(job, findings, not_before)
    prices = read_prices(findings.prices, job.folder / "work")
    try:
        curve = mark_to_market(result, prices, findings.step)
    except CandlesError as error:
        raise CandlesError(f"{job.strategy}: {error}") from None
    write_whole(job.folder / archive.name, redacted_archive(archive.read_bytes()))
    write_whole(job.folder / _LOCK, code.lock)
    files = (_PAGE, _TRADES, _EQUITY, _CONFIG, archive.name, job.log.name, _LOCK)
    drawn = (_PICTURE,) if has_matplotlib() else ()
    record = _record(job, findings, code, (result, curve), (*drawn, *files))
    image = None
    if drawn:
        limit = job.settings.max_drawdown / 100 if job.kind == "full" else None
        draw(
            job.folder / _PICTURE, curve, title=headline(record), currency=result.currency,
            limit=limit,
        )  # fmt: skip
        image = (job.folder / _PICTURE).read_bytes()
    further = tables(result, curve, record, previous, job.settings.out_of_sample)
    for name, text in (
        (_PAGE, page(record, curve, result.currency, further, image)),
        (_TRADES, trades_csv(result)),
        (_EQUITY, equity_csv(curve)),
        (_CONFIG, config_document(findings.conditions)),
        (RECORD_FILE, record.as_json()),
    ):
        write_whole(job.folder / name, text.encode())
    shutil.rmtree(job.folder / "work")
    return record


def _record(
    job: BacktestJob,
    findings: RunFindings,
    code: Code,
    outcome: tuple[BacktestResult, Curve],
    files: tuple[str, ...],
) -> BacktestRecord:
    """Judge freqtrade's result and the account marked to market, and return the record."""
    result, curve = outcome
    verdicts = judge(result, curve, job.settings) if job.kind == "full" else ()
    notes = (
        "" if result.trades else "no trade was made",
        overrides_note(findings.conditions),
        protections_note(findings.conditions),
    )
    return BacktestRecord(
        strategy=job.strategy,
        kind=job.kind,
        commit=code.commit,
        dirty=bool(code.changes),
        lock_sha256=code.lock_sha256,
        data_sha256=findings.data_sha256,
        markets_sha256=markets_digest(Path(findings.snapshot).read_bytes()),
        freqtrade=findings.freqtrade,
        strategy_class=findings.strategy,
        sources=dict(code.sources),
        packages=dict(findings.packages),
        start=job.window.start.isoformat(),
        end=job.window.end.isoformat(),
        pairs=tuple(job.pairs or findings.pairs),
        timeframe=findings.timeframe,
        sharpe=job.settings.sharpe,
        metrics=metrics_of(result, curve, job.settings.sharpe),
        verdicts=verdicts,
        passed=all(verdict.passed for verdict in verdicts),
        conditions=conditions_of(result, findings.conditions, _thresholds(job)),
        note="; ".join(note for note in notes if note),
        files=files,
    )


def _thresholds(job: BacktestJob) -> dict[str, float]:
    """Return the limits of the gates, by the names of their settings."""
    if job.kind == "smoke":
        return {}
    names = ("min_sharpe", "min_profit_factor", "max_drawdown", "min_trades")
    return {name.replace("_", "-"): getattr(job.settings, name) for name in names}


def _result_of(
    job: BacktestJob, findings: RunFindings, not_before: int
) -> tuple[Path, BacktestResult]:
    """Return freqtrade's archive and the result in it.

    Raises:
        BacktestResultError: There is no result, or it belongs to another run.
    """
    expected = ExpectedRun(
        strategy=findings.strategy,
        window=job.window,
        pairs=tuple(job.pairs or findings.pairs),
        timeframe=findings.timeframe,
        step=findings.step,
        not_before=not_before,
    )
    try:
        archive = find_result(job.results)
        return archive, read_result(archive, expected)
    except BacktestResultError as error:
        log = job.log.read_text(encoding="utf-8", errors="replace") if job.log.is_file() else ""
        raise BacktestResultError(
            f"{job.strategy}: {error}; freqtrade's last words: {last_words(log)}; see {job.log}"
        ) from None
