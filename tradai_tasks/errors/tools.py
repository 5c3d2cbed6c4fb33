"""Failures of commands, tools and environments."""

from __future__ import annotations

from tradai_tasks.errors.base import TasksError


class PathSourceMissingError(TasksError):
    """A package is taken from a folder that does not exist."""


class ToolMissingError(TasksError):
    """An executable that a session needs is not on PATH."""


class ToolTooOldError(TasksError):
    """An executable is older than what a session asks of it."""


class ToolNotLockedError(TasksError):
    """A tool that must come from the lock file is in none of the places looked at."""


class LockMissingError(TasksError):
    """A session that installs from a lock file finds none."""


class CommandFailedError(TasksError):
    """A command ended with a status other than 0."""


class ExtraMissingError(TasksError):
    """An optional extra of the library is not installed; the message has the command."""


class WrongPythonError(TasksError):
    """An environment has another Python than the requested one."""
