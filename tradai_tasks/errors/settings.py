"""Failures of settings, project files and arguments."""

from __future__ import annotations

from tradai_tasks.errors.base import TasksError


class SettingsError(TasksError):
    """Settings do not fit the model; every fault has its full key path and file."""

    exit_code = 2


class BrokenTomlError(TasksError):
    """A TOML file that does not parse."""

    exit_code = 2


class MemberError(TasksError):
    """A workspace member that is no Python project."""

    exit_code = 2


class DuplicatePackageError(TasksError):
    """Two packages of one PEP 503-normalised name."""

    exit_code = 2


class BadArgumentsError(TasksError):
    """Arguments after `--` that a session does not take."""

    exit_code = 2


class EdgeRuleError(TasksError):
    """A rule of edges that a noxfile adds is no such rule, or raises."""

    exit_code = 2
