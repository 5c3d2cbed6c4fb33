"""Failures of git, and of the revisions that it is asked for."""

from __future__ import annotations

from tradai_tasks.errors.base import TasksError


class NotARepositoryError(TasksError):
    """A folder that is in no git work tree."""


class UnknownRevisionError(TasksError):
    """A revision that git does not know."""


class GitError(TasksError):
    """git failed in a way that no caller expected."""


class DirtyTreeError(TasksError):
    """There are uncommitted changes where only committed files may count."""


class AmbiguousRefError(TasksError):
    """A branch that is named like a release tag."""


class ShallowCloneError(TasksError):
    """A clone whose history is cut off, so that a tag cannot be proved in it."""


class WorkTreeChangedError(TasksError):
    """A file of the work tree changes while it is read."""


class SourceExportError(TasksError):
    """A file of the released commit that this clone does not have, so nothing is built of it."""
