"""Look up the image of a service or lambda in the registry by its release tag."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass

from tradai_tasks.errors import ConflictError
from tradai_tasks.release.clients.registry import Registry, RemoteImage
from tradai_tasks.release.images.image_decisions import (
    REVISION,
    VERSION,
    dated_tags,
    stated_version,
)
from tradai_tasks.workspace.tags import parse_tag


@dataclass(frozen=True, kw_only=True, slots=True)
class ReleaseImage:
    """The image of one service or lambda in one release.

    Its methods raise TasksError if the registry does not answer.
    """

    images: Registry
    path: str  # the repository in the registry's API, without the host
    repository: str  # the repository with the registry's host, as in ECS and Lambda
    tag: str  # the release's tag
    commit: str | None = None  # commit that the tag names; None if it does not matter
    source: str | None = None  # address of the git repository; None where it is not known

    @property
    def version(self) -> str:
        """The release's semantic version."""
        return self.tag.removeprefix("v")

    def found(self) -> RemoteImage | None:
        """Return the image that the tag points to; None before it is pushed.

        Raises:
            ConflictError: It was built from another commit than the tag now names.
            TasksError: The registry does not answer the question.
        """
        found = self.images.image(self.path, self.tag)
        if found is None or self.commit is None:
            return found
        built_of, version = found.labels.get(REVISION), found.labels.get(VERSION)
        # without a label of its own, the image is taken to be what the tag says
        if version == self.version and built_of not in {None, self.commit}:
            fix = (
                f"push what it names now: nox -s images -- {self.tag} (or lambdas)"
                if parse_tag(self.tag, ()).is_test
                else f"put it back, or release {self.commit[:12]} under another version"
            )
            raise ConflictError(
                f"{self.repository}:{self.tag}: was built of commit {str(built_of)[:12]}, while "
                f"the tag names {self.commit[:12]}, so the tag was moved; {fix}"
            )
        return found

    def wanted(self) -> frozenset[str] | None:
        """Return the digests that a task of the release may report; None before it is pushed.

        For a list of images: the list's own, which Docker reports, and its members', which Fargate
        reports.

        Raises:
            TasksError: The registry does not answer the question.
        """
        found = self.found()
        if found is None:
            return None
        members = json.loads(found.manifest).get("manifests", []) if found.is_list else []
        return frozenset([found.digest, *(str(one["digest"]) for one in members)])

    def version_of(self, digest: str) -> str | None:
        """Return an image's version by its label, else by a release tag; None if neither.

        Raises:
            TasksError: The registry does not answer the question.
        """
        found = self.images.image(self.path, digest)
        if found is None:
            return None
        if (stated := stated_version(found.labels, self.source)) is not None:
            return stated
        dated = dated_tags(self.images.tags(self.path), None)
        named = (tag for tag in dated if self.images.digest(self.path, tag) == digest)
        return next((dated[tag] for tag in named), None)

    def latest(self) -> str | None:
        """Return the digest that `latest` points to; None if it does not exist."""
        found = self.images.image(self.path, "latest")
        return found.digest if found else None


_REFERENCE = re.compile(r"(?P<repository>.+?)(?::(?P<tag>[^:/@]+))?(?:@(?P<digest>[^@]+))?")


def split_image(text: str) -> tuple[str, str | None, str | None]:
    """Return (repository, tag, digest) of an image's reference; the default tag is latest."""
    match = _REFERENCE.fullmatch(text)
    if match is None:
        return text, None, None
    tag, digest = match["tag"], match["digest"]
    return match["repository"], tag if tag or digest else "latest", digest
