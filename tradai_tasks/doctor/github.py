"""Check the settings and GitHub's rules that decide which job gets which credentials."""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import closing
from typing import Any

from tradai_tasks.doctor.check_runner import Finding, fault, fine, not_here
from tradai_tasks.doctor.repository import DoctorContext
from tradai_tasks.errors import BadArgumentsError, CommandFailedError
from tradai_tasks.http_client.address import bearer
from tradai_tasks.http_client.client import HttpClient
from tradai_tasks.http_client.limits import AnswerError, Limits, parsed_json
from tradai_tasks.http_client.retry import TransientError
from tradai_tasks.release.tags.target_environment import released_to
from tradai_tasks.vcs.git_environment import run_git
from tradai_tasks.workflows.render import is_ours
from tradai_tasks.workflows.rights.rights import Job, jobs
from tradai_tasks.workflows.rights.sign_in import keys_warning, role_faults
from tradai_tasks.workflows.rights.trust import TAGS, Trust, repository_named, trust_of

_HEADERS = {"Accept": "application/vnd.github+json", "X-GitHub-Api-Version": "2022-11-28"}
_OK, _ABSENT = 200, 404
_REMEDY = "see what to set: nox -s workflows -- --trust"
_GATE = "gate"


def keys(context: DoctorContext) -> Finding:
    """Check that settings expose no credentials, and that GitHub has the rules to protect them."""
    repository = context.repository
    settings = repository.settings.workflows
    stacks = [stack.name for stack in repository.workspace.stacks]
    known = released_to(repository.settings.deploy, settings.release_environment)
    faults = role_faults(settings, {*known, *stacks})
    found = _jobs(context, known)
    if not found:
        return not_here("no workflow here was written by tradai-tasks")
    if faults:
        return fault("; ".join(faults), "fix the settings, then: nox -s workflows")
    warning = keys_warning(found, settings)
    said = [f"warning: {warning}"] if warning else []
    token = context.env.get("GITHUB_TOKEN") or context.env.get("GH_TOKEN")
    try:
        trust = _trust(context, found)
    except BadArgumentsError:
        return not_here("; ".join([*said, "no remote `origin` says which repository it is"]))
    if not token:
        unseen = f"rules of {trust.repository} on GitHub: not to be seen without GITHUB_TOKEN"
        return not_here("; ".join([*said, f"the settings are well; {unseen}"]))
    api = context.env.get("GITHUB_API_URL", "https://api.github.com").rstrip("/")
    missing = _missing_rules(trust, f"{api}/repos/{trust.repository}", token, context.seconds)
    if missing:
        return fault("; ".join([*said, *missing]), _REMEDY)
    where = f"{trust.repository} has the rules that hold its keys"
    return fine("; ".join([*said, where]))


def _jobs(context: DoctorContext, known: tuple[str, ...]) -> tuple[Job, ...]:
    """Return the jobs of the workflow files that are there and ours."""
    settings, checkout = context.repository.settings.workflows, context.checkout()
    return jobs(
        {name: text for name, text in checkout.files.items() if is_ours(text, checkout.folder)},
        branch=settings.branch,
        environments=known,
        branch_environments=settings.branch_environments,
    )


def _trust(context: DoctorContext, found: tuple[Job, ...]) -> Trust:
    repository = context.repository
    argv = ["remote", "get-url", "origin"]
    done = run_git(repository.root, *argv, check=False, timeout=context.seconds)
    remote = done.text.strip() if done.returncode == 0 else None
    return trust_of(
        found,
        repository=repository_named(context.env.get("GITHUB_REPOSITORY"), remote),
        branch=repository.settings.workflows.branch,
        tags=TAGS[repository.workspace.kind],
    )


def _missing_rules(trust: Trust, home: str, token: str, seconds: float) -> list[str]:
    """Ask GitHub for each rule, and return those that are missing."""
    limits = Limits(idle=seconds, whole=seconds)
    try:
        client = HttpClient(f"{home}/", authorization=lambda: bearer(token), limits=limits)
    except AnswerError as error:
        raise CommandFailedError(f"GitHub's API: GITHUB_API_URL is {error}") from None
    with closing(client):
        closed = [rule.name for rule in trust.environments if not rule.is_open]
        missing = [line for name in closed for line in _environment(client, home, name, trust)]
        return [*missing, *_branch(client, home, trust.branch), *_tags(client, home)]


def _environment(client: HttpClient, home: str, name: str, trust: Trust) -> list[str]:
    """Return the missing rules of an environment to which only the default branch may deploy."""
    place = f"{home}/environments/{name}"
    found = _get(client, place)
    if found is None:
        return [f"environment {name}: not there, so the first job that names it makes it"]
    policy = found.get("deployment_branch_policy") or {}
    if policy.get("protected_branches"):
        return []
    if not policy.get("custom_branch_policies"):
        return [f"environment {name}: any branch may deploy to it"]
    policies = (_get(client, f"{place}/deployment-branch-policies") or {}).get(
        "branch_policies", []
    )
    others = sorted({str(one.get("name")) for one in policies} - {trust.branch})
    if not others:
        return []
    return [f"environment {name}: {', '.join(map(ascii, others))} may deploy to it, too"]


def _branch(client: HttpClient, home: str, branch: str) -> list[str]:
    rules = _get(client, f"{home}/rules/branches/{branch}") or []
    types = {rule.get("type") for rule in rules}
    checks = [
        check.get("context")
        for rule in rules
        if rule.get("type") == "required_status_checks"
        for check in rule.get("parameters", {}).get("required_status_checks", [])
    ]
    missing = []
    if "pull_request" not in types:
        missing.append(f"branch {branch}: may be pushed to without a pull request")
    if _GATE not in checks:
        missing.append(f"branch {branch}: the check `{_GATE}` is not required")
    return missing


def _tags(client: HttpClient, home: str) -> list[str]:
    rulesets = _get(client, f"{home}/rulesets?targets=tag") or []
    active = [one for one in rulesets if one.get("enforcement") == "active"]
    return [] if active else ["tags: no active ruleset, so whoever may push makes a release"]


def _get(client: HttpClient, url: str) -> Any:
    """Return GitHub's answer; None if it is 404.

    Raises:
        CommandFailedError: It does not answer, or not with JSON.
    """
    try:
        answer = client.request("GET", url, headers=_HEADERS)
        if answer.status_code == _ABSENT:
            return None
        document = parsed_json(answer.content) if answer.status_code == _OK else None
    except TransientError as error:
        raise CommandFailedError(f"GitHub's API: {error.kind}; run it again") from None
    except (AnswerError, ValueError) as error:
        raise CommandFailedError(f"GitHub's API: {error}; run it again") from None
    if not isinstance(document, Mapping | list):
        raise CommandFailedError(
            f"GitHub's API: status {answer.status_code}; the token needs to read administration"
        )
    return document
