"""Which runs replay results, and which keep theirs."""

from __future__ import annotations

import json
from typing import Any

import pytest

from tradai_tasks.results.policy import Policy, policy

SHA = "1" * 40
PULL = {"pull_request": {"base": {"ref": "main", "sha": SHA}, "head": {"sha": SHA}}}
PUSH = {"before": SHA, "after": SHA, "repository": {"default_branch": "main"}}
CI = {"CI": "true"}
RUNS: dict[str, tuple[dict[str, str], Any, str]] = {
    "a machine of one's own": ({}, None, "replays keeps compares"),
    "a machine where replay is switched off": ({"TRADAI_TASKS_REPLAY": "never"}, None, ""),
    "a pull request": ({**CI, "GITHUB_EVENT_NAME": "pull_request"}, PULL, "replays"),
    "a pull request with the base's code": (
        {**CI, "GITHUB_EVENT_NAME": "pull_request_target"},
        PULL,
        "",
    ),
    "the main branch": (
        {**CI, "GITHUB_EVENT_NAME": "push", "GITHUB_REF": "refs/heads/main"},
        {"ref": "refs/heads/main", **PUSH},
        "keeps compares",
    ),
    "another branch": (
        {**CI, "GITHUB_EVENT_NAME": "push", "GITHUB_REF": "refs/heads/x"},
        {"ref": "refs/heads/x", **PUSH},
        "compares",
    ),
    "a tag": (
        {**CI, "GITHUB_EVENT_NAME": "push", "GITHUB_REF": "refs/tags/v1.0.0"},
        {"ref": "refs/tags/v1.0.0", **PUSH},
        "compares",
    ),
    "a schedule": ({**CI, "GITHUB_EVENT_NAME": "schedule"}, {}, "compares"),
    "a pull request of which nothing is known": (
        {**CI, "GITHUB_EVENT_NAME": "pull_request"},
        None,
        "",
    ),
    "a CI that is not known": (CI, None, ""),
}


@pytest.mark.parametrize(("env", "event", "expected"), RUNS.values(), ids=RUNS)
def test_only_own_machines_and_pull_requests_replay(
    env: dict[str, str], event: Any, expected: str
) -> None:
    payload = None if event is None else json.dumps(event).encode()
    found = policy("auto", env, payload, fresh=False)
    assert rights(found) == expected
    assert found.is_on == bool(expected)
    assert found.why
    fresh = policy("auto", env, payload, fresh=True)
    assert rights(fresh) == expected.replace("replays", "").strip()
    never = policy("never", env, payload, fresh=False)
    assert not never.is_on


def rights(found: Policy) -> str:
    return " ".join(name for name in ("replays", "keeps", "compares") if getattr(found, name))
