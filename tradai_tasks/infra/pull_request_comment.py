"""Create one comment on a GitHub pull request, and edit it in place.

https://docs.github.com/en/rest/issues/comments
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from tradai_tasks.errors import CommentError, ForkError
from tradai_tasks.http_client.address import bearer
from tradai_tasks.http_client.client import HttpClient
from tradai_tasks.http_client.limits import AnswerError, Limits, parsed_json
from tradai_tasks.http_client.retry import TransientError, raise_transient, retried
from tradai_tasks.infra.preview_counts import COLUMNS, Changes, rows
from tradai_tasks.report import markdown_table

MARK = "<!-- tradai-tasks: infra -->"  # first line of the comment, by which it is found again
_LONGEST = 40  # resources listed for each stack
_PAGE = 100  # comments in one response, at most
_MOST_PAGES = 50
_TRIES = 4
_FORBIDDEN = (401, 403, 404)
_HEADERS = {"Accept": "application/vnd.github+json", "X-GitHub-Api-Version": "2022-11-28"}


@dataclass(frozen=True, kw_only=True, slots=True)
class PullRequest:
    """The pull request to comment on."""

    api: str  # URL of GitHub's API, without a final slash
    repository: str  # "owner/name"
    number: int
    token: str = field(repr=False)
    is_job: bool  # whether a CI job comments: its comments are a bot's


def refuse_fork(event: Mapping[str, Any]) -> None:
    """Raise ForkError for a pull request from a fork, whose code must not get credentials."""
    request = event.get("pull_request")
    if not isinstance(request, dict):
        return
    names = [
        ((request.get(side) or {}).get("repo") or {}).get("full_name") for side in ("head", "base")
    ]
    if names[0] != names[1]:
        raise ForkError(
            f"pull request of {names[0] or 'a deleted fork'!r}: a fork gets no credentials, so its "
            f"infrastructure cannot be previewed; push the branch to {names[1]} and preview it "
            f"there"
        )


def pull_request(
    event: Mapping[str, Any], env: Mapping[str, str], number: int | None = None
) -> PullRequest:
    """Return the pull request to comment on, by the CI event, else by `number`.

    `env` has GITHUB_TOKEN or GH_TOKEN, GITHUB_REPOSITORY and GITHUB_API_URL.

    Raises:
        CommentError: A part of it is not known.
    """
    request = event.get("pull_request")
    stated = number or (request.get("number") if isinstance(request, dict) else None)
    if not isinstance(stated, int):
        raise CommentError(
            "--comment: the CI event is of no pull request; name one: --pull-request NUMBER"
        )
    repository = env.get("GITHUB_REPOSITORY", "")
    if not repository:
        raise CommentError("--comment: GITHUB_REPOSITORY is not set; set it to owner/name")
    token = env.get("GITHUB_TOKEN") or env.get("GH_TOKEN")
    if not token:
        raise CommentError(
            "--comment: GITHUB_TOKEN is not set; give it to the step by `env:`, with the "
            "permission pull-requests: write"
        )
    return PullRequest(
        api=env.get("GITHUB_API_URL", "https://api.github.com").rstrip("/"),
        repository=repository,
        number=stated,
        token=token,
        is_job=env.get("GITHUB_ACTIONS") == "true",
    )


def body_of(changes: Sequence[Changes], env: Mapping[str, str]) -> str:
    """Return the comment: one table for all stacks, and the names of lost resources."""
    parts = [f"{MARK}\n### Infrastructure\n\n", markdown_table(("stack", *COLUMNS), rows(changes))]
    for one in changes:
        parts += _lost(one)
    parts.append(_origin(env))
    return "".join(parts)


def _lost(one: Changes) -> Iterable[str]:
    if not one.lost:
        return
    yield f"\n**{one.stack}** deletes or replaces:\n\n"
    for line in one.lost[:_LONGEST]:
        yield f"- `{' '.join(line.replace('`', ' ').split())}`\n"
    if one.lost[_LONGEST:]:
        yield f"- and {len(one.lost) - _LONGEST} more\n"


def _origin(env: Mapping[str, str]) -> str:
    server, repository, run = (
        env.get(name) for name in ("GITHUB_SERVER_URL", "GITHUB_REPOSITORY", "GITHUB_RUN_ID")
    )
    commit = env.get("GITHUB_SHA", "")[:12]
    if server and repository and run:
        return f"\nOf {commit}, by [this run]({server}/{repository}/actions/runs/{run}).\n"
    return f"\nOf {commit}.\n" if commit else ""


def post(request: PullRequest, body: str, *, timeout: float = 30.0) -> str:
    """Create the comment, or edit the existing one; return which of the two was done.

    Looking and writing are retried together, so that a lost response does not cause a duplicate.
    The request is given up after `timeout` seconds without a byte.

    Raises:
        CommentError: It failed; the comment is unchanged.
    """
    name = f"{request.repository}#{request.number}"
    try:
        client = HttpClient(
            f"{request.api}/",
            authorization=lambda: bearer(request.token),
            limits=Limits(idle=timeout, whole=2 * timeout),
        )
    except AnswerError as fault:
        raise CommentError(f"{name}: no comment made: GITHUB_API_URL is {fault}") from None
    try:
        return retried(lambda: _once(client, request, body), tries=_TRIES)
    except TransientError as fault:
        raise CommentError(f"{name}: no comment made: {fault}; run it again") from None
    except AnswerError as fault:
        raise CommentError(f"{name}: no comment made: GitHub {fault}") from None
    finally:
        client.close()


def _once(client: HttpClient, request: PullRequest, body: str) -> str:
    base = f"{request.api}/repos/{request.repository}/issues"
    found = _found(client, request, f"{base}/{request.number}/comments")
    if found is None:
        _send(client, request, "POST", f"{base}/{request.number}/comments", json={"body": body})
        return "made"
    _send(client, request, "PATCH", f"{base}/comments/{found}", json={"body": body})
    return "edited"


def _found(client: HttpClient, request: PullRequest, url: str) -> int | None:
    """Return the id of our comment, the first that begins with the mark."""
    for page in range(1, _MOST_PAGES + 1):
        params = {"per_page": str(_PAGE), "page": str(page)}
        comments = _send(client, request, "GET", url, params=params)
        try:
            for one in comments:
                # other users can write the mark into their comments
                is_ours = not request.is_job or (one.get("user") or {}).get("type") == "Bot"
                if is_ours and str(one.get("body", "")).startswith(MARK):
                    return int(one["id"])
        except (AttributeError, KeyError, TypeError, ValueError):
            raise CommentError(f"what answers at {request.api} is not GitHub") from None
        if len(comments) < _PAGE:
            return None
    return None


def _send(client: HttpClient, request: PullRequest, method: str, url: str, **given: Any) -> Any:
    name = f"{request.repository}#{request.number}"
    try:
        answer = client.request(method, url, headers=_HEADERS, **given)
    except TransientError as fault:
        raise TransientError(f"GitHub cannot be reached ({fault.kind})") from None
    raise_transient(answer, f"GitHub answers with status {answer.status_code}")
    if answer.status_code in _FORBIDDEN:
        raise CommentError(
            f"{name}: no comment made: GitHub answers with status {answer.status_code}; the token "
            f"needs the permission pull-requests: write"
        )
    if not answer.is_success:
        raise CommentError(f"{name}: no comment made: GitHub answers {answer.status_code}")
    try:
        return parsed_json(answer.content)
    except ValueError:
        raise CommentError(f"{name}: what answers at {request.api} is not GitHub") from None
