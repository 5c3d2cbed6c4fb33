"""Failures of kept test results."""

from __future__ import annotations

from tradai_tasks.errors.base import TasksError


class RecordingError(TasksError):
    """The recording of what tests load and read is damaged."""


class EnvironmentUnknownError(TasksError):
    """An environment of which it is not known what is in it, so that no result of it is kept."""


class ResultStoreError(TasksError):
    """The store of results cannot be read or written; the tests are run instead."""


class ReplayCoverageError(TasksError):
    """The coverage of replayed test files cannot be added to that of the others."""
