"""Refuse to deploy from a branch on which a workflow was started by hand."""

from __future__ import annotations

import os

from tradai_tasks.release.tags.ci_event import check_dispatch, read_event
from tradai_tasks.repository import Repository


def refuse_dispatch(repository: Repository, environment: str | None) -> None:
    """Raise DispatchRefusedError for a dispatch on a branch that may not deploy there.

    Without an `environment` it is a release.
    """
    settings = repository.settings.workflows
    name = settings.release_environment if environment is None else environment
    check_dispatch(os.environ, read_event(os.environ), name, settings.branch_environments)
