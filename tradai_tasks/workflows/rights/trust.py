"""Derive GitHub rulesets and AWS trust policies from the rendered workflows.

They are printed as JSON and as commands to copy.

https://docs.github.com/en/actions/reference/security/oidc
"""

from __future__ import annotations

import json
import re
import shlex
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from tradai_tasks.errors import BadArgumentsError
from tradai_tasks.workflows.rights.rights import Grant, Job

# tags that release something, as rules of GitHub match them
TAGS = {"platform": ("v*",), "strategies": ("*-v*",)}
_REPOSITORY = re.compile(r"[A-Za-z0-9](?:[A-Za-z0-9-]*[A-Za-z0-9])?/[A-Za-z0-9._-]+\Z")
# https://host/owner/name.git, ssh://git@host/owner/name, git@host:owner/name
_REMOTE = re.compile(r"(?:[a-z][a-z+]*://[^/\s]+/|[^/:\s]+:/?)([^/\s]+/[^/\s]+?)(?:\.git)?/?\Z")
_IDS = re.compile(r"[0-9]{1,20}/[0-9]{1,20}\Z")
_PROVIDER = "token.actions.githubusercontent.com"
_ACCOUNT = re.compile(r"\d{12}\Z")
# permissions of a role, by the session that acts with it, and the resources
_PUSH = (
    "ecr:GetAuthorizationToken, and on the repositories of its images ecr:BatchGetImage, "
    "ecr:BatchCheckLayerAvailability, ecr:DescribeImages, ecr:DescribeRepositories, "
    "ecr:GetDownloadUrlForLayer, ecr:ListImages, ecr:InitiateLayerUpload, ecr:UploadLayerPart, "
    "ecr:CompleteLayerUpload, ecr:PutImage"
)
_INDEX = (
    "codeartifact:GetAuthorizationToken, codeartifact:GetRepositoryEndpoint, "
    "codeartifact:ReadFromRepository, and sts:GetServiceBearerToken for codeartifact.amazonaws.com"
)
# what a session that acts on AWS needs
_PERMISSIONS = {
    "codeartifact-login": _INDEX,
    "backtest-data": "s3:GetObject and s3:ListBucket on the bucket of the candles",
    "infra": "to read what the stacks manage, and Pulumi's state; to change them only for `up`",
    "images": _PUSH,
    "release": _PUSH,
    "publish": f"{_INDEX}; codeartifact:PublishPackageVersion",
    "deploy": "ecs:DescribeServices, ecs:UpdateService, ecs:ListTasks, ecs:DescribeTasks, "
    "ecs:DescribeTaskDefinition, ecs:RegisterTaskDefinition, iam:PassRole of the tasks' roles, and "
    "to read the images: ecr:GetAuthorizationToken, ecr:BatchGetImage, ecr:DescribeImages, "
    "ecr:DescribeRepositories, ecr:GetDownloadUrlForLayer, ecr:ListImages",
    "lambdas": f"{_PUSH}; lambda:GetFunction, lambda:GetFunctionConfiguration, "
    "lambda:UpdateFunctionCode, lambda:ListVersionsByFunction, lambda:PublishVersion",
}


@dataclass(frozen=True, kw_only=True, slots=True)
class RoleTrust:
    """Who may assume a role, and what for."""

    source: str  # source of its ARN: `vars.NAME` or `secrets.NAME`
    subjects: tuple[str, ...]  # exact subjects in GitHub's tokens
    jobs: tuple[str, ...]
    is_open: bool  # unreviewed code can assume it, so it must only read
    permissions: tuple[str, ...]  # permissions that its jobs need


@dataclass(frozen=True, kw_only=True, slots=True)
class EnvironmentRule:
    """The rules of one of GitHub's environments."""

    name: str
    is_open: bool  # pull requests use it, so no rule on branches can apply
    secrets: tuple[str, ...]  # `secrets.X` and `vars.X` that its jobs read

    def document(self) -> dict[str, Any]:
        """Return the document for GitHub's API."""
        branches = {"protected_branches": False, "custom_branch_policies": True}
        return {"deployment_branch_policy": None if self.is_open else branches}


@dataclass(frozen=True, kw_only=True, slots=True)
class Trust:
    """Everything to set up on GitHub and AWS for one repository."""

    repository: str  # owner/name
    branch: str
    roles: tuple[RoleTrust, ...]
    environments: tuple[EnvironmentRule, ...]
    secrets: tuple[str, ...]  # read by jobs without an environment
    tags: tuple[str, ...]  # patterns of tags that release something


def repository_named(given: str | None, remote: str | None) -> str:
    """Return owner/name by the argument or the remote; raise BadArgumentsError if neither."""
    name = given
    if name is None:
        found = _REMOTE.match(remote or "")
        name = found[1] if found else None
    if name is None or not _REPOSITORY.match(name) or name.endswith("/."):
        what = "the remote `origin` names no repository" if given is None else f"{given[:80]!a}"
        raise BadArgumentsError(
            f"workflows: {what}; give it as owner/name: nox -s workflows -- --trust --repository "
            f"owner/name"
        )
    return name


def subject_of(repository: str, ids: str | None) -> str:
    """Return how a subject names the repository: with the ids of owner and repository, if given.

    github.com puts them into the subjects of repositories that were created, renamed or moved after
    18 June 2026, or that have opted in.

    https://github.blog/changelog/2026-04-23-immutable-subject-claims-for-github-actions-oidc-tokens

    Raises:
        BadArgumentsError: They are no such ids.
    """
    if ids is None:
        return f"repo:{repository}"
    if not _IDS.match(ids):
        raise BadArgumentsError(
            f"workflows: --ids {ids[:40]!a}: give two numbers as OWNER_ID/REPOSITORY_ID; see: "
            f"gh api repos/{repository} --jq '.owner.id, .id'"
        )
    (owner, name), (owner_id, name_id) = repository.split("/"), ids.split("/")
    return f"repo:{owner}-{owner_id}/{name}-{name_id}"


def trust_of(
    found: Sequence[Job],
    *,
    repository: str,
    branch: str,
    tags: Sequence[str],
    ids: str | None = None,
) -> Trust:
    """Return what to set up for the jobs of the rendered workflows; subjects may hold `ids`.

    Raises:
        BadArgumentsError: They are no such ids.
    """
    grants = [grant for job in found for grant in job.grants]
    outside = {name for one in grants if not one.environments for name in _read_in(one, "")}
    return Trust(
        repository=repository,
        branch=branch,
        roles=_roles(found, subject_of(repository, ids), branch),
        environments=_environments(grants),
        secrets=tuple(sorted(outside)),
        tags=tuple(tags),
    )


def trust_policy(trust: RoleTrust, account: str | None) -> dict[str, Any]:
    """Return the AWS trust policy of a role: exact subjects, one audience."""
    home = account if account and _ACCOUNT.match(account) else "ACCOUNT_ID"
    return {
        "Version": "2012-10-17",
        "Statement": [
            {
                "Effect": "Allow",
                "Principal": {"Federated": f"arn:aws:iam::{home}:oidc-provider/{_PROVIDER}"},
                "Action": "sts:AssumeRoleWithWebIdentity",
                "Condition": {
                    "StringEquals": {
                        f"{_PROVIDER}:aud": "sts.amazonaws.com",
                        f"{_PROVIDER}:sub": list(trust.subjects),
                    }
                },
            }
        ],
    }


def tag_ruleset(tags: Iterable[str]) -> dict[str, Any]:
    """Return the ruleset for release tags: few users create them, nobody moves them."""
    return {
        "name": "release tags",
        "target": "tag",
        "enforcement": "active",
        "conditions": {
            "ref_name": {"include": [f"refs/tags/{tag}" for tag in tags], "exclude": []}
        },
        "rules": [{"type": "creation"}, {"type": "update"}, {"type": "deletion"}],
        # allowed role: 5 is that of the repository's administrators
        "bypass_actors": [{"actor_id": 5, "actor_type": "RepositoryRole", "bypass_mode": "always"}],
    }


def branch_ruleset() -> dict[str, Any]:
    """Return the ruleset for the default branch: reviews, and the gate as required check."""
    return {
        "name": "default branch",
        "target": "branch",
        "enforcement": "active",
        "conditions": {"ref_name": {"include": ["~DEFAULT_BRANCH"], "exclude": []}},
        "rules": [
            {"type": "deletion"},
            {"type": "non_fast_forward"},
            {
                "type": "pull_request",
                "parameters": {
                    "required_approving_review_count": 1,
                    "dismiss_stale_reviews_on_push": True,
                    "require_code_owner_review": True,
                    "require_last_push_approval": True,
                    "required_review_thread_resolution": False,
                },
            },
            {
                "type": "required_status_checks",
                "parameters": {
                    "strict_required_status_checks_policy": False,
                    "required_status_checks": [{"context": "gate"}],
                },
            },
        ],
    }


def shown(trust: Trust, account: str | None = None) -> str:
    """Return all of it as text to read and copy from."""
    return "\n\n".join([*_shown_roles(trust, account), *_shown_environments(trust), *_rules(trust)])


def _roles(found: Sequence[Job], subject: str, branch: str) -> tuple[RoleTrust, ...]:
    uses = [
        (role, job, grant, f"{subject}:{_subject(grant, environment, branch)}")
        for job in found
        for grant in job.grants
        for environment, roles in grant.roles.items()
        for role in roles
    ]
    made = []
    for source in sorted({role.source for role, *_ in uses}):
        own = [use for use in uses if use[0].source == source]
        sessions = (name for role, *_ in own for name in role.sessions)
        needed = (_PERMISSIONS[name] for name in sessions if name in _PERMISSIONS)
        made.append(
            RoleTrust(
                source=source,
                subjects=tuple(sorted({one for *_, one in own})),
                jobs=tuple(dict.fromkeys(f"{job.workflow}, {job.name}" for _, job, *_ in own)),
                is_open=any(grant.is_unreviewed for _, _, grant, _ in own),
                permissions=tuple(dict.fromkeys(needed)),
            )
        )
    return tuple(made)


def _read_in(grant: Grant, environment: str) -> tuple[str, ...]:
    """Return the secrets and variables that a job reads in an environment."""
    return (*grant.secrets, *(role.source for role in grant.roles.get(environment, ())))


def _subject(grant: Grant, environment: str, branch: str) -> str:
    """Return the subject of a job's token: by its environment, else by its event."""
    if environment:
        return f"environment:{environment}"
    if grant.event.trigger == "pull_request":
        return "pull_request"
    return f"ref:{grant.event.ref.format(branch=branch)}"


def _environments(grants: Sequence[Grant]) -> tuple[EnvironmentRule, ...]:
    names = sorted({name for grant in grants for name in grant.environments})
    rules = []
    for name in names:
        inside = [grant for grant in grants if name in grant.environments]
        rules.append(
            EnvironmentRule(
                name=name,
                is_open=any(grant.is_unreviewed for grant in inside),
                secrets=tuple(sorted({one for grant in inside for one in _read_in(grant, name)})),
            )
        )
    return tuple(rules)


def _shown_roles(trust: Trust, account: str | None) -> list[str]:
    if not trust.roles:
        return ["# Roles of AWS: no job assumes one"]
    parts = ["# Roles of AWS, each with its trust policy"]
    for role in trust.roles:
        may = "it must not be able to write" if role.is_open else "it may write"
        lines = [f"## {role.source}: {may}", f"Jobs: {'; '.join(role.jobs)}."]
        lines += [f"Permissions: {one}." for one in role.permissions]
        parts.append("\n".join(lines))
        parts.append(json.dumps(trust_policy(role, account), indent=2))
    return parts


def _shown_environments(trust: Trust) -> list[str]:
    parts = ["# Environments"]
    for rule in trust.environments:
        home = f"repos/{trust.repository}/environments/{rule.name}"
        why = (
            "jobs of pull requests run in it, so no rule on branches can hold; what its keys "
            "open must be read-only"
            if rule.is_open
            else f"only {trust.branch} deploys to it"
        )
        lines = [f"## {rule.name}: {why}"]
        if not rule.is_open:
            lines.append(
                "Add required reviewers, who do not approve their own runs: Settings, "
                "Environments, Required reviewers, Prevent self-review."
            )
        lines.append(_call("PUT", home, rule.document()))
        if not rule.is_open:
            branch = {"name": trust.branch, "type": "branch"}
            lines.append(_call("POST", f"{home}/deployment-branch-policies", branch))
        lines += [_set(one, trust.repository, rule.name) for one in rule.secrets]
        parts.append("\n".join(lines))
    if trust.secrets:
        lines = ["## Read in no environment, so kept for the whole repository"]
        lines += [_set(one, trust.repository, None) for one in trust.secrets]
        parts.append("\n".join(lines))
    return parts


def _rules(trust: Trust) -> list[str]:
    home = f"repos/{trust.repository}/rulesets"
    parts = ["# Rules of branches and tags"]
    parts.append(_call("POST", home, branch_ruleset()))
    if trust.tags:
        parts.append(_call("POST", home, tag_ruleset(trust.tags)))
    return parts


def _call(method: str, path: str, document: Mapping[str, Any]) -> str:
    body = json.dumps(document, indent=2)
    return f"gh api --method {method} {shlex.quote(path)} --input - <<'JSON'\n{body}\nJSON"


def _set(source: str, repository: str, environment: str | None) -> str:
    """Return the command that stores a secret or a variable; a secret's value is asked for."""
    context, _, name = source.partition(".")
    words = ["gh", "secret" if context == "secrets" else "variable", "set", name]
    words += ["--repo", repository]
    words += [] if environment is None else ["--env", environment]
    return shlex.join(words)
