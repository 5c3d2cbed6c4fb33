"""The workflow files that are written for each kind of repository."""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from typing import Any

import pytest

from tests.support.real import REPOSITORY
from tradai_tasks.sessions.core.registry.catalog import CATALOG as SESSIONS
from tradai_tasks.settings.table import RepositoryKind
from tradai_tasks.settings.workflows import RolesSettings, WorkflowsSettings
from tradai_tasks.workflows.repository_traits import RepositoryTraits
from tradai_tasks.workflows.selection import CATALOG, workflows

HOMES = (".", "examples/tradai-uv", "examples/tradai-strategies")
KINDS: tuple[RepositoryKind, ...] = ("platform", "strategies")
ALL = frozenset(entry.name for entry in SESSIONS) | {
    session for workflow in CATALOG for session in workflow.sessions
}
ALL |= {"backtest-data", "backtest-smoke", "codeartifact-login", "deploy", "release"}


def full(kind: RepositoryKind, **given: Any) -> RepositoryTraits:
    """A repository that has everything."""
    has = (
        "libraries services lambdas lambda_base "
        "deployed clusters docs docs_deployed devcontainer devcontainer_image "
        "cached_results"
    )
    more = {"sessions": ALL, "stacks": ("dev", "prod")}
    return RepositoryTraits(kind=kind, **{**dict.fromkeys(has.split(), True), **more, **given})


SETTINGS = {
    "plain": WorkflowsSettings(),
    "everything": WorkflowsSettings(
        runner=("self-hosted", "linux"),
        branch="trunk",
        python="3.12",
        before=("codeartifact-login", "lock"),
        env=('A=a "quoted" @ = value', "B=#: "),
        attest=True,
    ),
    "keys": WorkflowsSettings(aws="keys", before=("codeartifact-login",)),
    "role-as-secret": WorkflowsSettings(
        roles=RolesSettings(read="secrets.ROLE", deploy={"prod": "secrets.PROD"}),
        aws_region="vars.REGION",
        before=("codeartifact-login",),
    ),
}


def written() -> Iterator[Any]:
    for kind, (name, settings), locked in itertools.product(KINDS, SETTINGS.items(), (True, False)):
        for path, text in workflows(full(kind, locked=locked), settings).items():
            yield pytest.param(text, id=f"{kind}-{name}-{'locked' if locked else 'free'}-{path}")
    for kind in KINDS:  # nothing optional
        bare = RepositoryTraits(kind=kind, sessions=ALL - {"backtest-smoke"})
        for path, text in workflows(bare, SETTINGS["plain"]).items():
            yield pytest.param(text, id=f"{kind}-bare-{path}")


def standing() -> Iterator[Any]:
    for home in HOMES:
        for file in sorted((REPOSITORY / home / ".github" / "workflows").iterdir()):
            yield pytest.param(file.read_text(encoding="utf-8"), id=f"{home}/{file.name}")


every_file = pytest.mark.parametrize("text", [*written(), *standing()])
