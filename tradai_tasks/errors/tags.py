"""Failures of release tags and of the versions they state."""

from __future__ import annotations

from tradai_tasks.errors.base import TasksError


class BadTagError(TasksError):
    """A text is not a release tag, is of no known strategy, or cannot be released."""

    exit_code = 2


class VersionMismatchError(TasksError):
    """A tag and the package that it releases state different versions."""


class BumpError(TasksError):
    """A version that cannot be raised as asked."""


class TagExistsError(TasksError):
    """A tag to be made exists already, on another commit."""


class UnmappedTagError(TasksError):
    """A tag that no rule of the settings maps to an environment."""

    exit_code = 2


class UnknownTagError(TasksError):
    """A release tag that is not in this clone."""


class WrongCommitError(TasksError):
    """The work tree holds another commit than the one that is to be released."""


class NotOnMainError(TasksError):
    """A tagged commit that is not on the main branch."""


class UntrustedEventError(TasksError):
    """A CI event that must not start a release: of a fork, of a failed run, of another commit."""


class DispatchRefusedError(TasksError):
    """A workflow that was dispatched on a branch which may not deploy there."""


class TaggedCommitError(TasksError):
    """A tagged commit whose settings or packages cannot be read."""


class VersionOrderError(TasksError):
    """A tag of a platform whose version does not follow from those before and after it."""
