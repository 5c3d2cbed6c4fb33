"""Make the stages of a release from its outline, with the tools that their steps work with."""

from __future__ import annotations

import functools
import os
import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path

from tradai_tasks.errors import TasksError
from tradai_tasks.release.clients.aws import Aws
from tradai_tasks.release.clients.image_reference import home_of
from tradai_tasks.release.deploy.deploy_stages import (
    DeployTarget,
    function_stage,
    latest_stage,
    service_stage,
)
from tradai_tasks.release.engine.confinement import Confinement, allowance_of
from tradai_tasks.release.engine.evidence import Store
from tradai_tasks.release.engine.released_package import package_of, projects_of
from tradai_tasks.release.engine.source_export import SourceExport, lock_files
from tradai_tasks.release.engine.step import Release, Stage, Unopened
from tradai_tasks.release.images.image_specs import ImageKind, ImageSpec
from tradai_tasks.release.images.image_steps import image_stage
from tradai_tasks.release.images.image_tools import ImageTools, open_image_tools
from tradai_tasks.release.images.platform_images import chosen_images
from tradai_tasks.release.images.strategy_image import StrategyJudge
from tradai_tasks.release.libraries.library_publication import LibraryBuild, open_publish_stage
from tradai_tasks.release.models.strategy_stages import BACKTEST, gate_stage, model_stage
from tradai_tasks.release.stages.outline import (
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
                return gate_stage(
                    outline.name,
                    outline.sessions,
                    strategy=outline.strategy,
                    repository=self.repository,
                    noxfile=self.noxfile,
                    store=self.store,
                    stop=self.stop,
                    show=self.show,
                    env=self.env,
                    sandbox=self.confinement.sandbox,
                )
            case ModelOutline():
                return model_stage(
                    self.release,
                    outline.package,
                    self.repository.settings.mlflow,
                    is_backtested=outline.is_backtested,
                    store=self.store,
                    stop=self.stop,
                    env=self.env,
                )
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
