"""Restrict the environment and the processes that a session's commands can see."""

from __future__ import annotations

import os
from pathlib import Path

import nox

from tradai_tasks.process import sandbox_fault
from tradai_tasks.release.engine.confinement import allowance_of, steering_files
from tradai_tasks.repository import Repository
from tradai_tasks.sandbox import Sandbox, close_memory


def withhold(session: nox.Session, repository: Repository) -> None:
    """Hide variables that repository code may not see; a command's `env` can give one back."""
    session.env.update(dict.fromkeys(allowance_of(repository.settings).withheld(os.environ)))


def confined(*command: str | Path) -> list[str]:
    """Return a command that runs another one, if possible unable to read other processes."""
    close_memory()
    sandbox = Sandbox(hide=tuple(steering_files(os.environ)))
    words = [str(word) for word in command]
    return words if sandbox_fault(sandbox) else sandbox.argv(*words)
