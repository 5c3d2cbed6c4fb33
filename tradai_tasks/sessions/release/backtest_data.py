"""`backtest-data(s)`: fetch the candles and the market snapshot of a strategy's backtests."""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Callable
from dataclasses import dataclass

import nox
from nox.command import CommandFailed

from tradai_tasks.backtest.candles import (
    Source,
    bring,
    check_snapshot,
    download_argv,
    download_overlay,
    fetch_snapshot,
    parse_source,
    replace,
)
from tradai_tasks.backtest.isolated.series import day
from tradai_tasks.backtest.markets import Markets, api_of
from tradai_tasks.backtest.record import RecordKind
from tradai_tasks.backtest.run import (
    BacktestJob,
    check_candles,
    check_requests,
    environment,
    last_words,
)
from tradai_tasks.backtest.run_findings import RunFindings
from tradai_tasks.environment_allowance import Allowance
from tradai_tasks.errors import AwsError, CandlesError
from tradai_tasks.files.atomic_write import ignore_folder
from tradai_tasks.release.clients.aws import Aws, aws_error
from tradai_tasks.release.engine.confinement import allowance_of
from tradai_tasks.report import print_table, say
from tradai_tasks.sessions.core.arguments import flag, parse
from tradai_tasks.sessions.core.context import Context
from tradai_tasks.sessions.release.backtest import (
    exclusive_run,
    install_freqtrade,
    job_of,
    program,
    running,
)
from tradai_tasks.sessions.release.backtest_source import exported
from tradai_tasks.vcs.git import Git
from tradai_tasks.workspace.discovery import Package

_MOST = 2 << 30  # bytes of one file of candles
_OPTIONS = [
    flag("--smoke", "only what the smoke backtest reads"),
    flag("--refresh", "fetch again what is there, the snapshot too"),
    flag("--dry-run", "print what would be done"),
]


@dataclass(frozen=True, kw_only=True)
class _Bringer:
    """One run of the session."""

    session: nox.Session
    source: Source
    refresh: bool
    aws: Aws
    allowance: Allowance  # variables of the environment that freqtrade gets

    def bring(self, job: BacktestJob) -> RunFindings:
        """Fetch everything that a backtest reads, and check that it is there."""
        findings, markets = self._find_series(job)
        renewed = self._snapshot(job, findings)
        if not findings.series:  # it asked for markets that were not there yet
            findings, markets = self._find_series(job)
        check_requests(job, findings, markets)
        if self.source.kind == "download":
            return self._download(job, findings)
        names = [f"{findings.exchange}/{one.file}" for one in findings.series]
        brought = bring(names, self._getter(), job.store)
        self.session.log(
            f"{len(brought.changed)} files brought, {len(brought.same)} there already, "
            f"{len(brought.absent)} not in {self.source}"
        )
        if brought.changed or renewed:
            findings, _ = self._find_series(job)
        check_candles(job, findings, f"{self.source} does not have them")
        return findings

    def _find_series(self, job: BacktestJob) -> tuple[RunFindings, Markets]:
        """Ask freqtrade what the strategy reads."""
        with running(self.session, job, self.allowance, go=False) as (findings, markets):
            if not markets.missing:
                check_requests(job, findings, markets)
            return findings, markets

    def _snapshot(self, job: BacktestJob, findings: RunFindings) -> bool:
        """Fetch the snapshot of the markets, unless it is there and has all pairs."""
        if findings.without_market == () and not self.refresh:
            return False
        api = api_of(findings.exchange, findings.mode)
        name = f"{api.exchange}/{api.file}"
        if self.source.kind == "download":
            content: bytes | None = fetch_snapshot(api, job.settings.api_url)
            where = job.settings.api_url or api.host
        else:
            content, where = self._getter()(name), f"{self.source}/{name}"
        if content is None:
            raise CandlesError(
                f"{where}: no such file; put the exchange's answer to GET {api.path} there"
            )
        check_snapshot(content, where, findings.pairs)
        replace(job.store / name, content)
        self.session.log(f"{name}: from {where}")
        return True

    def _getter(self) -> Callable[[str], bytes | None]:
        folder = self.source.folder
        if folder is not None:
            return lambda name: (folder / name).read_bytes() if (folder / name).is_file() else None
        return self._object

    def _object(self, name: str) -> bytes | None:
        """Return an object of the bucket; None if it does not exist."""
        key = self.source.key(name)
        try:
            answer = self.aws.call("s3", "get_object", Bucket=self.source.bucket, Key=key)
        except AwsError as error:
            if error.code == "NoSuchKey":
                return None
            raise
        try:
            content: bytes = answer["Body"].read(_MOST + 1)
        except Exception as error:
            if type(error).__module__.split(".")[0] != "botocore":
                raise
            raise aws_error(error, "s3", "get_object") from None
        if len(content) > _MOST:
            raise CandlesError(f"{self.source}: {name}: larger than {_MOST >> 30} GB, so refused")
        return content

    def _download(self, job: BacktestJob, findings: RunFindings) -> RunFindings:
        """Download missing candles with freqtrade: first the end, then the beginning."""
        passes = [{"erase": True}] if self.refresh else [{}, {"prepend": True}]
        said = ""
        for options in passes:
            if not self.refresh and not any(one.missing for one in findings.series):
                break
            overlay = job.folder / "work" / "download.json"
            overlay.write_text(json.dumps(download_overlay(job, findings)), encoding="utf-8")
            argv = download_argv(job, findings, overlay, **options)
            log = job.folder / "download.log"
            with log.open("w", encoding="utf-8") as out, self.session.chdir(job.home):
                try:  # its exit status is not reliable; the candles are checked instead
                    env = {
                        n: v
                        for n, v in environment(os.environ, self.allowance).items()
                        if "proxy" not in n.lower()
                    }
                    self.session.run(
                        program(self.session, argv[0]),
                        *argv[1:],
                        env=env,
                        stdout=out,
                        success_codes=range(256),
                        external=True,
                    )
                except CommandFailed as failed:
                    raise CandlesError(f"{job.strategy}: freqtrade: {failed.reason}") from None
            said = last_words(log.read_text(encoding="utf-8", errors="replace"))
            findings, _ = self._find_series(job)
        check_candles(job, findings, f"freqtrade could not download them: {said}")
        return findings


def data(session: nox.Session, context: Context, package: Package) -> None:
    """Fetch candles and markets, first those of the full backtest."""
    repository = context.repository
    options = parse(session, _OPTIONS)
    git = Git.open(repository.root)
    kinds: tuple[RecordKind, ...] = ("smoke",) if options.smoke else ("full", "smoke")
    jobs = [job_of(repository, package, kind, git, "data") for kind in kinds]
    source = parse_source(jobs[0].settings.source, repository.root)
    for job in jobs:
        pairs = ", ".join(job.pairs) if job.pairs else f"all pairs of {job.settings.config}"
        say(
            f"{job.strategy}: candles of {pairs}, {job.window.start} to {job.window.end}, from "
            f"{source} to {job.store}"
        )
    if options.dry_run:
        session.log("nothing was done: this is a dry run")
        return
    reached = install_freqtrade(session, repository, package, jobs[0].settings)
    jobs[0].store.mkdir(parents=True, exist_ok=True)
    ignore_folder(jobs[0].store)
    bringer = _Bringer(
        session=session,
        source=source,
        refresh=options.refresh,
        aws=Aws(),
        allowance=allowance_of(repository.settings),
    )
    with exclusive_run(session, jobs[0]), exported(session, repository, package, reached) as made:
        jobs = [made.of(job, package) for job in jobs]
        found = bringer.bring(jobs[0])
        _show(found)
        for job in jobs[1:]:
            wanted = job.settings.smoke_pair
            covered = wanted is None or wanted in found.pairs
            if not covered or job.window.start < jobs[0].window.start:
                _show(bringer.bring(job))
    shutil.rmtree(jobs[0].folder / "work", ignore_errors=True)


def _show(findings: RunFindings) -> None:
    rows = [
        (one.pair, one.timeframe, one.candle, day(one.start), day(one.end))
        for one in findings.series
    ]
    print_table("", ("pair", "timeframe", "candles", "from", "to"), rows)
    say(f"candles, sha256: {findings.data_sha256}")
