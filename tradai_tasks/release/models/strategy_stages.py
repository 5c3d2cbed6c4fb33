"""Create the stages of a strategy's release: gates, image and model version."""

from __future__ import annotations

import functools
import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from tradai_tasks.backtest.candles import candles_fault
from tradai_tasks.backtest.record import BacktestRecord
from tradai_tasks.environment_allowance import Allowance, secrets_of
from tradai_tasks.release.clients.mlflow_api import MlflowServer
from tradai_tasks.release.clients.mlflow_http import client_of
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
from tradai_tasks.sandbox import Sandbox
from tradai_tasks.settings.model import MlflowSettings
from tradai_tasks.workspace.discovery import Package

__all__ = ["BACKTEST", "BIAS", "GATES", "IMAGE", "MLFLOW", "StrategyParts", "strategy_stages"]

BACKTEST, IMAGE, MLFLOW = "backtest-full", "image", "mlflow"
BIAS = ("lookahead", "recursive")
GATES = ("lint", "typecheck", "test", *BIAS, BACKTEST)  # the longest last


@dataclass(frozen=True, kw_only=True)
class StrategyParts:
    """Inputs of the stages of a strategy's release."""

    release: Release
    package: Package
    store: Store
    noxfile: Path
    sessions: Mapping[str, tuple[str, ...]]  # gate -> its nox sessions; empty: nothing to judge
    reports: Path  # folder in which the full backtest leaves its record
    candles: Path  # folder of all candles
    image: Stage
    mlflow: MlflowSettings
    stop: threading.Event
    show: Callable[[str], None]
    env: Mapping[str, str] = field(repr=False)
    allowance: Allowance  # variables of it that gates get
    sandbox: Sandbox | None  # sandbox that gates run in

    @property
    def slug(self) -> str:
        """The strategy's name in tags, sessions and the model registry."""
        return self.package.slug


def strategy_stages(parts: StrategyParts) -> tuple[Stage, ...]:
    """Return the stages of a strategy's release, in order."""
    gates = tuple(Stage(name=name, steps=(_gate(parts, name),), is_gate=True) for name in GATES)
    return (*gates, parts.image, _mlflow(parts))


def _gate(parts: StrategyParts, stage: str) -> Step:
    sessions = parts.sessions[stage]
    if not sessions:
        why = "backtest.bias-gates does not name it" if stage in BIAS else "it has no tests"
        return SkippedGate(name=parts.slug, why=f"by the settings: {why}")
    gate = SessionGate(
        name=parts.slug,
        stage=stage,
        sessions=sessions,
        noxfile=parts.noxfile,
        store=parts.store,
        stop=parts.stop,
        show=parts.show,
        env=gate_environment(parts.env, parts.allowance),
        withheld=parts.allowance.withheld(parts.env),
        secrets=secrets_of(parts.env, parts.allowance),
        sandbox=_sandbox(parts, stage),
    )
    if stage != BACKTEST:
        return gate
    fault = functools.partial(candles_fault, parts.candles, parts.slug)
    return BacktestGate(gate=gate, reports=parts.reports, fault=fault)


def _sandbox(parts: StrategyParts, stage: str) -> Sandbox | None:
    """Return the sandbox of a gate: only that of the backtest can write to its reports."""
    if parts.sandbox is None or stage == BACKTEST:
        return parts.sandbox
    return replace(parts.sandbox, read_only=(*parts.sandbox.read_only, parts.reports))


def _mlflow(parts: StrategyParts) -> Stage:
    settings, slug = parts.mlflow, parts.slug

    @functools.cache
    def connect() -> MlflowServer:
        client = client_of(
            parts.env, settings.tracking_uri, patience=settings.patience, stop=parts.stop
        )
        return MlflowServer(client=client)

    project: Mapping[str, Any] = parts.package.document.get("project", {})
    described = {"package": parts.package.name, "path": parts.package.path}
    version = VersionStep(
        name=slug,
        release=parts.release,
        connect=connect,
        image=lambda known: _image(known, slug),
        backtest=lambda known: _backtest(known, slug),
        report=lambda: parts.store.contents(BACKTEST),
        metadata={**settings.metadata, **parts.package.settings.metadata, **described},
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
