"""The table of the documentation: event, who can cause it, whose code runs, which credentials."""

from __future__ import annotations

import dataclasses
import json
from typing import Any

from tradai_tasks.sessions.core.registry.catalog import CATALOG as SESSIONS
from tradai_tasks.settings.table import RepositoryKind
from tradai_tasks.settings.workflows import WorkflowsSettings
from tradai_tasks.workflows.repository_traits import RepositoryTraits
from tradai_tasks.workflows.rights.required_secrets import needed
from tradai_tasks.workflows.rights.rights import EVENTS, Grant, Job, jobs
from tradai_tasks.workflows.rights.trust import RoleTrust, trust_policy
from tradai_tasks.workflows.selection import CATALOG, workflows

__all__ = ["every_job", "everything", "policies", "rights_table", "secrets_table"]

_HEAD = (
    "| event | who can cause it | jobs | whose code runs | environment | credentials |\n"
    "| --- | --- | --- | --- | --- | --- |\n"
)
# what a subject ends with, and which tokens have it
_SUBJECTS = {
    "environment:prod": "A job with `environment: prod`, whatever started it. Every job that signs "
    "in here has an environment: GitHub's rules for it say who may deploy, and from which branch.",
    "ref:refs/heads/main": "A job without an environment, of a push to `main`, of a schedule or a "
    "dispatch on it, or of a `workflow_run`.",
    "ref:refs/tags/v1.2.0": "A job without an environment, of the push of one tag. `StringLike` "
    "with `refs/tags/v*` would take all, and whoever may push a tag chooses its commit.",
    "pull_request": "A job without an environment, of any pull request from a branch of the "
    "repository. Nobody has reviewed its code, so such a role must not be able to write.",
}
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
    has["publish_identity"] = False
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


def secrets_table() -> str:
    """Return the table of the secrets and variables that workflows read, and which need them."""
    settings = WorkflowsSettings()
    kinds: tuple[RepositoryKind, ...] = ("platform", "strategies")
    lines = ["| name | kind | needed | by |\n| --- | --- | --- | --- |\n"]
    files: dict[str, str] = {}
    for kind in kinds:
        files |= workflows(everything(kind), settings)
    for one in needed(files):
        how = "may be missing" if one.is_optional else "yes"
        by = ", ".join(f"`{file}`" for file in one.files)
        lines.append(f"| `{one.name}` | {one.kind} | {how} | {by} |\n")
    return "".join(lines)


def policies() -> str:
    """Return a trust policy for each kind of subject that GitHub's tokens can have."""
    parts = []
    for subject, title in _SUBJECTS.items():
        role = RoleTrust(
            source="", subjects=(f"repo:acme/platform:{subject}",), jobs=(), is_open=False,
            permissions=(),
        )  # fmt: skip
        policy = json.dumps(trust_policy(role, "123456789012"), indent=2)
        parts.append(f"{title}\n\n```json\n{policy}\n```\n")
    return "\n".join(parts)


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
