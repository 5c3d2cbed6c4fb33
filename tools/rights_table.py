"""The table of the documentation: event, who can cause it, whose code runs, which credentials."""

from __future__ import annotations

import dataclasses
from typing import Any

from tradai_tasks.sessions.core.catalog import CATALOG as SESSIONS
from tradai_tasks.settings.table import RepositoryKind
from tradai_tasks.settings.workflows import WorkflowsSettings
from tradai_tasks.workflows.repository_traits import RepositoryTraits
from tradai_tasks.workflows.rights import EVENTS, Grant, Job, jobs
from tradai_tasks.workflows.selection import CATALOG, workflows

__all__ = ["every_job", "everything", "rights_table"]

_HEAD = (
    "| event | who can cause it | jobs | whose code runs | environment | credentials |\n"
    "| --- | --- | --- | --- | --- | --- |\n"
)
# shown as they are, whatever they are called in a repository
_ENVIRONMENTS = ("dev", "staging", "prod")


def everything(kind: RepositoryKind) -> RepositoryTraits:
    """Return a repository that has all there is a workflow for."""
    sessions = {entry.name for entry in SESSIONS}
    sessions |= {session for workflow in CATALOG for session in workflow.sessions}
    has: dict[str, Any] = {
        field.name: True for field in dataclasses.fields(RepositoryTraits) if field.type == "bool"
    }
    has |= {"pinned_noxfile": False, "registry_set": False, "tracking_set": False}
    return RepositoryTraits(
        kind=kind,
        sessions=frozenset(sessions),
        stacks=_ENVIRONMENTS,
        environments=_ENVIRONMENTS,
        **has,
    )


def every_job(settings: WorkflowsSettings) -> list[Job]:
    """Return the jobs of all workflows, of both kinds of repositories."""
    kinds: tuple[RepositoryKind, ...] = ("platform", "strategies")
    return [
        job
        for kind in kinds
        for job in jobs(
            workflows(everything(kind), settings),
            branch=settings.branch,
            environments=_ENVIRONMENTS,
            branch_environments=settings.branch_environments,
        )
    ]


def rights_table() -> str:
    """Return the table, with a row for the jobs of an event that hold the same."""
    found = every_job(WorkflowsSettings())
    lines = []
    for event in EVENTS:
        rows: dict[tuple[str, str, str], dict[str, list[str]]] = {}
        for job in found:
            for grant in job.grants:
                if grant.event == event:
                    same = rows.setdefault(_held(grant), {})
                    same.setdefault(job.workflow, []).append(job.name)
        for (code, environment, credentials), same in rows.items():
            named = "; ".join(f"`{file}`: {', '.join(names)}" for file, names in same.items())
            cells = (event.name, event.who, named, code, environment, credentials)
            lines.append(f"| {' | '.join(cells)} |\n")
    return _HEAD + "".join(lines)


def _held(grant: Grant) -> tuple[str, str, str]:
    roles = dict.fromkeys(role.source for found in grant.roles.values() for role in found)
    held = [f"the role `{source}`" for source in roles]
    held += [f"`{name}`" for name in grant.secrets]
    # to ask for an OIDC token is how a role is assumed
    rights = {k: v for k, v in grant.permissions.items() if not (k == "id-token" and roles)}
    held += [f"`{name}: {right}`" for name, right in rights.items()]
    environments = ", ".join(f"`{name}`" for name in grant.environments)
    return grant.code, environments or "-", ", ".join(held) or "none"
