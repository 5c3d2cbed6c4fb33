"""Release step that updates a Lambda function's image and publishes a version.

A function is at a release when its code has the image's digest, the update succeeded, and its
newest published version has that code. After a run that was interrupted, only what is missing is
done.

https://docs.aws.amazon.com/lambda/latest/dg/images-create.html
"""

from __future__ import annotations

import re
import threading
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from tradai_tasks.errors import (
    AwsError,
    ConflictError,
    FunctionError,
    FunctionMissingError,
    FunctionTimeoutError,
    ManifestListError,
    NewerReleaseError,
    ReleaseImageMissingError,
)
from tradai_tasks.release.clients.aws import Aws
from tradai_tasks.release.deploy.ecs_decisions import shown_digest
from tradai_tasks.release.deploy.polling import polled
from tradai_tasks.release.deploy.release_order import OF_COMMIT, Replaced, replaced
from tradai_tasks.release.engine.step import Known, Look
from tradai_tasks.release.images.image_decisions import dated_tags
from tradai_tasks.release.images.released_image import ReleaseImage, split_image
from tradai_tasks.settings.deploy import Missing

_URIS = ("ImageUri", "ResolvedImageUri")
_ABSENT = "ResourceNotFoundException"
# codes of AWS for a function that is being updated, or was since it was looked at
_OVERTAKEN = frozenset({"ResourceConflictException", "PreconditionFailedException"})
_MOST_TRIES = 8  # looks and updates, where other runs update the function at the same time
# what a release writes to the version that it publishes
_DESCRIBED = re.compile(r"(?P<tag>v\S+) [0-9a-f]{12} (?P<digest>sha256:[0-9a-f]{64})(?: |\Z)")
_BACK_FROM = " rolled back from "
_NOTHING = Replaced()
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
    repository: str  # of its image, with the registry's host
    tagged: str | None = None  # version of the release tag by which it was given its image
    revision: str | None  # changes with every change of the function

    @property
    def is_moving(self) -> bool:
        """Whether an update is in progress."""
        return self.update == "InProgress" or self.state == "Pending"

    @property
    def has_failed(self) -> bool:
        """Whether its last update failed."""
        return "Failed" in {self.update, self.state}


def missing_steps(function: LambdaFunction, digest: str, *, is_published: bool) -> tuple[str, ...]:
    """Return the missing steps for a function, in order: `update`, `wait`, `publish`."""
    if function.digest != digest or function.has_failed:
        return ("update", "wait", "publish")
    waits = ("wait",) if function.is_moving else ()
    return waits if is_published else (*waits, "publish")


@dataclass(frozen=True, kw_only=True)
class FunctionStep:
    """Release step for one function that must have the release's image.

    Another run may update the function at the same time: of two runs, the newer release stays. So a
    function is updated only as it was looked at (its `RevisionId`), and looked at once more at the
    end.
    """

    name: str  # name of the lambda's folder
    aws: Aws
    function: str
    environment: str
    image: ReleaseImage
    commit: str  # the released commit, for the description of the version
    missing: Missing
    timeout: float  # seconds in which it must have taken the image
    interval: float  # seconds between two looks
    any_order: bool = False  # a newer release is taken back: for roll-backs and test tags
    stop: threading.Event | None = None  # ends a wait

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
        version = self._newest()
        others = self._replaced(function, version, digest)
        obstacle = self._refusal(others)
        if digest is None:
            note = f"{self.function}: once {self.image.tag} is in the registry{others.note}"
            return Look(state="todo", note=note, obstacle=obstacle)
        steps = missing_steps(function, digest, is_published=_is(version, function))
        if not steps:
            return self._done(digest, version)
        now = shown_digest(function.digest) if function.digest else "nothing"
        note = f"{self.function}: {', '.join(steps)} ({now} -> {shown_digest(digest)})"
        return Look(state="todo", note=note + others.note, obstacle=obstacle)

    def act(self, known: Known) -> Look:
        """Update the function if its image differs, wait, and publish a version if needed."""
        del known
        function = self._described()
        if function is None:
            return self._skipped()
        digest = self._required(function)
        has_asked, others = False, _NOTHING
        for _ in range(_MOST_TRIES):
            function = self._settled() if function.is_moving else function
            if function.digest == digest and not function.has_failed:
                version = self._published(function, digest, others)
                if version is not None:
                    return self._done(digest, version, others)
            elif has_asked and function.digest == digest:
                raise FunctionError(
                    f"{self.function}: Lambda could not take the image: "
                    f"{function.reason or 'no reason'}; fix the image, or let Lambda read the "
                    f"repository, and run it again"
                )
            else:
                others |= self._in_order(function, digest)
                has_asked = self._update(function, digest) or has_asked
            function = self._required_function()
        now = shown_digest(function.digest) if function.digest else "nothing"
        raise FunctionError(
            f"{self.function}: has {now} after the update to {shown_digest(digest)}; another run "
            f"updates it at the same time: run it again when that is done"
        )

    def _replaced(
        self, function: LambdaFunction, version: Mapping[str, Any] | None, digest: str | None
    ) -> Replaced:
        """Return what the function runs other than the release.

        Its version is the one that a release wrote to the published version, else the image's or
        its tag's.
        """
        if function.digest is None or function.digest == digest:
            return _NOTHING
        if function.repository != self.image.repository:
            return replaced({function.digest: None}, self.image.version)
        said = _DESCRIBED.match(str((version or {}).get("Description", "")))
        if said is not None and said["digest"] == function.digest:
            running: str | None = said["tag"].removeprefix("v")
        else:
            running = self.image.version_of(function.digest) or function.tagged
        return replaced({function.digest: running}, self.image.version)

    def _in_order(self, function: LambdaFunction, digest: str) -> Replaced:
        """Return what the update replaces; raise NewerReleaseError if only a roll-back may."""
        others = self._replaced(function, self._newest(), digest)
        if refusal := self._refusal(others):
            raise NewerReleaseError(refusal)
        return others

    def _refusal(self, others: Replaced) -> str:
        """Return why the function is left as it is: a newer release runs there; empty if none."""
        if self.any_order or not others.newer:
            return ""
        return (
            f"{self.function}: runs v{others.newer}, which is newer than {self.image.tag}, and "
            f"stays at it; {self._roll_back_command()}"
        )

    def _roll_back_command(self) -> str:
        tag = self.image.tag
        if OF_COMMIT.search(tag):
            tag = f"--version {tag}"
        return (
            f"to take it there on purpose: nox -s lambdas -- {tag} --rollback --environment "
            f"{self.environment}"
        )

    def _update(self, function: LambdaFunction, digest: str) -> bool:
        """Ask for the update of the function as it was looked at; false if it has changed since."""
        given: dict[str, Any] = {
            "FunctionName": self.function,
            "ImageUri": f"{self.image.repository}@{digest}",
            **({"RevisionId": function.revision} if function.revision else {}),
        }
        try:
            self.aws.call("lambda", "update_function_code", **given)
        except AwsError as error:
            if error.code not in _OVERTAKEN:
                raise
            return False
        return True

    def _published(
        self, function: LambdaFunction, digest: str, others: Replaced
    ) -> Mapping[str, Any] | None:
        """Publish a version of exactly the code that was looked at, unless there is one.

        Return the version; None if another run has updated the function meanwhile.
        """
        version = self._newest()
        if _is(version, function):
            return version
        back = f"{_BACK_FROM}v{others.newer}" if others.newer else ""
        try:
            version = self.aws.call(
                "lambda",
                "publish_version",
                FunctionName=self.function,
                CodeSha256=function.code,
                Description=f"{self.image.tag} {self.commit[:12]} {digest}{back}",
            )
        except AwsError as error:
            if self._required_function().code == function.code and error.code not in _OVERTAKEN:
                raise
            return None
        return version if self._required_function().code == function.code else None

    def _settled(self) -> LambdaFunction:
        """Wait until no update is in progress, and return the function's state."""

        def looked() -> LambdaFunction | None:
            found = self._required_function()
            return None if found.is_moving else found

        found = polled(
            looked,
            timeout=self.timeout,
            interval=self.interval,
            stop=self.stop,
            stopped=f"{self.function}: its update goes on in Lambda; run the same again to wait "
            f"for it and to publish",
        )
        if found is None:
            raise FunctionTimeoutError(
                f"{self.function}: still at its update after {self.timeout:g} s; run it again to "
                f"wait longer and to publish, or raise deploy.function-timeout"
            )
        return found

    def _required_function(self) -> LambdaFunction:
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

    def _required(self, function: LambdaFunction) -> str:
        digest = self._digest(function)
        if digest is None:
            raise ReleaseImageMissingError(
                f"{self.function}: {self.image.repository}:{self.image.tag} is not in the "
                f"registry; push it first: nox -s lambdas -- {self.image.tag}"
            )
        return digest

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

    def _done(
        self, digest: str, version: Mapping[str, Any] | None, others: Replaced = _NOTHING
    ) -> Look:
        number = str(version["Version"]) if version else ""
        back_from = str((version or {}).get("Description", "")).partition(_BACK_FROM)[2]
        return Look(
            state="done",
            note=f"{self.function}: version {number} is {shown_digest(digest)}"
            + (f",{_BACK_FROM}{back_from}" if back_from else others.note),
            record={
                **others.record,
                "function": self.function,
                "digest": digest,
                "version": number,
                "environment": self.environment,
                "rollback_from": back_from,
            },
        )


def _function(answer: Mapping[str, Any]) -> LambdaFunction:
    code, facts = answer.get("Code", {}), answer["Configuration"]
    # Lambda states the digest that it was given, or that the given tag had then
    stated, resolved = (split_image(str(code.get(key) or "")) for key in _URIS)
    return LambdaFunction(
        digest=stated[2] or resolved[2],
        repository=stated[0],
        tagged=next(iter(dated_tags([stated[1] or ""], None).values()), None),
        revision=facts.get("RevisionId"),
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
