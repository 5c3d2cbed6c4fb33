"""Failures of deployments to ECS and Lambda."""

from __future__ import annotations

from tradai_tasks.errors.base import TasksError


class ClusterMissingError(TasksError):
    """An environment's ECS cluster is not there."""


class ServiceMissingError(TasksError):
    """An ECS service is not there."""


class TaskDefinitionError(TasksError):
    """A new deployment would not make an ECS service run the release."""


class DeploymentFailedError(TasksError):
    """ECS gave a deployment up, rolled it back, or another one took its place."""


class DeployTimeoutError(TasksError):
    """Not every task runs the release's image in the time that it was given."""


class FunctionMissingError(TasksError):
    """A Lambda function is not there."""


class FunctionError(TasksError):
    """A Lambda function cannot take the release's image."""


class FunctionTimeoutError(TasksError):
    """A Lambda function has not taken its image in the time that it was given."""
