"""Restrict the environment and the processes that a session's commands can see."""

from __future__ import annotations

import os
from pathlib import Path

import nox

from tradai_tasks.process import sandbox_fault
from tradai_tasks.release.engine.confinement import allowance_of, steering_files
from tradai_tasks.sandbox import Sandbox, close_memory
from tradai_tasks.sessions.core.context import Context

__all__ = ["confined", "withhold"]


def withhold(session: nox.Session, context: Context) -> None:
    """Take from all commands of a session what the repository's own code is not allowed.

    A command that needs more is given it by its `env`.
    """
    session.env.update(dict.fromkeys(allowance_of(context.settings).withheld(os.environ)))


def confined(*command: str | Path) -> list[str]:
    """Return the command that runs another one where it reads no other process, if it can be."""
    close_memory()
    sandbox = Sandbox(hide=tuple(steering_files(os.environ)))
    words = [str(word) for word in command]
    return words if sandbox_fault(sandbox) else sandbox.argv(*words)
