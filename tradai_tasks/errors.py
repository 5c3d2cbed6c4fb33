"""Exceptions for the failures that a user can meet: what, where and what to do.

Every message is one line; an error of several faults has a line for each. Whatever text stands in
a message (names, paths, what servers and tools say) is made safe when the error is made.
`exit_code` is the status of a process that ends with the error.
"""

from __future__ import annotations

from tradai_tasks.text import safe


class TasksError(Exception):
    """Base of every error that is the user's to fix; shown without a traceback.

    Args:
        faults: What is wrong, each one line; those of another error each by itself.
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
    """Settings that do not fit the model: every fault by its full key path and file."""

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
    """A release finds what it would make there already, but different; both sides are named."""


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
    """A release tag that is none, is of no known strategy, or cannot be released."""

    exit_code = 2


class VersionMismatchError(TasksError):
    """A tag and the package that it releases state different versions."""


class BumpError(TasksError):
    """A version that cannot be raised as asked."""


class DirtyTreeError(TasksError):
    """Uncommitted changes where a commit or a release must stand for all that there is."""


class TagExistsError(TasksError):
    """A tag that would have to be made is there already."""


class BacktestRecordError(TasksError):
    """The record of a backtest is absent, unreadable or contradicts itself."""


class ReleaseImageMissingError(TasksError):
    """The registry lacks the image that is to be deployed."""


class ManifestListError(TasksError):
    """An image that is a list for several platforms, where a single one is needed."""


class ClusterMissingError(TasksError):
    """An environment's ECS cluster is not there."""


class ServiceMissingError(TasksError):
    """An ECS service is not there."""


class TaskDefinitionError(TasksError):
    """A forced deployment would not bring an ECS service to the release."""


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
    """Pulumi failed, or said nothing that can be determined."""


class StackLockedError(InfraError):
    """Another run of Pulumi holds a stack's state, or left it held."""


class CommentError(TasksError):
    """A comment on a pull request could not be made."""


class ForkError(TasksError):
    """A pull request from a fork, which gets no credentials."""


class DocsError(TasksError):
    """A site cannot be built or deployed, or pages cannot be held against the code."""


class DevcontainerError(TasksError):
    """A development container is asked for where none is described."""


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
    """What stands in for AWS is named by an address that requests may not go to."""

    exit_code = 2


class AwsThrottledError(AwsError):
    """AWS takes no more requests for now, after all retries."""


class AwsUnreachableError(AwsError):
    """AWS, or what stands in for it, cannot be reached."""


class EngineError(TasksError):
    """A container engine that is missing, does not answer or cannot do what is asked."""


class ImageBuildError(TasksError):
    """An image that does not build, or not to what was asked for."""


class LoginRefusedError(TasksError):
    """A registry that takes no credentials, or not these."""


class PushDeniedError(TasksError):
    """A registry that does not let these credentials push."""


class RegistryError(TasksError):
    """A registry that cannot be reached, or answers what no registry should."""


class RepositoryMissingError(TasksError):
    """A registry that has no repository for an image."""


class GateError(TasksError):
    """A job that CI must not pass without failed, was cancelled or did not run."""


class WorkflowDriftError(TasksError):
    """A workflow file is not as `workflows` would write it."""


class FileExistsAlreadyError(TasksError):
    """Where a file would be written there is somebody else's, or something that is no file."""


class FileNotWrittenError(TasksError):
    """The disk refuses a file: no right, no room, or the like."""


class BacktestError(TasksError):
    """freqtrade could not be made to run a backtest; the message carries what it said."""


class CandlesError(TasksError):
    """Candles or the snapshot of the markets lack: by pair, timeframe and dates."""


class NotHermeticError(TasksError):
    """A backtest wanted more than the candles and the snapshot of the markets."""


class BacktestResultError(TasksError):
    """freqtrade's result is absent, or is not of what was asked for."""


class GatesFailedError(TasksError):
    """A full backtest that a gate did not let pass."""


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
    """Work that was stopped, since something beside it failed."""


class ModelRegistryError(TasksError):
    """The model registry cannot be reached, refuses, or answers what it should not."""


class NothingWrittenError(TasksError):
    """`init` was told not to write, or had nobody to ask."""


class BuildFailedError(TasksError):
    """A distribution could not be built, or `twine check` refuses it."""


class CodeArtifactError(TasksError):
    """AWS CodeArtifact gives no token or endpoint."""


class CredentialsFileError(TasksError):
    """A file of credentials that cannot be edited without harm to what is in it."""


class DistributionError(TasksError):
    """Files that are not the distributions to publish."""


class ExtraMissingError(TasksError):
    """A part of the library that is installed with an extra is not there; names how to get it."""


class WrongPythonError(TasksError):
    """An environment has another Python than the one that was asked for."""


class IndexAuthError(TasksError):
    """A package index refuses the credentials, or has got none: it does not say what is there."""


class IndexUnavailableError(TasksError):
    """A package index does not answer, or not as an index does, after every try."""


class UnsafeIndexError(TasksError):
    """A package could be taken from another index than the one it must come from."""


class UploadRefusedError(TasksError):
    """A package index does not take a file."""


class CacheFolderError(TasksError):
    """A folder for caches that is named so that it would lie in the work tree."""

    exit_code = 2


class WorkTreeChangedError(TasksError):
    """A file of the work tree does not hold still while the work tree is read."""
