"""Exceptions for the failures that a user can meet: what, where and what to do.

Every message is one line; an error of several faults has a line for each. Whatever text stands in
a message (names, paths, what servers and tools say) is made safe when the error is made.
`exit_code` is the status of a process that ends with the error.
"""

from __future__ import annotations

from tradai_tasks.text import safe


class TasksError(Exception):
    """Base of all errors that a user can fix; shown without a traceback.

    Args:
        faults: What is wrong, one line each; the faults of a given error are added one by one.
    """

    exit_code = 1

    def __init__(self, *faults: str | TasksError) -> None:
        found: list[str] = []
        for fault in faults:
            found += fault.faults if isinstance(fault, TasksError) else [safe(fault)]
        self.faults: tuple[str, ...] = tuple(found)
        super().__init__(*self.faults)

    def __str__(self) -> str:
        return "\n".join(self.faults)


class SettingsError(TasksError):
    """Settings do not fit the model; every fault has its full key path and file."""

    exit_code = 2


class BrokenTomlError(TasksError):
    """A TOML file that does not parse."""

    exit_code = 2


class MemberError(TasksError):
    """A workspace member that is no Python project."""

    exit_code = 2


class DuplicatePackageError(TasksError):
    """Two packages of one PEP 503-normalised name."""

    exit_code = 2


class AmbiguousLayoutError(TasksError):
    """A package whose import names cannot be determined from its files."""


class BadArgumentsError(TasksError):
    """Arguments after `--` that a session does not take."""

    exit_code = 2


class ToolMissingError(TasksError):
    """An executable that a session needs is not on PATH."""


class ToolTooOldError(TasksError):
    """An executable is older than what a session asks of it."""


class ToolNotLockedError(TasksError):
    """A tool that must come from the lock file is in none of the places looked at."""


class LockMissingError(TasksError):
    """A session that installs from a lock file finds none."""


class CommandFailedError(TasksError):
    """A command ended with a status other than 0."""


class ConflictError(TasksError):
    """What a release would make exists already, but is different; both sides are named."""


class CheckFailedError(TasksError):
    """A check that ran and found fault."""


class AuditServiceError(TasksError):
    """The advisory service cannot be reached or does not know the packages asked for."""


class NotARepositoryError(TasksError):
    """A folder that is in no git work tree."""


class UnknownRevisionError(TasksError):
    """A revision that git does not know."""


class GitError(TasksError):
    """git failed in a way that no caller expected."""


class BadTagError(TasksError):
    """A text is not a release tag, is of no known strategy, or cannot be released."""

    exit_code = 2


class VersionMismatchError(TasksError):
    """A tag and the package that it releases state different versions."""


class BumpError(TasksError):
    """A version that cannot be raised as asked."""


class DirtyTreeError(TasksError):
    """There are uncommitted changes where only committed files may count."""


class TagExistsError(TasksError):
    """A tag to be made exists already, on another commit."""


class BacktestRecordError(TasksError):
    """The record of a backtest is absent, unreadable or contradicts itself."""


class ReleaseImageMissingError(TasksError):
    """The image to deploy is missing from the registry."""


class ManifestListError(TasksError):
    """An image that is a list for several platforms, where a single one is needed."""


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


class InfraError(TasksError):
    """Pulumi failed, or its output cannot be read."""


class StackLockedError(InfraError):
    """Another run of Pulumi holds a stack's state, or left it held."""


class CommentError(TasksError):
    """A comment on a pull request could not be made."""


class ForkError(TasksError):
    """A pull request from a fork, which gets no credentials."""


class DocsError(TasksError):
    """A site cannot be built or deployed, or pages cannot be compared with the code."""


class DevcontainerError(TasksError):
    """A development container is requested, but none is configured."""


class UnmappedTagError(TasksError):
    """A tag that no rule of the settings maps to an environment."""

    exit_code = 2


class AwsError(TasksError):
    """AWS refused or could not do what was asked; `code` is its own name for why."""

    def __init__(self, message: str, code: str = "") -> None:
        super().__init__(message)
        self.code = code


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


class GateError(TasksError):
    """A job that CI must not pass without failed, was cancelled or did not run."""


class WorkflowDriftError(TasksError):
    """A workflow file is not as `workflows` would write it."""


class FileExistsAlreadyError(TasksError):
    """A file would overwrite another one, or something that is not a file."""


class FileNotWrittenError(TasksError):
    """A file cannot be written: no permission, no space, or the like."""


class BacktestError(TasksError):
    """freqtrade could not run a backtest; the message contains its output."""


class CandlesError(TasksError):
    """Candles or the snapshot of the markets are missing: by pair, timeframe and dates."""


class NotHermeticError(TasksError):
    """A backtest requested more than the candles and the snapshot of the markets."""


class BacktestResultError(TasksError):
    """freqtrade's result is missing, or belongs to another run."""


class GatesFailedError(TasksError):
    """A full backtest did not pass a gate."""


class UnknownTagError(TasksError):
    """A release tag that is not in this clone."""


class WrongCommitError(TasksError):
    """The work tree holds another commit than the one that is to be released."""


class NotOnMainError(TasksError):
    """A tagged commit that is not on the main branch."""


class AmbiguousRefError(TasksError):
    """A branch that is named like a release tag."""


class UntrustedEventError(TasksError):
    """A CI event that must not start a release: of a fork, of a failed run, of another commit."""


class DispatchRefusedError(TasksError):
    """A workflow that was dispatched on a branch which may not deploy there."""


class TaggedCommitError(TasksError):
    """A tagged commit whose settings or packages cannot be read."""


class ShallowCloneError(TasksError):
    """A clone whose history is cut off, so that a tag cannot be proved in it."""


class VersionOrderError(TasksError):
    """A tag of a platform whose version does not follow from those before and after it."""


class ReleaseRefusedError(TasksError):
    """A release that cannot begin for several reasons, a line each."""


class ReleaseRunningError(TasksError):
    """Another process is releasing the same tag from this clone."""


class ReleaseFailedError(TasksError):
    """A release that ended before it was done: what failed, a line each."""


class EvidenceError(TasksError):
    """The evidence of a stage is absent, unreadable, of another release, or of a failure."""


class SourceExportError(TasksError):
    """A file of the released commit that this clone does not have, so nothing is built of it."""


class StateFolderError(TasksError):
    """The user's folder for a release's key cannot be used, or others could read it."""


class ReleaseGateError(TasksError):
    """A gate of a release did not pass."""


class StoppedError(TasksError):
    """Work was stopped because something in parallel failed."""


class ModelRegistryError(TasksError):
    """The model registry cannot be reached, refuses, or gives an invalid answer."""


class NothingWrittenError(TasksError):
    """`init` was told not to write, or had nobody to ask."""


class BuildFailedError(TasksError):
    """A distribution could not be built, or `twine check` refuses it."""


class CodeArtifactError(TasksError):
    """AWS CodeArtifact gives no token or endpoint."""


class CredentialsFileError(TasksError):
    """A file of credentials cannot be edited without damage to its content."""


class DistributionError(TasksError):
    """Files that are not the distributions to publish."""


class ExtraMissingError(TasksError):
    """An optional extra of the library is not installed; the message has the command."""


class WrongPythonError(TasksError):
    """An environment has another Python than the requested one."""


class IndexAuthError(TasksError):
    """A package index refuses the credentials, or there are none."""


class IndexUnavailableError(TasksError):
    """A package index gives no valid answer, after all retries."""


class UnsafeIndexError(TasksError):
    """A package could be taken from another index than the one it must come from."""


class UploadRefusedError(TasksError):
    """A package index does not take a file."""


class CacheFolderError(TasksError):
    """A folder for caches is set that would be inside the work tree."""

    exit_code = 2


class WorkTreeChangedError(TasksError):
    """A file of the work tree changes while it is read."""
