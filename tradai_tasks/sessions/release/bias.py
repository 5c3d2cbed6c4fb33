"""`lookahead(s)`, `recursive(s)` and `freqtrade(s)`: other commands of freqtrade, hermetic too."""

from __future__ import annotations

import shutil
import sys
from dataclasses import replace

import nox

from tradai_tasks.backtest.bias import check_bias
from tradai_tasks.backtest.run import BacktestJob, conclude, has_failed, last_words
from tradai_tasks.backtest.run_findings import RunFindings
from tradai_tasks.errors import BacktestError, BadArgumentsError
from tradai_tasks.release.engine.confinement import allowance_of
from tradai_tasks.report import say
from tradai_tasks.repository import Repository
from tradai_tasks.sessions.core.arguments import parse
from tradai_tasks.sessions.core.context import Context
from tradai_tasks.sessions.release.backtest import exclusive_run, install_freqtrade, job_of, running
from tradai_tasks.sessions.release.backtest_source import exported
from tradai_tasks.vcs.git import Git
from tradai_tasks.workspace.discovery import Package


def lookahead(session: nox.Session, context: Context, package: Package) -> None:
    """Check that a strategy does not see the future."""
    _analyse(session, context.repository, package, "lookahead")


def recursive(session: nox.Session, context: Context, package: Package) -> None:
    """Check that a strategy's indicators settle within its start-up candles."""
    _analyse(session, context.repository, package, "recursive")


def freqtrade(session: nox.Session, context: Context, package: Package) -> None:
    """Run a command of freqtrade on the strategy, its candles and the markets here."""
    repository = context.repository
    job = replace(_job(repository, package, "freqtrade"), command=tuple(session.posargs))
    reached = install_freqtrade(session, repository, package, job.settings)
    if not session.posargs or session.posargs[0].startswith("-"):
        raise BadArgumentsError(
            f'which command? such as: nox -s "freqtrade({package.slug})" -- list-strategies'
        )
    with exclusive_run(session, job), exported(session, repository, package, reached) as source:
        job = replace(job, site=source.site)  # in the work tree: hyperopt leaves its result there
        facts = _run(session, repository, job)
        said = job.log.read_text(encoding="utf-8", errors="replace")
        sys.stdout.write(said)
        sys.stdout.flush()
        if has_failed(facts, said):
            raise BacktestError(
                f"{job.strategy}: freqtrade {job.command[0]} failed: {last_words(said)}; see "
                f"{job.log}"
            )
        say(f"files that it left: {job.folder / 'work' / 'user_data'}")


def _analyse(session: nox.Session, repository: Repository, package: Package, analysis: str) -> None:
    parse(session, [], f"Run freqtrade's {analysis}-analysis of {package.slug}.")
    job = replace(_job(repository, package, analysis), command=(f"{analysis}-analysis",))
    reached = install_freqtrade(session, repository, package, job.settings)
    with exclusive_run(session, job), exported(session, repository, package, reached) as source:
        job = source.of(job, package)
        said = check_bias(job, _run(session, repository, job), analysis)
        shutil.rmtree(job.folder / "work")
    say(f"{job.strategy}: {said}")


def _job(repository: Repository, package: Package, folder: str) -> BacktestJob:
    return job_of(repository, package, "full", Git.open(repository.root), folder)


def _run(session: nox.Session, repository: Repository, job: BacktestJob) -> RunFindings:
    with running(session, job, allowance_of(repository.settings), go=True) as (facts, markets):
        conclude(job, facts, markets)
        return facts
