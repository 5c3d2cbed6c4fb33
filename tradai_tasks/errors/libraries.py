"""Failures of building and publishing distributions."""

from __future__ import annotations

from tradai_tasks.errors.base import TasksError


class BuildFailedError(TasksError):
    """A distribution could not be built, or `twine check` refuses it."""


class CodeArtifactError(TasksError):
    """AWS CodeArtifact gives no token or endpoint."""


class CredentialsFileError(TasksError):
    """A file of credentials cannot be edited without damage to its content."""


class DistributionError(TasksError):
    """Files that are not the distributions to publish."""


class IndexAuthError(TasksError):
    """A package index refuses the credentials, or there are none."""


class IndexUnavailableError(TasksError):
    """A package index gives no valid answer, after all retries."""


class UnsafeIndexError(TasksError):
    """A package could be taken from another index than the one it must come from."""


class UploadRefusedError(TasksError):
    """A package index does not take a file."""


class IncompleteWheelError(TasksError):
    """A wheel without modules that its package has."""


class UnpublishedRequirementError(TasksError):
    """A library requires a package of the workspace that no index will have."""
