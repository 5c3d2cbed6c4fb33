"""What the body of a session is given: the repository, and the names of all sessions."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import msgspec

from tradai_tasks.repository import Repository


class Context(msgspec.Struct, frozen=True, kw_only=True):
    """What the body of a session is given besides the nox session."""

    repository: Repository
    noxfile: Path
    names: tuple[str, ...]  # of the sessions that were added, as nox has them
    exclude: frozenset[str]  # names that the noxfile leaves out, perhaps for sessions of its own
    left_out: frozenset[str]  # those of them that the repository would have
    edge_rules: tuple[Any, ...] = ()  # rules of affected selection that the noxfile adds


def in_ci() -> bool:
    """Return whether this is a CI job, by the variable CI that GitHub Actions and others set."""
    return os.environ.get("CI", "").lower() in {"1", "true"}
