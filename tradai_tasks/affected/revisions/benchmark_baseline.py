"""Find the commit that benchmarks are compared with."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from tradai_tasks.affected.revisions.commit_range import commit_range
from tradai_tasks.vcs.git import Git


def baseline_commit(
    root: Path, revision: str | None, env: Mapping[str, str]
) -> tuple[str | None, str]:
    """Return the merge base to compare with, or None, and the reason.

    Args:
        root: The workspace root.
        revision: A revision whose merge base with HEAD is taken; None takes the CI event's.
        env: The environment, where CI describes its event.

    Raises:
        TasksError: git or the revision is at fault.
    """
    found = commit_range(Git.open(root, env), env, base=revision)
    if found.base is None:
        return None, f"not compared: {found.why}"
    if found.base == found.head and not found.worktree:
        return None, f"not compared: {found.why} is the commit itself"
    return found.base, found.why
