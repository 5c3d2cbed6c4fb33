"""Failures of a release as a whole."""

from __future__ import annotations

from tradai_tasks.errors.base import TasksError


class ConflictError(TasksError):
    """What a release would make exists already, but is different; both sides are named."""


class NewerReleaseError(ConflictError):
    """What is deployed is a newer release, and nobody asked to take it back."""


class ReleaseRefusedError(TasksError):
    """A release that cannot begin for several reasons, a line each."""


class ReleaseRunningError(TasksError):
    """Another process is releasing the same tag from this clone."""


class ReleaseFailedError(TasksError):
    """A release that ended before it was done: what failed, a line each."""


class ReleaseGateError(TasksError):
    """A gate of a release did not pass."""


class EvidenceError(TasksError):
    """The evidence of a stage is absent, unreadable, of another release, or of a failure."""


class StoppedError(TasksError):
    """Work was stopped, by a signal or since something in parallel failed."""
