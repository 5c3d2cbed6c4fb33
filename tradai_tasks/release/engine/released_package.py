"""The package and the projects that a tag releases."""

from __future__ import annotations

from tradai_tasks.repository import Repository
from tradai_tasks.workspace.discovery import Package
from tradai_tasks.workspace.tags import ReleaseTag


def package_of(repository: Repository, tag: ReleaseTag) -> Package | None:
    """Return the strategy that a tag releases; None for a platform."""
    return next((one for one in repository.workspace.strategies if one.slug == tag.slug), None)


def projects_of(repository: Repository, tag: ReleaseTag) -> tuple[str, ...]:
    """Return the folders whose lock files pin what a tag releases."""
    package = package_of(repository, tag)
    return repository.workspace.projects if package is None else (package.project,)
