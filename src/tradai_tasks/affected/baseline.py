"""The commit that a benchmark is held against."""

from __future__ import annotations

from pathlib import Path

__all__ = ["baseline_commit"]


def baseline_commit(root: Path, revision: str | None) -> tuple[str | None, str]:
    """Return the commit, or None and the reason."""
    return revision, str(root)
