"""Failures of the checks of the code."""

from __future__ import annotations

from tradai_tasks.errors.base import TasksError


class CheckFailedError(TasksError):
    """A check that ran and found fault."""


class AuditServiceError(TasksError):
    """The advisory service cannot be reached or does not know the packages asked for."""


class UnseenFilesError(TasksError):
    """A test that no session collects, or source that no session examines."""


class RunRecordError(TasksError):
    """The record of a pytest run cannot be read."""


class FloorNotRaisedError(TasksError):
    """A coverage floor is written in a form that cannot be edited, or there is none to raise."""
