"""Failures of files and folders that the library writes."""

from __future__ import annotations

from tradai_tasks.errors.base import TasksError


class FileExistsAlreadyError(TasksError):
    """A file would overwrite another one, or something that is not a file."""


class FileNotWrittenError(TasksError):
    """A file cannot be written: no permission, no space, or the like."""


class NothingWrittenError(TasksError):
    """`init` was told not to write, or had nobody to ask."""


class CacheFolderError(TasksError):
    """A folder for caches is set that would be inside the work tree."""

    exit_code = 2


class StateFolderError(TasksError):
    """The user's folder for a release's key cannot be used, or others could read it."""
