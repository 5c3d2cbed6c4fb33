"""The commit range of an event in a clone, and the events."""

from __future__ import annotations

from typing import Any

from tests.support.repos import Repo
from tradai_tasks.affected.revisions.changed_paths import changed_paths
from tradai_tasks.affected.revisions.commit_range import CommitRange, commit_range
from tradai_tasks.vcs.git import Git


def ranged(repo: Repo, env: dict[str, str] | None = None, **options: Any) -> CommitRange:
    env = repo.env if env is None else env
    return commit_range(Git.open(repo.path, env), env, **options)


def paths(repo: Repo, found: CommitRange) -> list[str]:
    return [changed.path for changed in changed_paths(Git.open(repo.path, repo.env), found)]


def pull_request(origin: Repo, base: str, head: str) -> dict[str, Any]:
    return {
        "number": 7,
        "pull_request": {
            "number": 7,
            "base": {"ref": "main", "sha": base},
            "head": {"ref": "feature", "sha": head},
        },
    }


def push(branch: str, before: str, after: str, **more: Any) -> dict[str, Any]:
    return {
        "ref": f"refs/heads/{branch}",
        "before": before,
        "after": after,
        "repository": {"default_branch": "main"},
        **more,
    }
