"""Failures of AWS and of its credentials."""

from __future__ import annotations

from tradai_tasks.errors.base import TasksError


class AwsError(TasksError):
    """AWS refused or could not do what was asked; `code` is its own name for why."""

    def __init__(self, message: str, code: str = "") -> None:
        super().__init__(message)
        self.code = code
        self.may_pass = False  # whether the status of its answer is one that may pass


class AwsCredentialsError(AwsError):
    """There are no credentials for AWS, or it does not know them."""


class AwsExpiredError(AwsError):
    """The credentials of AWS, or the sign-in they come from, have expired."""


class AwsDeniedError(AwsError):
    """The role may not do what was asked; the message names the IAM action."""


class AwsRegionError(AwsError):
    """No AWS region is set anywhere."""

    exit_code = 2


class AwsEndpointError(AwsError):
    """The configured endpoint for AWS has an address to which requests are not allowed."""

    exit_code = 2


class AwsThrottledError(AwsError):
    """AWS throttles requests, after all retries."""


class AwsUnreachableError(AwsError):
    """AWS, or the configured endpoint, cannot be reached."""
