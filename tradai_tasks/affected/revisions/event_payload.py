"""Read a CI event: what its environment variables and its JSON say is to be compared.

Every value is data from outside: commit ids and names are checked before git sees them.
Source of the rules: GitHub's "Events that trigger workflows" and "Webhook events and payloads".
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Mapping
from typing import Any, TypeGuard

import msgspec

from tradai_tasks.vcs.git_records import is_object_id
from tradai_tasks.workspace.tags import is_semver

_MERGE_REF = re.compile(r"refs/pull/\d+/merge", re.ASCII)
# git check-ref-format: rules 1 to 10; and halves of characters, which JSON may hold and no name can
_NOT_IN_REFS = re.compile(r"[\x00-\x20\x7f~^:?*\[\\\ud800-\udfff]|\.\.|@\{|//|/\.|^\.")


class Everything(msgspec.Struct, frozen=True, kw_only=True):
    """Nothing to compare with: everything is checked."""

    why: str


class StrategyTag(msgspec.Struct, frozen=True, kw_only=True):
    """The tag of one strategy's release."""

    slug: str
    tag: str


class PullRequestEvent(msgspec.Struct, frozen=True, kw_only=True):
    """A pull request against a branch."""

    number: int | None
    branch: str  # the one to merge into
    base: str | None  # tip of that branch at the time of the event; it may have moved since
    head: str
    merged: str | None  # the merge commit that the event runs on, where it names one
    is_checked_out: bool  # whether the work tree holds the request's own code


class PushEvent(msgspec.Struct, frozen=True, kw_only=True):
    """A push to a branch."""

    branch: str
    default_branch: str | None
    before: str | None  # None for the first push of a branch
    after: str
    is_forced: bool | None  # None where the event does not say


class MergeGroupEvent(msgspec.Struct, frozen=True, kw_only=True):
    """A group of pull requests in a merge queue."""

    base: str
    head: str


class LocalChange(msgspec.Struct, frozen=True, kw_only=True):
    """No event: a local work tree, or a CI that describes no event."""

    in_ci: bool


CiEvent = Everything | StrategyTag | PullRequestEvent | PushEvent | MergeGroupEvent | LocalChange


class _UnusableEventError(Exception):
    """An event without something that is needed; the text says what."""


def parse_event(env: Mapping[str, str], payload: bytes | None, slugs: Iterable[str]) -> CiEvent:
    """Read an event.

    One that cannot be read gives `Everything`, with the fault as the reason.
    """
    name = env.get("GITHUB_EVENT_NAME", "")
    if not name:
        return LocalChange(in_ci=env.get("CI", "").lower() in {"1", "true"})
    try:
        match name:
            case "pull_request" | "pull_request_target":
                return _pull_request(name, env, _document(payload))
            case "push":
                return _push(env, payload, tuple(slugs))
            case "merge_group":
                group = _table(_document(payload), "merge_group")
                return MergeGroupEvent(
                    base=_commit(group, "base_sha"), head=_commit(group, "head_sha")
                )
            case _:
                return Everything(why=f"event {_shown(name)} names no change to compare")
    except _UnusableEventError as fault:
        return Everything(why=f"event {_shown(name)}: {fault}")


def is_ref_name(name: object) -> TypeGuard[str]:
    """Tell whether a value can name a branch or a tag, by the rules of git check-ref-format."""
    return (
        isinstance(name, str)
        and bool(name)
        and not name.startswith(("-", "/"))
        and not name.endswith(("/", ".", ".lock"))
        and ".lock/" not in name
        and name != "@"
        and not _NOT_IN_REFS.search(name)
    )


def _pull_request(name: str, env: Mapping[str, str], event: Mapping[str, Any]) -> PullRequestEvent:
    request = _table(event, "pull_request")
    base = _table(request, "base")
    branch = base.get("ref", env.get("GITHUB_BASE_REF"))
    if not is_ref_name(branch):
        raise _UnusableEventError("pull_request.base.ref is missing or no branch name")
    runs_on = env.get("GITHUB_SHA")
    is_merge = name == "pull_request" and _MERGE_REF.fullmatch(env.get("GITHUB_REF", ""))
    number = request.get("number", event.get("number"))
    return PullRequestEvent(
        number=number if isinstance(number, int) else None,
        branch=branch,
        base=base["sha"] if is_object_id(base.get("sha")) else None,
        head=_commit(_table(request, "head"), "sha"),
        merged=runs_on if is_merge and is_object_id(runs_on) else None,
        is_checked_out=name == "pull_request",
    )


def _push(env: Mapping[str, str], payload: bytes | None, slugs: tuple[str, ...]) -> CiEvent:
    ref = env.get("GITHUB_REF", "")
    if ref.startswith("refs/tags/") or env.get("GITHUB_REF_TYPE") == "tag":
        return _tag(ref.removeprefix("refs/tags/") or env.get("GITHUB_REF_NAME", ""), slugs)
    event = _document(payload)
    ref = event.get("ref", ref)
    if isinstance(ref, str) and ref.startswith("refs/tags/"):
        return _tag(ref.removeprefix("refs/tags/"), slugs)
    branch = ref.removeprefix("refs/heads/") if isinstance(ref, str) else None
    if branch is None or not is_ref_name(branch):
        raise _UnusableEventError("ref is missing or no branch name")
    if event.get("deleted") is True or _is_zero(event.get("after")):
        return Everything(why=f"branch {branch} was deleted, so there is nothing to compare")
    default = event.get("repository")
    default = default.get("default_branch") if isinstance(default, dict) else None
    forced = event.get("forced")
    return PushEvent(
        branch=branch,
        default_branch=default if is_ref_name(default) else None,
        before=None if _is_zero(event.get("before")) else _commit(event, "before"),
        after=_commit(event, "after"),
        is_forced=forced if isinstance(forced, bool) else None,
    )


def _tag(tag: str, slugs: tuple[str, ...]) -> CiEvent:
    if not is_ref_name(tag):
        return Everything(why="the pushed tag has no usable name")
    if tag.startswith("v") and is_semver(tag[1:]):
        return Everything(why=f"tag {tag} releases the platform")
    for slug in slugs:
        if tag.startswith(f"{slug}-v") and is_semver(tag[len(slug) + 2 :]):
            return StrategyTag(slug=slug, tag=tag)
    return Everything(why=f"tag {tag} is neither v<version> nor <strategy>-v<version>")


def _document(payload: bytes | None) -> dict[str, Any]:
    if payload is None:
        raise _UnusableEventError("there is no event file (GITHUB_EVENT_PATH)")
    try:
        document = json.loads(payload)
    except (ValueError, RecursionError):
        raise _UnusableEventError("the event file (GITHUB_EVENT_PATH) is no JSON") from None
    if not isinstance(document, dict):
        raise _UnusableEventError("the event file (GITHUB_EVENT_PATH) holds no object")
    return document


def _table(document: Mapping[str, Any], key: str) -> dict[str, Any]:
    found = document.get(key)
    if not isinstance(found, dict):
        raise _UnusableEventError(f"{key} is missing from the event file")
    return found


def _commit(document: Mapping[str, Any], key: str) -> str:
    found = document.get(key)
    if not is_object_id(found) or _is_zero(found):
        raise _UnusableEventError(f"{key} is missing from the event file, or no commit id")
    return str(found)


def _is_zero(value: object) -> bool:
    return is_object_id(value) and set(str(value)) == {"0"}


def _shown(name: str) -> str:
    return name if re.fullmatch(r"[a-z_]{1,40}", name, re.ASCII) else repr(name[:40])
