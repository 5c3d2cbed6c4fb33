"""`backtest-smoke(s)` and `backtest-full(s)`: run freqtrade and judge its result by gates."""

from __future__ import annotations

import fcntl
import hashlib
import os
import shutil
import sys
import threading
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

import nox
from nox.command import CommandFailed

from tradai_tasks.backtest.bias import check_alike
from tradai_tasks.backtest.conditions import PROTECTIONS_RUN
from tradai_tasks.backtest.isolation import isolation_of
from tradai_tasks.backtest.markets import Markets, serve_markets
from tradai_tasks.backtest.previous import previous_record, record_at
from tradai_tasks.backtest.record import RECORD_FILE, BacktestRecord, RecordKind
from tradai_tasks.backtest.record_builder import Code, make_record
from tradai_tasks.backtest.report.equity_chart import has_matplotlib, load
from tradai_tasks.backtest.report.page import VERDICT_COLUMNS, figure_rows, headline, verdict_rows
from tradai_tasks.backtest.run import (
    BacktestJob,
    check_children,
    conclude,
    environment,
    mask_log,
    read_facts,
)
from tradai_tasks.backtest.run_findings import RunFindings
from tradai_tasks.backtest.time_range import window_of
from tradai_tasks.environment_allowance import Allowance
from tradai_tasks.errors import BacktestError, GatesFailedError
from tradai_tasks.extras import require
from tradai_tasks.files.file_tree import join
from tradai_tasks.files.report_folder import make_report_folder
from tradai_tasks.release.engine.confinement import allowance_of
from tradai_tasks.report import annotate, append_markdown, markdown_table, print_table, say
from tradai_tasks.repository import Repository
from tradai_tasks.sessions.core.arguments import flag, option, parse
from tradai_tasks.sessions.core.context import Context
from tradai_tasks.sessions.core.environments.confined import withhold
from tradai_tasks.sessions.core.environments.environment import sync_package
from tradai_tasks.sessions.core.nox_options import end_of_install
from tradai_tasks.sessions.core.report_folder import empty
from tradai_tasks.sessions.release.backtest_source import NO_LOCAL, exported
from tradai_tasks.settings.backtest import BacktestSettings
from tradai_tasks.vcs.git import Git
from tradai_tasks.vcs.history import commit_time
from tradai_tasks.workspace.discovery import Package
from tradai_tasks.workspace.locks.lock_digest import lock_digest

_DRY_RUN = flag("--dry-run", "print what would be done")

_AGAINST = option(
    "--against",
    "a record.json to compare with, in place of the previous release's",
    type=Path,
    metavar="RECORD",
)


def smoke(session: nox.Session, context: Context, package: Package) -> None:
    """Run the smoke backtest."""
    _backtest(session, context.repository, package, "smoke")


def full(session: nox.Session, context: Context, package: Package) -> None:
    """Run the full backtest and judge it by the gates."""
    _backtest(session, context.repository, package, "full")


def _backtest(
    session: nox.Session, repository: Repository, package: Package, kind: RecordKind
) -> None:
    options = parse(session, [_DRY_RUN, _AGAINST], f"Run the {kind} backtest of {package.slug}.")
    if kind == "full":
        require("backtest")  # fail before half an hour of work, not after it
    git = Git.open(repository.root)
    job = replace(job_of(repository, package, kind, git), repeats=kind == "full")
    say(*(line.replace(f"{repository.root}/", "") for line in _plan(job)))
    if options.dry_run:
        session.log("nothing was done: this is a dry run")
        return
    against = options.against and Path(session.invoked_from) / options.against
    previous = _previous(repository, job, git, against)
    reached = install_freqtrade(session, repository, package, job.settings)
    with exclusive_run(session, job), exported(session, repository, package, reached) as source:
        job = source.of(job, package)
        code = _code(repository, package, git, source.sources)
        _report(job, _ran(session, repository, job, code, previous))


def _ran(
    session: nox.Session,
    repository: Repository,
    job: BacktestJob,
    code: Code,
    previous: BacktestRecord | None,
) -> BacktestRecord:
    """Run freqtrade and return the record of its result."""
    not_before = int(time.time())
    empty(job.folder)  # remove the figures of an earlier run; gates may have mounted the folder
    loading = threading.Thread(target=load)  # takes a second or two while freqtrade takes longer
    loading.start()
    with running(session, job, allowance_of(repository.settings), go=True) as (findings, markets):
        conclude(job, findings, markets)
    loading.join()
    if job.repeats:
        check_alike(job)
    record = make_record(job, findings, code, not_before=not_before, previous=previous)
    if not has_matplotlib():
        session.log("no picture: matplotlib is not installed; it comes with tradai-tasks[backtest]")
    return record


@contextmanager
def exclusive_run(session: nox.Session, job: BacktestJob) -> Iterator[None]:
    """Wait until no other process of this clone runs the same backtest, and keep it so."""
    job.folder.parent.mkdir(parents=True, exist_ok=True)
    with job.folder.with_name(f".{job.folder.name}.lock").open("wb") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            session.log(f"waiting for another run that uses {job.folder}")
            fcntl.flock(lock, fcntl.LOCK_EX)
        yield


def job_of(
    repository: Repository, package: Package, kind: RecordKind, git: Git, folder: str | None = None
) -> BacktestJob:
    """Return the description of a strategy's backtest; its results go to `folder`."""
    settings = repository.backtest(package)
    head = git.require_commit("HEAD", "make a commit: the window ends on its day")
    return BacktestJob(
        strategy=package.slug,
        kind=kind,
        settings=settings,
        window=window_of(kind, settings, commit_time(git, head)),
        home=repository.root / package.path,
        folder=make_report_folder(repository.root, "backtest", package.slug, folder or kind),
        store=repository.root / settings.data_dir,
    )


def install_freqtrade(
    session: nox.Session, repository: Repository, package: Package, settings: BacktestSettings
) -> frozenset[str]:
    """Install freqtrade and what else the strategy needs, as locked; return all their names.

    What comes from a folder is left out, and built from an export (`exported`). All backtest
    sessions of a strategy share the environment, for which nox has no option: freqtrade is large.
    uv locks it meanwhile. Under `--install-only` the session ends here.
    """
    # from here on, build backends and the strategy itself run
    withhold(session, repository)
    folder = session.cache_dir.resolve() / f"backtest-{package.slug}"
    session.env["UV_PROJECT_ENVIRONMENT"] = session.env["VIRTUAL_ENV"] = str(folder)
    session.env.update(dict.fromkeys(NO_LOCAL, "1"))
    session.env["UV_PYTHON"] = repository.python or sys.executable
    reached = sync_package(session, repository, package, settings.groups, tool="freqtrade")
    end_of_install(session)
    return reached | {package.name}


def program(session: nox.Session, name: str) -> str:
    """Return the path of a program in the environment that `install_freqtrade` filled."""
    return str(Path(session.env["UV_PROJECT_ENVIRONMENT"] or "") / "bin" / name)


@contextmanager
def running(
    session: nox.Session, job: BacktestJob, allowance: Allowance, *, go: bool
) -> Iterator[tuple[RunFindings, Markets]]:
    """Run freqtrade and yield what it found; without `go` it only says what it would read."""
    isolation = isolation_of(os.environ)
    if isolation.why_not:
        session.log(f"no network namespace ({isolation.why_not}): it may start no other process")
    with serve_markets(job.store) as markets, isolation.entered(markets) as within:
        job.folder.mkdir(parents=True, exist_ok=True)
        shutil.rmtree(job.folder / "work", ignore_errors=True)
        job.prepare(markets, go=go)
        start = time.monotonic()
        with job.log.open("w", encoding="utf-8") as log, session.chdir(job.home):
            try:
                # its exit status is 0 on many faults, so what it reported is judged instead
                session.run(
                    *within(program(session, "python"), *job.arguments()),
                    env=environment(os.environ, allowance),
                    stdout=log,
                    success_codes=range(256),
                    external=True,
                )
            except CommandFailed as failed:
                raise BacktestError(
                    f"{job.strategy}: freqtrade could not be run: {failed.reason}"
                ) from None
            finally:
                mask_log(job)
        session.log(f"{time.monotonic() - start:.1f} s; its output is in {job.log}")
        findings = read_facts(job)
        check_children(job, findings, isolation.why_not)
        yield findings, markets


def _previous(
    repository: Repository, job: BacktestJob, git: Git, against: Path | None
) -> BacktestRecord | None:
    """Return the record to compare with; None if there is none."""
    if against is not None:
        return record_at(against)
    head = git.require_commit("HEAD", "make a commit")
    record, why = previous_record(repository.root / "build" / "release", job.strategy, head)
    if why:
        say(f"{job.strategy}: {why}")
    return record


def _plan(job: BacktestJob) -> list[str]:
    settings = job.settings
    whole = f"{'one pair' if job.kind == 'smoke' else 'all pairs'} of {settings.config}"
    pairs = ", ".join(job.pairs) if job.pairs else whole
    gates = (
        f"Sharpe of {settings.sharpe} >= {settings.min_sharpe:g}, profit factor >= "
        f"{settings.min_profit_factor:g}, drawdown <= {settings.max_drawdown:g} %, trades >= "
        f"{settings.min_trades}"
    )
    return [
        f"{job.strategy}: {job.kind} backtest",
        f"  window    {job.window.start} to {job.window.end}",
        f"  pairs     {pairs}",
        f"  candles   {job.store}",
        f"  gates     {gates if job.kind == 'full' else 'none: it must run, on fresh candles'}",
        f"  command   freqtrade {' '.join(job.argv())}",
    ]


def _code(repository: Repository, package: Package, git: Git, sources: Mapping[str, str]) -> Code:
    """Return the identity of the code that runs: its commit, changes and lock file."""
    lock = repository.root / join(package.project, "uv.lock")
    home = "" if package.path == "." else f"{package.path}/"
    changed = [entry for entry in git.status() if entry.path.startswith(home)]
    content = hashlib.sha256()
    for entry in changed:
        file = repository.root / entry.path
        content.update(entry.path.encode() + (file.read_bytes() if file.is_file() else b""))
    return Code(
        commit=git.require_commit("HEAD", "make a commit"),
        changes=content.hexdigest() if changed else "",
        lock_sha256=lock_digest(lock.read_bytes(), str(lock)),
        lock=lock.read_bytes(),
        sources=sources,
    )


def _report(job: BacktestJob, record: BacktestRecord) -> None:
    rows = verdict_rows(record)
    title = headline(record)
    summary = f"\n### {title}\n\n"
    say(title)
    if rows:
        print_table("", VERDICT_COLUMNS, rows)
        summary += markdown_table(VERDICT_COLUMNS, rows)
    else:
        print_table("", ("figure", "value"), figure_rows(record))
        summary += markdown_table(("figure", "value"), figure_rows(record))
    if record.note:
        said = "notice" if record.note.startswith(PROTECTIONS_RUN) else "warning"
        annotate(said, f"{record.strategy}: {record.note}")
        say(f"{record.strategy}: {record.note}")
        summary += f"\n{record.note}\n"
    if record.dirty:
        say(f"{record.strategy}: with changes that are not in commit {record.commit[:12]}")
    append_markdown(summary)
    say(f"report: {job.folder / 'report.html'}", f"record: {job.folder / RECORD_FILE}")
    failed = [verdict for verdict in record.verdicts if not verdict.passed]
    if failed:
        said = ", ".join(
            f"{row[0]} {row[1]} (wanted {row[2]})" for row in rows if row[3] == "FAILED"
        )
        raise GatesFailedError(
            f"{record.strategy}: {len(failed)} of {len(rows)} gates failed: {said}; see "
            f"{job.folder / 'report.html'}"
        )
