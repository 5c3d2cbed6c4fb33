"""Create the gates of a release, and the stage of a strategy's version in the model registry."""

from __future__ import annotations

import functools
import threading
from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

from tradai_tasks.backtest.candles import candles_fault
from tradai_tasks.backtest.record import BacktestRecord
from tradai_tasks.environment_allowance import secrets_of
from tradai_tasks.files.report_folder import make_report_folder
from tradai_tasks.release.clients.mlflow_api import MlflowServer
from tradai_tasks.release.clients.mlflow_http import client_of
from tradai_tasks.release.engine.confinement import allowance_of
from tradai_tasks.release.engine.evidence import Store
from tradai_tasks.release.engine.gates import (
    BacktestGate,
    SessionGate,
    SkippedGate,
    backtest_of,
    gate_environment,
)
from tradai_tasks.release.engine.step import Known, Release, Stage, Step
from tradai_tasks.release.models.model_registration import AliasStep, VersionStep
from tradai_tasks.repository import Repository
from tradai_tasks.sandbox import Sandbox
from tradai_tasks.settings.release import MlflowSettings
from tradai_tasks.workspace.discovery import Package

BACKTEST, IMAGE, MLFLOW = "backtest-full", "image", "mlflow"
BIAS = ("lookahead", "recursive")
GATES = ("lint", "typecheck", "test", *BIAS, BACKTEST)  # the longest last


def gate_stage(  # noqa: PLR0913 - what a gate is run with, by keyword
    stage: str,
    sessions: tuple[str, ...],
    *,
    strategy: str | None,
    repository: Repository,
    noxfile: Path,
    store: Store,
    stop: threading.Event,
    show: Callable[[str], None],
    env: Mapping[str, str],
    sandbox: Sandbox | None,
) -> Stage:
    """Return a gate of a platform's or a strategy's release.

    Args:
        sessions: Its nox sessions; empty where the settings say that there is nothing to judge.
        strategy: The strategy; None for a platform.
        noxfile: The noxfile with the sessions.
        stop: Event that ends running sessions.
        show: Called with the end of the log of a gate that failed.
        env: The environment, of which a gate gets what the settings allow.
        sandbox: Sandbox that it runs in; None if the machine has none.
    """
    if not sessions:
        if stage == BACKTEST:
            why = "backtest.enabled is false"
        else:
            why = "backtest.bias-gates does not name it" if stage in BIAS else "it has no tests"
        step: Step = SkippedGate(name=str(strategy), why=f"by the settings: {why}")
        return Stage(name=stage, steps=(step,), is_gate=True)
    reports = None
    if strategy is not None:
        reports = make_report_folder(repository.root, "backtest", strategy, "full")
        # only the gate of the backtest can write to its reports
        if sandbox is not None and stage != BACKTEST:
            sandbox = replace(sandbox, read_only=(*sandbox.read_only, reports))
    allowance = allowance_of(repository.settings)
    step = gate = SessionGate(
        name=strategy or "platform",
        stage=stage,
        sessions=sessions,
        noxfile=noxfile,
        store=store,
        stop=stop,
        show=show,
        env=gate_environment(env, allowance),
        withheld=allowance.withheld(env),
        secrets=secrets_of(env, allowance),
        sandbox=sandbox,
    )
    if reports is not None and stage == BACKTEST:
        fault = functools.partial(_candles_fault, repository, str(strategy))
        step = BacktestGate(gate=gate, reports=reports, fault=fault)
    return Stage(name=stage, steps=(step,), is_gate=True)


def _candles_fault(repository: Repository, strategy: str) -> str:
    """Return why the backtest of a strategy would fail for its candles; empty if not known."""
    package = next(one for one in repository.workspace.strategies if one.slug == strategy)
    settings = repository.backtest(package)
    return candles_fault(repository.root / settings.data_dir, strategy)


def model_stage(  # noqa: PLR0913 - what is registered, by keyword
    release: Release,
    package: Package,
    settings: MlflowSettings,
    *,
    is_backtested: bool,
    store: Store,
    stop: threading.Event,
    env: Mapping[str, str],
) -> Stage:
    """Return the stage that registers a strategy's version, and points the alias at it."""
    slug = package.slug

    @functools.cache
    def connect() -> MlflowServer:
        client = client_of(env, settings.tracking_uri, patience=settings.patience, stop=stop)
        return MlflowServer(client=client)

    project: Mapping[str, Any] = package.document.get("project", {})
    described = {"package": package.name, "path": package.path}
    version = VersionStep(
        name=slug,
        release=release,
        connect=connect,
        image=lambda known: _image(known, slug),
        backtest=lambda known: _backtest(known, slug),
        is_backtested=is_backtested,
        report=lambda: store.contents(BACKTEST),
        metadata={**settings.metadata, **package.settings.metadata, **described},
        description=str(project.get("description", "")),
        experiment=settings.experiment,
    )
    alias = AliasStep(name=settings.alias, model=slug, stage=MLFLOW, connect=connect)
    return Stage(name=MLFLOW, steps=(version, alias))


def _image(known: Known, slug: str) -> str | None:
    uri = known.get(IMAGE, {}).get(slug, {}).get("uri")
    return str(uri) if uri else None


def _backtest(known: Known, slug: str) -> BacktestRecord | None:
    held = known.get(BACKTEST, {}).get(slug)
    return backtest_of(known, BACKTEST, slug) if held else None
