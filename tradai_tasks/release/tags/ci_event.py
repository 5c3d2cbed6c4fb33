"""Read which release tag a CI event asks for, and refuse events that are not trusted.

In a `workflow_run` event the tag is only in `head_branch`, which anybody may choose: a fork, or a
branch, may be named `v9.9.9`. So the event must be of a successful push run of this very
repository, and what it names is trusted only where the tag itself, in the clone, is at the commit
that was checked (GitHub Security Lab, "Preventing pwn requests").
"""

from __future__ import annotations

import json
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tradai_tasks.errors import DispatchRefusedError, UntrustedEventError
from tradai_tasks.vcs.git_records import is_object_id

_MOST = 64 * 1024 * 1024  # bytes of an event; GitHub's own have 25 MB at most


@dataclass(frozen=True, kw_only=True, slots=True)
class TagRequest:
    """Release requested by an event: untrusted until it is checked against the clone."""

    tag: str  # anything; `tags.parse_tag` reads it strictly
    commit: str | None  # full id of the commit that CI has checked; None where it says none
    is_workflow_run: bool


def read_event(env: Mapping[str, str]) -> dict[str, Any]:
    """Return the event's JSON document; empty if there is none.

    Raises:
        UntrustedEventError: The file that GITHUB_EVENT_PATH names holds no JSON object.
    """
    path = env.get("GITHUB_EVENT_PATH")
    if not path:
        return {}
    try:
        file = Path(path)  # a pipe would be waited for
        is_small = file.is_file() and file.stat().st_size <= _MOST
        document = json.loads(file.read_bytes()) if is_small else None
    except (OSError, ValueError, RecursionError):
        document = None
    if not isinstance(document, dict):
        raise UntrustedEventError(
            "the event file (GITHUB_EVENT_PATH) holds no JSON object, so nothing can be released "
            "by it; run outside of CI, or fix the runner"
        )
    return document


def tag_request(env: Mapping[str, str], event: Mapping[str, Any]) -> TagRequest | None:
    """Return the tag that an event asks to release; None if it asks for none.

    Raises:
        UntrustedEventError: It is a `workflow_run` that must not start a release.
    """
    name = env.get("GITHUB_EVENT_NAME", "")
    if name == "workflow_run":
        return _of_workflow_run(env, event)
    ref = env.get("GITHUB_REF", "")
    if name == "push" and ref.startswith("refs/tags/"):
        sha = env.get("GITHUB_SHA")
        return TagRequest(tag=ref, commit=sha if is_object_id(sha) else None, is_workflow_run=False)
    return None


def check_dispatch(
    env: Mapping[str, str], event: Mapping[str, Any], environment: str, allowed: Collection[str]
) -> None:
    """Raise DispatchRefusedError for a dispatch on another branch than the default one.

    `allowed` are environments that any branch may deploy to.
    """
    if env.get("GITHUB_EVENT_NAME") != "workflow_dispatch" or environment in allowed:
        return
    main, ref = main_branch_of(event), env.get("GITHUB_REF", "")
    if main is None or ref != f"refs/heads/{main}":
        raise DispatchRefusedError(
            f"a dispatch on {ref.removeprefix('refs/heads/')[:60]!a} deploys nothing to "
            f"{environment[:60]!a}: only the default branch ({main or 'missing in the event'!a}) "
            f"may; dispatch it there, or name the environment in workflows.branch-environments"
        )


def dispatched_commit(env: Mapping[str, str]) -> str | None:
    """Return the commit of a dispatch; None for any other event.

    Raises:
        UntrustedEventError: The runner does not say.
    """
    if env.get("GITHUB_EVENT_NAME") != "workflow_dispatch":
        return None
    commit = env.get("GITHUB_SHA")
    if not is_object_id(commit):
        raise UntrustedEventError(
            "the workflow_dispatch run names no commit (GITHUB_SHA), so nothing is deployed"
        )
    return commit


def main_branch_of(event: Mapping[str, Any]) -> str | None:
    """Return the default branch according to an event."""
    name = _table(event, "repository").get("default_branch")
    return name if isinstance(name, str) and name else None


def _of_workflow_run(env: Mapping[str, str], event: Mapping[str, Any]) -> TagRequest:
    run = _table(event, "workflow_run")
    here = {_table(event, "repository").get("full_name"), env.get("GITHUB_REPOSITORY")} - {None}
    there = _table(run, "head_repository").get("full_name")
    _require(run.get("conclusion") == "success", "its run did not succeed", run.get("conclusion"))
    _require(run.get("event") == "push", "its run was not of a push", run.get("event"))
    _require(here == {there}, "its run was of another repository", there)
    tag, commit = run.get("head_branch"), run.get("head_sha")
    if isinstance(tag, str):  # a branch's name, though it be written like a reference
        _require(not tag.startswith("refs/"), "its head_branch is no tag's name", tag)
    if not isinstance(tag, str) or not is_object_id(commit):
        raise UntrustedEventError(
            "the workflow_run event names no head_branch and head_sha, so nothing is released"
        )
    return TagRequest(tag=tag, commit=commit, is_workflow_run=True)


def _require(holds: bool, what: str, found: object) -> None:  # noqa: FBT001 - one flag, one meaning
    if not holds:
        raise UntrustedEventError(
            f"the workflow_run event is not to be trusted: {what} ({str(found)[:60]!a}); only a "
            f"successful push run of this repository starts a release"
        )


def _table(document: Mapping[str, Any], key: str) -> Mapping[str, Any]:
    found = document.get(key)
    return found if isinstance(found, dict) else {}
