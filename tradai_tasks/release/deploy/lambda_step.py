"""Release step that updates a Lambda function's image and publishes a version.

A function is at a release when its code has the image's digest, the update succeeded, and its
newest published version has that code. A run that follows one interrupted after the update finds
only the version missing and publishes it.

https://docs.aws.amazon.com/lambda/latest/dg/images-create.html
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from tradai_tasks.errors import (
    AwsError,
    AwsThrottledError,
    AwsUnreachableError,
    ConflictError,
    FunctionError,
    FunctionMissingError,
    FunctionTimeoutError,
    ManifestListError,
    ReleaseImageMissingError,
)
from tradai_tasks.release.clients.aws import Aws
from tradai_tasks.release.deploy.ecs_decisions import shown_digest
from tradai_tasks.release.engine.step import Known, Look
from tradai_tasks.release.images.released_image import ReleaseImage, split_image
from tradai_tasks.settings.deploy import Missing

_ABSENT = "ResourceNotFoundException"
_PLATFORMS = {"x86_64": "linux/amd64", "arm64": "linux/arm64"}  # of Lambda's architectures


@dataclass(frozen=True, kw_only=True, slots=True)
class LambdaFunction:
    """The state of a function at one moment."""

    digest: str | None  # digest of its image; None if it has none
    package: str  # `Image`, or `Zip`
    state: str  # Active, Pending, Inactive, Failed
    update: str  # Successful, InProgress, Failed
    reason: str  # why the update failed
    architectures: tuple[str, ...]
    code: str  # SHA-256 of its code, as Lambda states it

    @property
    def is_moving(self) -> bool:
        """Whether an update is in progress."""
        return self.update == "InProgress" or self.state == "Pending"


def what_lacks(function: LambdaFunction, digest: str, *, is_published: bool) -> tuple[str, ...]:
    """Return the missing steps for a function, in order: `update`, `wait`, `publish`.

    Args:
        function: Its present state.
        digest: The release's image.
        is_published: Whether its newest version has the code that it has now.
    """
    if function.digest != digest or function.update == "Failed":
        return ("update", "wait", "publish")
    waits = ("wait",) if function.is_moving else ()
    return waits if is_published else (*waits, "publish")


@dataclass(frozen=True, kw_only=True)
class FunctionStep:
    """Release step for one function that must have the release's image."""

    name: str  # name of the lambda's folder
    aws: Aws
    function: str
    environment: str
    image: ReleaseImage
    commit: str  # the released commit, for the description of the version
    missing: Missing
    timeout: float  # seconds in which it must have taken the image
    interval: float  # seconds between two looks

    def look(self, known: Known) -> Look:
        """Ask Lambda which image the function has, and whether a version of it is published."""
        del known  # the registry decides which image the tag names
        function = self._described()
        if function is None:
            return self._skipped()
        try:
            digest = self._digest(function)
        except ConflictError:  # earlier stages check it, and replace that of a test tag
            digest = None
        if digest is None:
            note = f"{self.function}: once {self.image.tag} is in the registry"
            return Look(state="todo", note=note)
        version = self._newest()
        lacks = what_lacks(function, digest, is_published=_is(version, function))
        if not lacks:
            return self._done(digest, version)
        now = shown_digest(function.digest) if function.digest else "nothing"
        note = f"{self.function}: {', '.join(lacks)} ({now} -> {shown_digest(digest)})"
        return Look(state="todo", note=note)

    def act(self, known: Known) -> Look:
        """Update the function if its image differs, wait, and publish a version if needed."""
        del known
        function = self._described()
        if function is None:
            return self._skipped()
        digest = self._digest(function)
        if digest is None:
            raise ReleaseImageMissingError(
                f"{self.function}: {self.image.repository}:{self.image.tag} is not in the "
                f"registry; push it first: nox -s lambdas -- {self.image.tag}"
            )
        lacks = what_lacks(function, digest, is_published=True)
        if "update" in lacks:
            if function.is_moving:  # Lambda refuses an update during another
                self._settled()
            self._update(digest)
        if lacks:
            function = self._waited()
        if function.digest != digest:
            now = shown_digest(function.digest) if function.digest else "nothing"
            raise FunctionError(
                f"{self.function}: has {now} after the update to {shown_digest(digest)}; another "
                f"run updates it at the same time: run it again when that is done"
            )
        version = self._newest()
        if not _is(version, function):
            version = self._publish(digest, function)
        return self._done(digest, version)

    def _update(self, digest: str) -> None:
        uri = f"{self.image.repository}@{digest}"
        try:
            self.aws.call(
                "lambda", "update_function_code", FunctionName=self.function, ImageUri=uri
            )
        except AwsError as error:
            if error.code == "ResourceConflictException":
                raise FunctionError(
                    f"{self.function}: is being updated by someone else; run it again ({error})"
                ) from None
            raise

    def _publish(self, digest: str, function: LambdaFunction) -> Mapping[str, Any]:
        """Publish a version of exactly the code that was looked at."""
        text = f"{self.image.tag} {self.commit[:12]} {digest}"
        return self.aws.call(
            "lambda",
            "publish_version",
            FunctionName=self.function,
            CodeSha256=function.code,
            Description=text,
        )

    def _waited(self) -> LambdaFunction:
        """Wait until Lambda has loaded the image, and return the function's state."""
        found = self._settled()
        if "Failed" in {found.update, found.state}:
            raise FunctionError(
                f"{self.function}: Lambda could not take the image: {found.reason or 'no reason'}; "
                f"fix the image, or let Lambda read the repository, and run it again"
            )
        return found

    def _settled(self) -> LambdaFunction:
        """Wait until no update is in progress, and return the function's state."""
        from tenacity import (  # noqa: PLC0415 - of the extra `release`
            RetryError,
            Retrying,
            retry_if_exception_type,
            retry_if_result,
            stop_after_delay,
            wait_fixed,
        )

        waiting = Retrying(
            stop=stop_after_delay(self.timeout),
            wait=wait_fixed(self.interval),
            retry=retry_if_result(lambda found: found.is_moving)
            | retry_if_exception_type((AwsThrottledError, AwsUnreachableError)),
        )
        try:
            found: LambdaFunction = waiting(self._there)
        except RetryError as ended:
            failure = ended.last_attempt.exception()
            if isinstance(failure, AwsError):
                raise failure from None
            raise FunctionTimeoutError(
                f"{self.function}: still at its update after {self.timeout:g} s; run it again to "
                f"wait longer and to publish, or raise deploy.function-timeout"
            ) from None
        return found

    def _there(self) -> LambdaFunction:
        found = self._described()
        if found is None:
            raise FunctionMissingError(f"Lambda has no function {self.function!r} any more")
        return found

    def _described(self) -> LambdaFunction | None:
        """Return the function; None if it is missing and may be."""
        try:
            answer = self.aws.call("lambda", "get_function", FunctionName=self.function)
        except AwsError as error:
            if error.code != _ABSENT:
                raise
            if self.missing == "skip":
                return None
            where = f"deploy.environments.{self.environment}"
            raise FunctionMissingError(
                f"Lambda has no function {self.function!r}; provision it, name the one of "
                f"{self.name} in {where}.functions, or allow it to be missing: "
                f'{where}.missing-function = "skip"'
            ) from None
        found = _function(answer)
        if found.package != "Image":
            raise FunctionError(
                f"{self.function}: is a function of a {found.package} file, which takes no image; "
                f"create it again with the package type Image"
            )
        return found

    def _digest(self, function: LambdaFunction) -> str | None:
        """Return the digest of the release's image, after checking that the function can run it."""
        found = self.image.found()
        if found is None:
            return None
        if found.is_list:
            raise ManifestListError(
                f"{self.function}: {self.image.repository}:{self.image.tag} is a list of images "
                f"for several platforms, which Lambda rejects; build a single one, without "
                f"provenance: nox -s lambdas"
            )
        fitting = [_PLATFORMS.get(one, one) for one in function.architectures]
        if fitting and found.platform not in {None, *fitting}:
            raise FunctionError(
                f"{self.function}: runs on {' or '.join(fitting)}, but {self.image.repository}:"
                f"{self.image.tag} is for {found.platform}; set images.platform, or the "
                f"architecture of the function"
            )
        return found.digest

    def _newest(self) -> Mapping[str, Any] | None:
        """Return the newest published version."""
        versions = [
            one
            for one in self.aws.pages(
                "lambda", "list_versions_by_function", "Versions", FunctionName=self.function
            )
            if isinstance(one, dict) and str(one.get("Version")).isdigit()
        ]
        return max(versions, key=lambda one: int(one["Version"]), default=None)

    def _skipped(self) -> Look:
        note = f"Lambda has no function {self.function!r}; skipped in {self.environment}"
        return Look(state="skipped", note=note)

    def _done(self, digest: str, version: Mapping[str, Any] | None) -> Look:
        number = str(version["Version"]) if version else ""
        return Look(
            state="done",
            note=f"{self.function}: version {number} is {shown_digest(digest)}",
            record={
                "function": self.function,
                "digest": digest,
                "version": number,
                "environment": self.environment,
            },
        )


def _function(answer: Mapping[str, Any]) -> LambdaFunction:
    code, facts = answer.get("Code", {}), answer["Configuration"]
    # Lambda states the digest that it was given, or that the given tag had then
    found = [split_image(str(code.get(key) or ""))[2] for key in ("ImageUri", "ResolvedImageUri")]
    return LambdaFunction(
        digest=found[0] or found[1],
        package=str(facts.get("PackageType", "Zip")),
        state=str(facts.get("State", "Active")),
        update=str(facts.get("LastUpdateStatus", "Successful")),
        reason=" ".join(
            str(facts[key]) for key in ("LastUpdateStatusReason", "StateReason") if facts.get(key)
        ),
        architectures=tuple(facts.get("Architectures", ())),
        code=str(facts.get("CodeSha256", "")),
    )


def _is(version: Mapping[str, Any] | None, function: LambdaFunction) -> bool:
    """Return whether a published version has the code that the function has now."""
    return version is not None and version.get("CodeSha256") == function.code
