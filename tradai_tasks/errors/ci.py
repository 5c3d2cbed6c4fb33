"""Failures of CI jobs, workflow files, infrastructure and pages."""

from __future__ import annotations

from tradai_tasks.errors.base import TasksError


class GateError(TasksError):
    """A job that CI must not pass without failed, was cancelled or did not run."""


class WorkflowDriftError(TasksError):
    """A workflow file is not as `workflows` would write it."""


class ForkError(TasksError):
    """A pull request from a fork, which gets no credentials."""


class CommentError(TasksError):
    """A comment on a pull request could not be made."""


class InfraError(TasksError):
    """Pulumi failed, or its output cannot be read."""


class StackLockedError(InfraError):
    """Another run of Pulumi holds a stack's state, or left it held."""


class DocsError(TasksError):
    """A site cannot be built or deployed, or pages cannot be compared with the code."""


class DevcontainerError(TasksError):
    """A development container is requested, but none is configured."""
