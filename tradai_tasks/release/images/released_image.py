"""Look up the image of a service or lambda in the registry by its release tag."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Protocol

from tradai_tasks.errors import ConflictError
from tradai_tasks.release.images.image_decisions import REVISION, VERSION
from tradai_tasks.workspace.tags import parse_tag

__all__ = ["Images", "ReleaseImage", "Remote", "split_image"]


class Remote(Protocol):
    """What a registry says of an image."""

    @property
    def digest(self) -> str:
        """`sha256:...`."""

    @property
    def is_list(self) -> bool:
        """Whether it is a list of images for several platforms."""

    @property
    def platform(self) -> str | None:
        """`linux/amd64`; None for a list."""

    @property
    def manifest(self) -> bytes:
        """The manifest's bytes."""

    @property
    def labels(self) -> Mapping[str, str]:
        """Its labels; of a list, those of a member."""


class Images(Protocol):
    """A registry, as far as a deployment asks it."""

    def image(self, repository: str, reference: str) -> Remote | None:
        """Return what a tag or digest points to; None if it is not there."""


@dataclass(frozen=True, kw_only=True, slots=True)
class ReleaseImage:
    """The image of a service or a lambda in one release."""

    images: Images
    path: str  # the repository, as the registry's own API names it
    repository: str  # with the registry's host, as ECS and Lambda name it
    tag: str  # the release's
    commit: str | None = None  # that the tag names; None if that is no matter

    def found(self) -> Remote | None:
        """Return what the tag points to; None before it is pushed.

        Raises:
            ConflictError: It was built of another commit than the tag names by now.
            TasksError: It cannot be determined.
        """
        found = self.images.image(self.path, self.tag)
        if found is None or self.commit is None:
            return found
        built_of, version = found.labels.get(REVISION), found.labels.get(VERSION)
        # one that says nothing, or says it of its base image, is taken for what the tag calls it
        if version == self.tag.removeprefix("v") and built_of not in {None, self.commit}:
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
        """Return the digests that a task of the release runs; None before it is pushed.

        Of a list of images that is the list's own, which Docker reports, and its members', which
        Fargate does.

        Raises:
            TasksError: It cannot be determined.
        """
        found = self.found()
        if found is None:
            return None
        members = json.loads(found.manifest).get("manifests", []) if found.is_list else []
        return frozenset([found.digest, *(str(one["digest"]) for one in members)])

    def latest(self) -> str | None:
        """Return the digest that `latest` points to; None if there is none."""
        found = self.images.image(self.path, "latest")
        return found.digest if found else None


_REFERENCE = re.compile(r"(?P<repository>.+?)(?::(?P<tag>[^:/@]+))?(?:@(?P<digest>[^@]+))?")


def split_image(text: str) -> tuple[str, str | None, str | None]:
    """Return (repository, tag, digest) of an image's reference; with neither, its tag is latest."""
    match = _REFERENCE.fullmatch(text)
    if match is None:
        return text, None, None
    tag, digest = match["tag"], match["digest"]
    return match["repository"], tag if tag or digest else "latest", digest
