"""Collect what the choice of workflow files depends on."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from dataclasses import dataclass
from pathlib import Path

from tradai_tasks.errors import CommandFailedError
from tradai_tasks.extras import carries_pins, run_options
from tradai_tasks.files.file_tree import Tree, join
from tradai_tasks.release.tags.target_environment import BUILT_IN, environments
from tradai_tasks.repository import base_of
from tradai_tasks.settings.backtest import for_strategy
from tradai_tasks.settings.model import Settings
from tradai_tasks.settings.table import RepositoryKind
from tradai_tasks.vcs.git_environment import run_git
from tradai_tasks.workspace.discovery import Workspace
from tradai_tasks.workspace.layout import has_devcontainer
from tradai_tasks.workspace.published_libraries import DEFAULT_LIBRARY

_NOT_A_REPOSITORY = 128  # git's status


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
    benchmarks: bool = False
    contract_tests: bool = False
    integration_tests: bool = False
    libraries: bool = False  # there are libraries to publish
    services: bool = False
    lambdas: bool = False
    environments: tuple[str, ...] = BUILT_IN
    stacks: tuple[str, ...] = ()
    registry_set: bool = False  # the settings name the registry
    publishes_to_aws: bool = True  # libraries go to CodeArtifact
    publish_secrets: tuple[str, ...] = ()  # environment variables for another index
    docs: bool = False  # it has a site made with mkdocs
    docs_deployed: bool = False  # the settings say where to deploy it
    devcontainer: bool = False
    devcontainer_image: bool = False  # the settings have a name for its image


def gather(  # noqa: PLR0913 - everything to look at
    tree: Tree,
    workspace: Workspace,
    settings: Settings,
    *,
    sessions: Iterable[str],
    noxfile: str,
    locks: Collection[str],
) -> RepositoryTraits:
    """Return the traits of a repository that the choice of workflows depends on.

    Args:
        tree: The repository's files.
        workspace: What is in it.
        settings: Its settings.
        sessions: Names of its sessions.
        noxfile: The text of its noxfile.
        locks: Lock files that are committed, from the root.
    """
    given, publish = settings.workflows.locked, settings.publish
    names = {package.name for package in workspace.packages}
    bases = frozenset(map(base_of, sessions))
    return RepositoryTraits(
        kind=workspace.kind,
        sessions=bases,
        pinned_noxfile=carries_pins(noxfile),
        run_options=run_options(workspace.root_document),
        locked=bool(locks) if given is None else given,
        one_lock=workspace.projects == (".",),
        # these sessions exist only if there are such tests
        benchmarks="perf" in bases,
        contract_tests="contract" in bases,
        integration_tests="integration" in bases,
        private_index=workspace.kind == "strategies" and publish.codeartifact is not None,
        candles_in_aws=any(
            for_strategy(settings.backtest, one.settings.backtest).source.startswith("s3://")
            for one in workspace.strategies
        ),
        libraries=bool(publish.libraries or DEFAULT_LIBRARY in names),
        publishes_to_aws=publish.index is None,
        publish_secrets=()
        if publish.index is None
        else (publish.index.username_env, publish.index.password_env),
        registry_set=settings.images.registry is not None,
        services=bool(workspace.services),
        lambdas=bool(workspace.lambdas),
        environments=environments(settings.deploy),
        stacks=tuple(unit.name for unit in workspace.stacks),
        docs=tree.is_file("mkdocs.yml"),
        docs_deployed=settings.docs.project is not None,
        devcontainer=has_devcontainer(tree),
        devcontainer_image=has_devcontainer(tree) and settings.devcontainer.image is not None,
    )


def committed_locks(
    root: Path, projects: Iterable[str], *, tracked: bool = False
) -> tuple[str, ...]:
    """Return the lock files that are committed, or would be by `git add --all`.

    Args:
        root: The workspace root.
        projects: Folders of the lock files, from the root.
        tracked: Leave out those that git does not track.

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
    if done.returncode == _NOT_A_REPOSITORY:
        return tuple(file for file in files if (root / file).is_file())
    if done.returncode:
        raise CommandFailedError(f"git ls-files: exit status {done.returncode}: {done.error_text}")
    return tuple(sorted(filter(None, done.text.split("\0"))))
