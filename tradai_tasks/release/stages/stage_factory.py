"""Make the stages of a release from its outline, with the tools that their steps work with."""

from __future__ import annotations

import functools
import os
import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from tradai_tasks.backtest.candles import candles_fault
from tradai_tasks.backtest.record import BacktestRecord
from tradai_tasks.environment_allowance import secrets_of
from tradai_tasks.errors import TasksError
from tradai_tasks.files.report_folder import make_report_folder
from tradai_tasks.release.clients.aws import Aws
from tradai_tasks.release.clients.image_reference import home_of
from tradai_tasks.release.clients.mlflow_api import MlflowServer
from tradai_tasks.release.clients.mlflow_http import client_of
from tradai_tasks.release.deploy.deploy_stages import (
    DeployTarget,
    function_stage,
    latest_stage,
    service_stage,
)
from tradai_tasks.release.engine.confinement import Confinement, allowance_of
from tradai_tasks.release.engine.evidence import Store
from tradai_tasks.release.engine.gates import (
    BacktestGate,
    SessionGate,
    SkippedGate,
    backtest_of,
    gate_environment,
)
from tradai_tasks.release.engine.released_package import package_of, projects_of
from tradai_tasks.release.engine.source_export import SourceExport, lock_files
from tradai_tasks.release.engine.step import Known, Release, Stage, Step, Unopened
from tradai_tasks.release.images.image_specs import ImageKind, ImageSpec
from tradai_tasks.release.images.image_steps import image_stage
from tradai_tasks.release.images.image_tools import ImageTools, open_image_tools
from tradai_tasks.release.images.platform_images import chosen_images
from tradai_tasks.release.images.strategy_image import StrategyJudge
from tradai_tasks.release.libraries.library_publication import LibraryBuild, open_publish_stage
from tradai_tasks.release.models.model_registration import AliasStep, VersionStep
from tradai_tasks.release.stages.outline import (
    BACKTEST,
    BIAS,
    IMAGE,
    MLFLOW,
    FunctionsOutline,
    GateOutline,
    ImagesOutline,
    LatestOutline,
    ModelOutline,
    PublishOutline,
    ServicesOutline,
    StageOutline,
)
from tradai_tasks.release.stages.strategy_inputs import require_inputs
from tradai_tasks.release.tags.target_environment import Environment
from tradai_tasks.repository import Repository
from tradai_tasks.vcs.git import Git

_WITHOUT_IMAGES = (GateOutline, ModelOutline, PublishOutline)


@dataclass(frozen=True, kw_only=True)
class StageFactory:
    """What the stages of one release are made with; their clients ask when a step looks."""

    repository: Repository
    noxfile: Path
    release: Release
    store: Store
    confinement: Confinement  # of the repository's own code
    stop: threading.Event  # once set, running work is ended
    show: Callable[[str], None]  # called with text for the terminal
    warn: Callable[[str], None]  # called with warnings
    uv: Callable[[], str]  # returns the uv to run
    env: Mapping[str, str] = field(default_factory=lambda: os.environ, repr=False)

    @contextmanager
    def opened(
        self, outlines: Sequence[StageOutline], *, excused: list[TasksError] | None = None
    ) -> Iterator[tuple[Stage, ...]]:
        """Yield the stages of some outlines, in order; their tools are open for as long.

        For a plan, `excused` takes the faults of what is released, which then do not end it; a
        stage that cannot be opened has one step, whose look says why.

        Raises:
            TasksError: The settings have a fault.
        """
        package = package_of(self.repository, self.release.tag)
        if package is not None:
            active = {one.name for one in outlines}
            try:
                require_inputs(self.repository, self.release, package, active)
            except TasksError as fault:
                if excused is None:
                    raise
                excused.append(fault)
        with ExitStack() as stack:
            builds = any(isinstance(one, ImagesOutline) for one in outlines)
            tools = functools.cache(lambda: stack.enter_context(self._image_tools(builds=builds)))
            stages = []
            for one in outlines:
                try:
                    stages.append(self._stage(one, stack, tools))
                except TasksError as fault:
                    if excused is None:
                        raise
                    stages.append(Stage(name=one.name, steps=(Unopened(fault=fault),)))
            yield tuple(stages)

    def _stage(
        self, outline: StageOutline, stack: ExitStack, tools: Callable[[], ImageTools]
    ) -> Stage:
        if not isinstance(outline, _WITHOUT_IMAGES):
            return self._stage_of_images(outline, tools())
        match outline:
            case GateOutline():
                return Stage(name=outline.name, steps=(self._gate(outline),), is_gate=True)
            case ModelOutline():
                return Stage(name=outline.name, steps=self._model(outline))
            case PublishOutline():
                made_by = LibraryBuild(
                    repository=self.repository,
                    tag=self.release.tag,
                    uv=self.uv,
                    warn=self.warn,
                    confinement=self.confinement,
                    stop=self.stop,
                )
                made = open_publish_stage(made_by, environment=outline.environment)
                return replace(stack.enter_context(made), name=outline.name)

    def _gate(self, outline: GateOutline) -> Step:
        """Return the step of a gate: its sessions, which get what the settings allow."""
        stage, strategy = outline.name, outline.strategy
        if not outline.sessions:
            return SkippedGate(name=str(strategy), why=f"by the settings: {_why_skipped(stage)}")
        sandbox, reports = self.confinement.sandbox, None
        if strategy is not None:
            reports = make_report_folder(self.repository.root, "backtest", strategy, "full")
            # only the gate of the backtest can write to its reports
            if sandbox is not None and stage != BACKTEST:
                sandbox = replace(sandbox, read_only=(*sandbox.read_only, reports))
        allowance = allowance_of(self.repository.settings)
        gate = SessionGate(
            name=strategy or "platform",
            stage=stage,
            sessions=outline.sessions,
            noxfile=self.noxfile,
            store=self.store,
            stop=self.stop,
            show=self.show,
            env=gate_environment(self.env, allowance),
            withheld=allowance.withheld(self.env),
            secrets=secrets_of(self.env, allowance),
            sandbox=sandbox,
        )
        if reports is None or stage != BACKTEST:
            return gate
        return BacktestGate(gate=gate, reports=reports, fault=self._candles_fault)

    def _candles_fault(self) -> str:
        """Return why the backtest would fail for its candles; empty if not known."""
        package = package_of(self.repository, self.release.tag)
        if package is None:
            raise AssertionError("a platform has no backtests")
        data = self.repository.root / self.repository.backtest(package).data_dir
        return candles_fault(data, package.slug)

    def _model(self, outline: ModelOutline) -> tuple[Step, Step]:
        """Return the steps that register a strategy's version, and point the alias at it."""
        package, settings = outline.package, self.repository.settings.mlflow
        slug = package.slug

        @functools.cache
        def connect() -> MlflowServer:
            client = client_of(
                self.env, settings.tracking_uri, patience=settings.patience, stop=self.stop
            )
            return MlflowServer(client=client)

        project: Mapping[str, Any] = package.document.get("project", {})
        described = {"package": package.name, "path": package.path}
        version = VersionStep(
            name=slug,
            release=self.release,
            connect=connect,
            image=lambda known: _image(known, slug),
            backtest=lambda known: _backtest(known, slug),
            is_backtested=outline.is_backtested,
            report=lambda: self.store.contents(BACKTEST),
            metadata={**settings.metadata, **package.settings.metadata, **described},
            description=str(project.get("description", "")),
            experiment=settings.experiment,
        )
        alias = AliasStep(name=settings.alias, model=slug, stage=MLFLOW, connect=connect)
        return version, alias

    def _stage_of_images(
        self,
        outline: ImagesOutline | FunctionsOutline | ServicesOutline | LatestOutline,
        tools: ImageTools,
    ) -> Stage:
        match outline:
            case ImagesOutline():
                return image_stage(
                    self.release,
                    images=self._images(outline.kind, outline.only),
                    tools=tools,
                    latest=outline.latest,
                    name=outline.name,
                    judge=self._judge(outline.kind),
                )
            case LatestOutline():
                services = self._images("service", outline.only)
                made = latest_stage(self.release, services, tools.registry)
            case FunctionsOutline():
                functions = self._images("lambda", outline.only)
                target = self._target(outline.environment, tools)
                made = function_stage(self.release, functions, target, rollback=outline.rollback)
            case ServicesOutline():
                made = service_stage(
                    self.release,
                    self._images("service", outline.only),
                    self._target(outline.environment, tools),
                    after_images=outline.after_images,
                    leaves_latest=outline.leaves_latest,
                    rollback=outline.rollback,
                )
        return replace(made, name=outline.name)

    def _images(self, kind: ImageKind, only: Sequence[str]) -> list[ImageSpec]:
        home = home_of(self.repository.settings.images, self.env)
        return chosen_images(self.repository, home, kind, only)

    def _judge(self, kind: ImageKind) -> StrategyJudge | None:
        package = package_of(self.repository, self.release.tag)
        if kind != "strategy" or package is None:
            return None
        return StrategyJudge(slug=package.slug, stage=BACKTEST)

    def _target(self, environment: Environment, tools: ImageTools) -> DeployTarget:
        return DeployTarget(
            environment=environment,
            aws=Aws(region=environment.region, stop=self.stop),
            registry=tools.registry,
            settings=self.repository.settings.deploy,
            stop=self.stop,
        )

    @contextmanager
    def _image_tools(self, *, builds: bool) -> Iterator[ImageTools]:
        """Open the tools of images; a source to build from is the released commit."""
        repository, settings = self.repository, self.repository.settings
        source = None
        if builds:
            source = SourceExport(
                git=Git.open(repository.root),
                commit=self.release.commit,
                judged=lock_files(repository.root, projects_of(repository, self.release.tag)),
                scratch=self.confinement.scratch,
            )
        with open_image_tools(
            settings.images,
            home_of(settings.images, self.env),
            root=repository.root,
            env=self.env,
            stop=self.stop,
            source=source,
            allowance=allowance_of(settings),
            sandbox=self.confinement.sandbox,
        ) as tools:
            yield tools


def _why_skipped(gate: str) -> str:
    if gate == BACKTEST:
        return "backtest.enabled is false"
    return "backtest.bias-gates does not name it" if gate in BIAS else "it has no tests"


def _image(known: Known, slug: str) -> str | None:
    uri = known.get(IMAGE, {}).get(slug, {}).get("uri")
    return str(uri) if uri else None


def _backtest(known: Known, slug: str) -> BacktestRecord | None:
    found = known.get(BACKTEST, {}).get(slug)
    return backtest_of(known, BACKTEST, slug) if found else None
