"""What a release is made of, as plain values: its stages, in order, and what each is for.

The outline is computed from the repository and the tag alone: nothing is opened, asked or run.
`stage_factory` makes the stages of it that carry it out.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from tradai_tasks.errors import BadArgumentsError, BadTagError, TasksError, UnmappedTagError
from tradai_tasks.release.deploy.deploy_stages import DEPLOY, FUNCTIONS, LATEST_STAGE
from tradai_tasks.release.engine.released_package import package_of
from tradai_tasks.release.images.image_decisions import LatestRule
from tradai_tasks.release.images.image_specs import ImageKind
from tradai_tasks.release.images.platform_images import BASE, BASE_STAGE, LAMBDA_STAGE, latest_rule
from tradai_tasks.release.tags.target_environment import (
    Environment,
    check_names,
    environment_of,
    is_deployed,
)
from tradai_tasks.repository import Repository
from tradai_tasks.workspace.discovery import Package
from tradai_tasks.workspace.published_libraries import library_names
from tradai_tasks.workspace.tags import ReleaseTag

# names of stages
BACKTEST, IMAGE, MLFLOW, _PUBLISH = "backtest-full", "image", "mlflow", "publish"
BIAS = ("lookahead", "recursive")
GATES = ("lint", "typecheck", "test", *BIAS, BACKTEST)  # of a strategy, the longest last

# Nox's names of a session, the library's or the noxfile's in its place: of one package, by its id,
# or of all.
SessionsOf = Callable[[str, str | None], tuple[str, ...]]


@dataclass(frozen=True, kw_only=True, slots=True)
class GateOutline:
    """A gate: sessions of nox that must pass."""

    name: str
    strategy: str | None  # that it judges; None for a platform
    sessions: tuple[str, ...]  # empty where the settings say that there is nothing to judge


@dataclass(frozen=True, kw_only=True, slots=True)
class PublishOutline:
    """Libraries that are published to an index."""

    name: str
    environment: Environment | None  # whose index it is; None for the common one


@dataclass(frozen=True, kw_only=True, slots=True)
class ImagesOutline:
    """Images of one kind that are built and pushed."""

    name: str
    kind: ImageKind
    latest: LatestRule
    only: tuple[str, ...] = ()  # names of images; all if empty


@dataclass(frozen=True, kw_only=True, slots=True)
class FunctionsOutline:
    """Lambda functions that get their image."""

    name: str
    environment: Environment
    only: tuple[str, ...] = ()
    rollback: bool = False  # whether a function that runs a newer release is taken back


@dataclass(frozen=True, kw_only=True, slots=True)
class ServicesOutline:
    """ECS services whose tasks get their image."""

    name: str
    environment: Environment
    after_images: bool  # whether an earlier stage of the same run pushes the images
    leaves_latest: bool = False  # whether that stage does not move `latest`
    only: tuple[str, ...] = ()
    rollback: bool = False  # whether a service that runs a newer release is taken back


@dataclass(frozen=True, kw_only=True, slots=True)
class LatestOutline:
    """Images of services whose `latest` is pointed at the tag, forward or back."""

    name: str
    only: tuple[str, ...] = ()


@dataclass(frozen=True, kw_only=True, slots=True)
class ModelOutline:
    """A strategy's version in the model registry."""

    name: str
    package: Package
    is_backtested: bool


StageOutline = (
    GateOutline
    | PublishOutline
    | ImagesOutline
    | FunctionsOutline
    | ServicesOutline
    | LatestOutline
    | ModelOutline
)


@dataclass(frozen=True, kw_only=True, slots=True)
class Outline:
    """The stages of a release, in order."""

    stages: tuple[StageOutline, ...]
    environment: str | None = None  # where it goes; None where nothing is deployed
    notes: tuple[str, ...] = ()  # on the environment, a line each

    @property
    def order(self) -> dict[str, bool]:
        """Names of the stages, in order, and whether each is a gate."""
        return {one.name: isinstance(one, GateOutline) for one in self.stages}


def release_outline(
    repository: Repository,
    tag: ReleaseTag,
    *,
    sessions: SessionsOf,
    override: str | None = None,
    excused: list[TasksError] | None = None,
) -> Outline:
    """Return the stages of the release that a tag names.

    `sessions` returns nox's names of a session, of one package or of all; `override` is the
    environment that `--environment` names. For a plan, `excused` takes the fault of a tag that no
    rule maps to an environment, which then is not deployed.

    Raises:
        BadTagError: It is of the other kind of repository.
        BadArgumentsError: An environment is named, and it is a strategy's.
        UnmappedTagError: No rule of the settings maps the tag to an environment.
    """
    if tag.kind == "platform":
        return platform_release(
            repository, tag, sessions=sessions, override=override, excused=excused
        )
    if override is not None:
        raise BadArgumentsError(
            f"--environment {override}: a platform is released to one, and {tag} is a strategy's; "
            f"leave it out"
        )
    return strategy_release(repository, tag, sessions=sessions)


def strategy_release(
    repository: Repository,
    tag: ReleaseTag,
    *,
    sessions: SessionsOf,
    latest: LatestRule | None = None,
) -> Outline:
    """Return a strategy's release: gates, image, model; raise BadTagError for a platform's."""
    package = package_of(repository, tag)
    if package is None:
        raise _not_of_strategies(tag)
    gates = tuple(
        GateOutline(
            name=name,
            strategy=package.slug,
            sessions=_gate_sessions(repository, name, package, sessions),
        )
        for name in GATES
    )
    image = ImagesOutline(
        name=IMAGE, kind="strategy", latest=latest or latest_rule(tag), only=(package.slug,)
    )
    backtest = repository.backtest(package)
    model = ModelOutline(name=MLFLOW, package=package, is_backtested=backtest.enabled)
    return Outline(stages=(*gates, image, model))


def platform_release(
    repository: Repository,
    tag: ReleaseTag,
    *,
    sessions: SessionsOf,
    override: str | None,
    excused: list[TasksError] | None = None,
) -> Outline:
    """Return the stages of a platform's release: gates, libraries, images, functions, services.

    What the repository does not have has no stage.

    Raises:
        BadTagError: The repository is not a platform.
        UnmappedTagError: No rule of the settings maps the tag to an environment.
    """
    if repository.is_of_strategies:
        raise _not_of_strategies(tag)
    workspace, settings = repository.workspace, repository.settings
    environment, notes = _destination(repository, tag, override, excused)
    rule = latest_rule(tag)
    stages: list[StageOutline] = [
        GateOutline(name=name, strategy=None, sessions=sessions(name, None) or (name,))
        for name in dict.fromkeys(settings.release.gates)
    ]
    if library_names(workspace, settings.publish):
        has_own = environment is not None and environment.settings.codeartifact is not None
        own = environment if has_own else None
        stages.append(PublishOutline(name=_for(_PUBLISH, own), environment=environment))
    if workspace.services:
        stages.append(ImagesOutline(name=IMAGE, kind="service", latest=rule))
    if workspace.lambdas:
        if repository.tree.is_file("lambdas/base/Dockerfile"):
            stages.append(ImagesOutline(name=BASE_STAGE, kind="base", latest=rule))
        stages.append(ImagesOutline(name=LAMBDA_STAGE, kind="lambda", latest=rule))
    if environment is not None and workspace.lambdas:
        stages.append(FunctionsOutline(name=_for(FUNCTIONS, environment), environment=environment))
    if environment is not None and workspace.services:
        stages.append(
            ServicesOutline(
                name=_for(DEPLOY, environment),
                environment=environment,
                after_images=True,
                leaves_latest=rule == "forward" and tag.is_prerelease,
            )
        )
    where = None if environment is None else environment.name
    return Outline(stages=tuple(stages), environment=where, notes=notes)


def _destination(
    repository: Repository, tag: ReleaseTag, override: str | None, excused: list[TasksError] | None
) -> tuple[Environment | None, tuple[str, ...]]:
    """Return where a platform's release goes, None for nowhere, and lines to print on it."""
    workspace, settings = repository.workspace, repository.settings
    environment: Environment | None = None
    notes: tuple[str, ...] = ()
    # a requested environment is never skipped, even without settings for it
    if is_deployed(settings.deploy) or override is not None:
        try:
            environment, notes = environment_for(repository, tag, override)
        except UnmappedTagError as fault:
            if excused is None:
                raise
            excused.append(fault)
    elif workspace.services or workspace.lambdas:
        notes = ("nothing is deployed: the settings have no deploy.environments",)
    return environment, notes


def images_alone(*, latest: LatestRule, only: Sequence[str]) -> Outline:
    """Return the stage of a platform's images of services, all or some."""
    # evidence for some images must not count for all of them
    name = "-".join([IMAGE, *only])
    return Outline(
        stages=(ImagesOutline(name=name, kind="service", latest=latest, only=tuple(only)),)
    )


def lambdas_alone(
    *,
    latest: LatestRule,
    only: Sequence[str],
    environment: Environment | None,
    rollback: bool = False,
    notes: tuple[str, ...] = (),
) -> Outline:
    """Return the stages of lambdas, all or some: their images, and functions in an environment."""
    if set(only) == {BASE}:
        environment = None  # the base has no function
    # evidence for some lambdas must not count for all of them
    chosen = tuple(only)
    name = "-".join([LAMBDA_STAGE, *only])
    stages: list[StageOutline] = [
        ImagesOutline(name=BASE_STAGE, kind="base", latest=latest, only=chosen),
        ImagesOutline(name=name, kind="lambda", latest=latest, only=chosen),
    ]
    if environment is not None:
        name = "-".join([FUNCTIONS, environment.name, *only])
        stages.append(
            FunctionsOutline(name=name, environment=environment, only=chosen, rollback=rollback)
        )
    where = None if environment is None else environment.name
    return Outline(stages=tuple(stages), environment=where, notes=notes)


def deployment(
    *, only: Sequence[str], environment: Environment, rollback: bool, notes: tuple[str, ...] = ()
) -> Outline:
    """Return the stages that deploy services, all or some; `latest` first for a roll-back."""
    chosen = tuple(only)
    stages: list[StageOutline] = []
    if rollback:
        stages.append(LatestOutline(name="-".join([LATEST_STAGE, *only]), only=chosen))
    stages.append(
        ServicesOutline(
            name="-".join([DEPLOY, environment.name, *only]),
            environment=environment,
            after_images=rollback,
            only=chosen,
            rollback=rollback,
        )
    )
    return Outline(stages=tuple(stages), environment=environment.name, notes=notes)


def environment_for(
    repository: Repository, tag: ReleaseTag, override: str | None
) -> tuple[Environment, tuple[str, ...]]:
    """Return the environment that a tag goes to, and lines to print on it.

    Raises:
        SettingsError: The settings name a service or function that the repository does not have.
        UnmappedTagError: No rule of the settings maps the tag to an environment.
    """
    workspace, settings = repository.workspace, repository.settings.deploy
    check_names(
        settings,
        services=[unit.name for unit in workspace.services],
        functions=[unit.name for unit in workspace.lambdas],
    )
    found = environment_of(tag, settings, override=override)
    notes = [f"{tag} goes to {found.name}"]
    if override not in {None, found.name}:
        notes.insert(0, f"{tag} is a test tag: it goes to {found.name}, not {override}")
    return found, tuple(notes)


def _not_of_strategies(tag: ReleaseTag) -> BadTagError:
    return BadTagError(
        f"tag {tag}: is a platform's, and this is a repository of strategies; release one by "
        f"<strategy>-{tag}"
    )


def _for(stage: str, environment: Environment | None) -> str:
    """Return a stage's name: evidence for one environment does not count for another."""
    return stage if environment is None else f"{stage}-{environment.name}"


def _gate_sessions(
    repository: Repository, gate: str, package: Package, sessions: SessionsOf
) -> tuple[str, ...]:
    """Return the sessions of a gate, the noxfile's own where it replaces the library's."""
    backtest = repository.backtest(package)
    if gate in (*BIAS, BACKTEST) and not backtest.enabled:
        return ()
    if gate in BIAS and gate not in backtest.bias_gates:
        return ()
    one = repository.workspace.session_id(package)
    if names := sessions(gate, one):
        return names
    if gate == "test" and not package.settings.test:
        return ()
    # left out, with nothing in its place: a session that is not found fails the gate
    return (f"{gate}({one})",)
