"""Collect what the choice of workflow files depends on."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType
from typing import Literal

from tradai_tasks.errors import CommandFailedError
from tradai_tasks.extras import carries_pins, run_options
from tradai_tasks.files.file_tree import Tree, join
from tradai_tasks.release.clients.ecr import uses_ecr
from tradai_tasks.release.tags.target_environment import BUILT_IN, is_deployed, released_to
from tradai_tasks.repository import base_of
from tradai_tasks.settings.backtest import for_strategy
from tradai_tasks.settings.images import ImagesSettings
from tradai_tasks.settings.model import Settings
from tradai_tasks.settings.publish import PublishSettings
from tradai_tasks.settings.table import RepositoryKind
from tradai_tasks.settings.workflows import WorkflowsSettings
from tradai_tasks.vcs.git_environment import run_git
from tradai_tasks.workflows.checkout import FOLDER, NOT_A_REPOSITORY
from tradai_tasks.workflows.drift import is_own_twin
from tradai_tasks.workflows.render import is_ours, name_of
from tradai_tasks.workspace.discovery import Workspace
from tradai_tasks.workspace.layout import has_devcontainer
from tradai_tasks.workspace.published_libraries import library_names

# the workflow whose runs others follow: its file, and the name by which GitHub finds it
CI_FILES = {"platform": "ci.yml", "strategies": "strategy-ci.yml"}
CI_NAMES = {"platform": "CI", "strategies": "Strategy CI/CD"}
GHCR = "ghcr.io"  # takes the token of a job
# where jobs get the credentials for the registry of images
Registry = Literal["ecr", "ghcr", "environment", "none"]


@dataclass(frozen=True, kw_only=True, slots=True)
class RepositoryTraits:
    """The traits of a repository that its workflows depend on."""

    kind: RepositoryKind
    sessions: frozenset[str]  # names of its sessions, without packages and Pythons
    pinned_noxfile: bool = False  # the noxfile carries its own requirements
    run_options: tuple[str, ...] = ()  # options with which `uv run` installs the library
    locked: bool = False  # lock files are committed
    one_lock: bool = True  # only that of the root, which `uv run` creates if it is missing
    private_index: bool = False  # packages come from CodeArtifact
    candles_in_aws: bool = False  # data of backtests comes from a bucket
    libraries: bool = False  # there are libraries to publish
    services: bool = False
    lambdas: bool = False
    lambda_base: bool = False  # lambdas are built on an image of their own
    deployed: bool = False  # the settings say where releases go
    clusters: bool = False  # an environment has a cluster for the services
    environments: tuple[str, ...] = BUILT_IN
    stacks: tuple[str, ...] = ()
    registry: Registry = "ecr"
    registry_set: bool = False  # the settings name the registry
    registry_login: tuple[str, str] = ("REGISTRY_USERNAME", "REGISTRY_PASSWORD")  # variables
    build_secrets: tuple[str, ...] = ()  # variables that builds of images read
    tracking_set: bool = False  # the settings name the MLflow server
    publishes_to_aws: bool = True  # libraries go to CodeArtifact
    publish_secrets: tuple[str, ...] = ()  # environment variables for another index
    publish_identity: bool = False  # the index takes the identity of the job
    docs: bool = False  # it has a site made with mkdocs
    docs_deployed: bool = False  # the settings say where to deploy it
    devcontainer: bool = False
    devcontainer_image: bool = False  # the settings have a name for its image
    folder: str = ""  # the workspace's folder in the repository, with a slash; empty for the top
    cached_results: bool = False  # results of tests are kept, in GitHub's own cache
    own_ci: str = ""  # name of the user's own workflow that is in place of ours


def gather(  # noqa: PLR0913 - everything to look at
    tree: Tree,
    workspace: Workspace,
    settings: Settings,
    *,
    sessions: Iterable[str],
    noxfile: str,
    locks: Collection[str],
    present: Mapping[str, str] = MappingProxyType({}),
    folder: str = "",
) -> RepositoryTraits:
    """Return the traits of a repository that the choice of workflows depends on.

    Args:
        noxfile: The text of its noxfile.
        locks: Lock files that are committed, from the root.
        present: Texts of the workflow files that are there, by path.
        folder: The workspace's folder in the repository, with a slash; empty for the top.
    """
    given, publish = settings.workflows.locked, settings.publish
    return RepositoryTraits(
        kind=workspace.kind,
        sessions=frozenset(map(base_of, sessions)),
        pinned_noxfile=carries_pins(noxfile),
        run_options=run_options(workspace.root_document),
        locked=bool(locks) if given is None else given,
        one_lock=workspace.projects == (".",),
        private_index=workspace.kind == "strategies" and publish.codeartifact is not None,
        candles_in_aws=_candles_in_aws(workspace, settings),
        libraries=bool(library_names(workspace, publish)),
        publishes_to_aws=publish.index is None,
        publish_secrets=_publish_secrets(publish),
        publish_identity=_publishes_by_identity(publish),
        registry=_registry(settings.images),
        registry_set=settings.images.registry is not None,
        registry_login=(settings.images.username_env, settings.images.password_env),
        build_secrets=tuple(dict.fromkeys(one.env for one in settings.images.secrets)),
        tracking_set=settings.mlflow.tracking_uri is not None,
        services=bool(workspace.services),
        lambdas=bool(workspace.lambdas),
        lambda_base=tree.is_file("lambdas/base/Dockerfile"),
        deployed=is_deployed(settings.deploy),
        clusters=any(one.cluster for one in settings.deploy.environments.values()),
        environments=released_to(settings.deploy, settings.workflows.release_environment),
        stacks=tuple(unit.name for unit in workspace.stacks),
        docs=tree.is_file("mkdocs.yml"),
        docs_deployed=settings.docs.project is not None,
        devcontainer=has_devcontainer(tree),
        devcontainer_image=has_devcontainer(tree) and settings.devcontainer.image is not None,
        folder=folder,
        cached_results=settings.results.replay != "never" and settings.results.store is None,
        own_ci=_own_ci(present, workspace.kind, folder, settings.workflows),
    )


def _publish_secrets(publish: PublishSettings) -> tuple[str, ...]:
    index = publish.index
    if index is None or index.trusted_publishing:
        return ()
    return index.username_env, index.password_env


def _publishes_by_identity(publish: PublishSettings) -> bool:
    index = publish.index
    return index is not None and (index.trusted_publishing or index.attestations)


def _candles_in_aws(workspace: Workspace, settings: Settings) -> bool:
    return any(
        for_strategy(settings.backtest, one.settings.backtest).source.startswith("s3://")
        for one in workspace.strategies
    )


def _registry(settings: ImagesSettings) -> Registry:
    """Return where jobs get the credentials for the registry."""
    if settings.login == "none":
        return "none"
    host = (settings.registry or "").partition("/")[0].lower()
    if settings.registry is None and settings.login == "auto":
        return "ecr"  # ECR_REGISTRY names it
    if uses_ecr(settings.login, host):
        return "ecr"
    return "ghcr" if host == GHCR else "environment"


def _own_ci(
    present: Mapping[str, str], kind: RepositoryKind, folder: str, settings: WorkflowsSettings
) -> str:
    """Return the name of the user's own workflow in place of ours; empty if there is none."""
    file, name = CI_FILES[kind], CI_NAMES[kind]
    if settings.ci is not None or file not in settings.exclude:
        return settings.ci or ""
    for path, text in present.items():
        if not is_ours(text, folder) and is_own_twin(path, text, f"{FOLDER}/{file}", name):
            return name_of(text) or path
    return ""


def committed_locks(
    root: Path, projects: Iterable[str], *, tracked: bool = False
) -> tuple[str, ...]:
    """Return the lock files that are committed or would be; with `tracked`, that git tracks.

    Raises:
        CommandFailedError: git failed.
        ToolMissingError: git is not installed.
    """
    files = [join(project, "uv.lock") for project in projects]
    if not files:  # git would list every file
        return ()
    untracked = () if tracked else ("--others", "--exclude-standard")
    argv = ["ls-files", "-z", "--cached", *untracked, "--", *files]
    done = run_git(root, *argv, check=False)
    if done.returncode == NOT_A_REPOSITORY:
        return tuple(file for file in files if (root / file).is_file())
    if done.returncode:
        raise CommandFailedError(f"git ls-files: exit status {done.returncode}: {done.error_text}")
    return tuple(sorted(filter(None, done.text.split("\0"))))
