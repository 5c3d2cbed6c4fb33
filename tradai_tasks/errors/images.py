"""Failures of container engines, images and registries."""

from __future__ import annotations

from tradai_tasks.errors.base import TasksError


class EngineError(TasksError):
    """A container engine that is missing, does not answer or cannot do what is asked."""


class ImageBuildError(TasksError):
    """An image cannot be built, or the result is not the expected one."""


class LoginRefusedError(TasksError):
    """A registry refuses the credentials, or there are none."""


class PushDeniedError(TasksError):
    """A registry that does not let these credentials push."""


class RegistryError(TasksError):
    """A registry cannot be reached, or its answer is not that of a registry."""


class RepositoryMissingError(TasksError):
    """A registry that has no repository for an image."""


class ReleaseImageMissingError(TasksError):
    """The image to deploy is missing from the registry."""


class ManifestListError(TasksError):
    """An image that is a list for several platforms, where a single one is needed."""
