"""Decide whether an image must be built and whether its tag `latest` moves.

Nothing here makes a request. An image is identified by the commit in its label
`org.opencontainers.image.revision`: a rebuild has another digest, but the same commit.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Literal

from tradai_tasks.errors import BadTagError, ConflictError
from tradai_tasks.release.clients.registry import RemoteImage
from tradai_tasks.release.engine.step import Release
from tradai_tasks.workspace.tags import is_semver, parse_semver, parse_tag, tag_name

LATEST = "latest"
# forward: only to a higher version, never to a pre-release. always: from any version, for
# roll-backs and test tags. never: `latest` does not move.
LatestRule = Literal["forward", "always", "never"]

REVISION = "org.opencontainers.image.revision"
VERSION = "org.opencontainers.image.version"
_SOURCE = "org.opencontainers.image.source"
_CREATED = "org.opencontainers.image.created"
# label: packages of other repositories that are in the image, with their commits, as JSON
SOURCES = "com.tradai.path-sources"


@dataclass(frozen=True, slots=True)
class ImageVerdict:
    """What to do about an image or its tag `latest`, and why."""

    state: Literal["done", "todo", "left"]
    note: str


def labels_of(release: Release) -> dict[str, str]:
    """Return the OCI labels of a release's images.

    `created` is the time of the commit, so that a rebuild does not change it. Without a source the
    label is empty, so that the base image's is not inherited.

    https://github.com/opencontainers/image-spec/blob/v1.1.0/annotations.md
    """
    created = datetime.fromtimestamp(release.time, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
    return {
        _CREATED: created,
        REVISION: release.commit,
        _SOURCE: release.source or "",
        VERSION: release.tag.version,
    }


def judge_version(
    remote: RemoteImage | None, release: Release, *, name: str, platform: str, immutable: bool
) -> ImageVerdict:
    """Decide what to do about the release's own tag; `remote` is the image in the registry.

    `name` is the image with its tag, for messages; `immutable` is whether the tag cannot be
    overwritten.

    Raises:
        ConflictError: Another image is there and may not be overwritten.
    """
    if remote is None:
        return ImageVerdict("todo", "is built and pushed")
    fault = _difference(remote, release, platform)
    if fault is None:
        return ImageVerdict("done", f"is there: {remote.digest}")
    both = f"{name}: is there already as {remote.digest}, {fault}"
    if not release.tag.is_test:
        raise ConflictError(
            f"{both} (which is not built, so it has no digest); a released tag is never "
            f"overwritten: release {release.commit[:12]} under another version"
        )
    if immutable:
        raise ConflictError(
            f"{both}, and the repository is immutable; use another test tag, such as "
            f"{release.tag}.1, or delete the image"
        )
    return ImageVerdict("todo", f"is built and pushed over {remote.digest} ({fault})")


def _difference(remote: RemoteImage, release: Release, platform: str) -> str | None:
    """Return how the image in the registry differs from the release's; None if it does not."""
    revision = remote.labels.get(REVISION)
    if revision != release.commit:
        whose = f"of commit {revision}" if revision else f"with no label {REVISION}"
        return f"{whose}, not of {release.commit}"
    if remote.is_list:
        return f"of this commit, but a list of images, not one for {platform}"
    if remote.platform != platform:
        return f"of this commit, but for {remote.platform}, not {platform}"
    return None


def stated_version(labels: Mapping[str, str], source: str | None) -> str | None:
    """Return the semantic version in an image's labels; None if there is none.

    Labels with another `source`, the repository's address, are inherited from a base image.
    """
    theirs = labels.get(_SOURCE)
    if theirs and source and theirs != source:
        return None
    version = labels.get(VERSION, "")
    return version if is_semver(version) else None


def dated_tags(tags: Iterable[str], slug: str | None) -> dict[str, str]:
    """Return an image's release tags, of a strategy or a platform, with versions, newest first."""
    found: dict[str, str] = {}
    for text in tags:
        try:
            tag = parse_tag(text, [slug] if slug else [])
        except BadTagError:
            continue  # other tags are allowed
        if text == tag_name(slug, tag.version):
            found[text] = tag.version
    newest = sorted(found, key=lambda text: parse_semver(found[text]), reverse=True)
    return {text: found[text] for text in newest}


def is_test_version(version: str) -> bool:
    """Return whether a version is that of a test tag, `v0.0.0-test` or `v0.0.0-test.2`."""
    return parse_tag(f"v{version}", []).is_test


def newer_release(versions: Iterable[str], than: str) -> str | None:
    """Return the highest stable version among some, if it is above a given one."""
    released = [one for one in map(parse_semver, versions) if one.prerelease is None]
    newest = max(released, default=None)
    return str(newest) if newest is not None and newest > parse_semver(than) else None


def judge_latest(  # noqa: PLR0913 - what the decision depends on
    latest: RemoteImage | None,
    version: str | None,
    release: Release,
    *,
    digest: str | None,
    name: str,
    immutable: bool,
    rule: LatestRule,
) -> ImageVerdict:
    """Decide whether to move `latest` to the release.

    Args:
        version: The semantic version of the image that `latest` points to; None if it is not known.
        digest: The digest of the release's image; None if it is not built yet.
        name: The image with the tag `latest`, for messages.
        immutable: Whether the repository refuses to overwrite `latest`.

    Raises:
        ConflictError: `latest` points to an image whose version is not known.
    """
    if latest is not None and latest.digest == digest:
        return ImageVerdict("done", "latest is this")
    if rule == "never":
        return ImageVerdict("left", "latest is left alone")
    if rule == "forward" and release.tag.is_prerelease:
        return ImageVerdict("left", f"latest is left alone: {release.tag.version} is a pre-release")
    if immutable:
        return ImageVerdict("left", "latest is left alone: the repository is immutable")
    if latest is None:
        return ImageVerdict("todo", "latest is set")
    if rule == "always":
        return ImageVerdict("todo", f"latest moves from {version or latest.digest}")
    if version is None:
        raise ConflictError(
            f"{name}: points to {latest.digest}, which has neither a label {VERSION} nor a "
            f"release tag, so it is unknown whether {release.tag.version} is newer; move it "
            f"once on purpose with --move-latest, or leave it with --keep-latest"
        )
    if parse_semver(version) > parse_semver(release.tag.version):
        stated = latest.labels.get(VERSION, "")
        what = (
            "it is a test's, and there is" if is_semver(stated) and stated != version else "it is"
        )
        return ImageVerdict("left", f"latest is left alone: {what} {version}, which is newer")
    return ImageVerdict("todo", f"latest moves from {version}")
