"""Release tags: `v<semver>` is the platform, `<slug>-v<semver>` a strategy.

A slug is the name of a folder under strategies/. Versions are Semantic Versioning 2.0.0
(https://semver.org); packages carry the same version in the form of PEP 440.
"""

from __future__ import annotations

import difflib
import re
from collections.abc import Collection, Iterable, Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

from packaging.version import Version

from tradai_tasks.errors import BadTagError, VersionMismatchError

if TYPE_CHECKING:
    import semver

# The limit of an image tag, since every release tag of a strategy becomes one.
_LONGEST = 128
# The characters of an image tag, and the `+` of build metadata. None of them is special to a
# shell, an option parser or a path.
_TAG_TEXT = re.compile(r"[0-9A-Za-z_][0-9A-Za-z._+-]*", re.ASCII)
_TEST_VERSION = re.compile(r"0\.0\.0-test(?:\.\d+)?(?:\+.*)?", re.ASCII)
_EXPECTED = "expected v<version> or <strategy>-v<version>, such as v1.2.0 or momentum-v1.0.0-rc1"


@dataclass(frozen=True, kw_only=True, slots=True)
class ReleaseTag:
    """A tag that names a release; made by `parse_tag`."""

    text: str  # the tag's name, without refs/tags/
    kind: Literal["platform", "strategy"]
    slug: str | None  # None for the platform
    version: str  # semantic version
    pep440: Version | None  # the same version in PEP 440 form; None if there is none
    is_test: bool  # 0.0.0-test, 0.0.0-test.N: for trying out a pipeline
    is_prerelease: bool

    def __str__(self) -> str:
        """Return the tag's name."""
        return self.text

    @property
    def semver(self) -> semver.Version:
        """Its version, to be compared with others."""
        return parse_semver(self.version)


def tag_name(slug: str | None, version: str) -> str:
    """Return the tag for a version of a strategy, or of the platform if slug is None."""
    return f"v{version}" if slug is None else f"{slug}-v{version}"


def tag_text(text: str) -> str:
    """Return a tag's name, given so or as `refs/tags/<name>`; raise BadTagError if it is none."""
    name = text.removeprefix("refs/tags/")
    _check_name(name, text)
    return name


def parse_tag(text: str, slugs: Collection[str]) -> ReleaseTag:
    """Parse a release tag, any text, given as its name or as `refs/tags/<name>`.

    The known slugs decide where the version begins: `my-v2-strategy-v1.0.0` is `my-v2-strategy` at
    1.0.0, and `a-v1.0.0-v2.0.0` is `a` at 1.0.0-v2.0.0 or `a-v1.0.0` at 2.0.0, depending on which
    of the two exists. If both exist, the tag is ambiguous, which is an error.

    Raises:
        BadTagError: It is not a release tag, is of no known strategy, or is ambiguous.
    """
    name = tag_text(text)
    splits = list(_splits(name))
    readings: list[tuple[str | None, str]] = [split for split in splits if split[0] in slugs]
    if name.startswith("v") and is_semver(name[1:]):
        readings.append((None, name[1:]))
    if not readings:
        raise BadTagError(_not_understood(name, [slug for slug, _ in splits], slugs))
    if len(readings) > 1:
        shown = " or ".join(f"{slug or 'the platform'} {version}" for slug, version in readings)
        raise BadTagError(
            f"tag {name}: can be read as {shown}; rename one of the strategies, or choose "
            f"another version"
        )
    slug, version = readings[0]
    return ReleaseTag(
        text=name,
        kind="platform" if slug is None else "strategy",
        slug=slug,
        version=version,
        pep440=pep440_of(version),
        is_test=_TEST_VERSION.fullmatch(version) is not None,
        is_prerelease="-" in version.partition("+")[0],
    )


def check_release(tag: ReleaseTag) -> Version | None:
    """Return the version that a released package carries; None where any will do: for a test tag.

    Raises:
        BadTagError: It has build metadata, or its version has no PEP 440 form and it is not a test
            tag.
    """
    if "+" in tag.version:
        bare = tag.text.partition("+")[0]
        raise BadTagError(
            f"tag {tag}: a version with build metadata cannot be released, since an image tag "
            f"takes no '+'; use a tag such as {bare}"
        )
    if tag.pep440 is None and not tag.is_test:
        core = tag.version.partition("-")[0]
        raise BadTagError(
            f"tag {tag}: no package can carry the version {tag.version}, since it has no PEP 440 "
            f"form; use one such as {core} or {core}-rc1 (alpha, beta and dev have forms too)"
        )
    return tag.pep440


def is_version_of(tag: ReleaseTag, project_version: str | None) -> bool:
    """Return whether a package's version is that of a tag; any is that of a test tag.

    Versions are compared in PEP 440 form if both have one: 1.0.0-rc1 equals 1.0.0rc1.
    """
    if tag.is_test or project_version == tag.version:
        return True
    own = None if project_version is None else _parsed(project_version)
    return own is not None and own == tag.pep440


def check_version(
    tag: ReleaseTag, project_version: str | None, *, file: str, name: str | None = None
) -> None:
    """Raise VersionMismatchError for a package whose version is not that of its release's tag.

    `file` is the package's pyproject.toml, `name` what the session `bump` calls it; the tag's slug
    if None.
    """
    if is_version_of(tag, project_version):
        return
    own = None if project_version is None else _parsed(project_version)
    if project_version is None:
        states, fix = "states no project.version", f'write there: version = "{tag.version}"'
    else:
        states, fix = f"has version {project_version!r}", _remedy(tag, own, name)
    raise VersionMismatchError(
        f"tag {tag}: is for version {tag.version}, but {file} {states}; {fix}"
    )


def platform_tags(names: Iterable[str]) -> list[ReleaseTag]:
    """Return the platform's tags among names, the lowest version first; no tests, no metadata."""
    found = []
    for name in names:
        try:
            tag = parse_tag(name, ())
        except BadTagError:
            continue  # another kind of tag
        if not tag.is_test and "+" not in tag.version:
            found.append(tag)
    return sorted(found, key=lambda tag: (tag.semver, tag.text))


def parse_semver(version: str) -> semver.Version:
    """Return a semantic version, to be compared with others."""
    import semver  # noqa: PLC0415 - few sessions look at a tag

    return semver.Version.parse(version)


def is_semver(text: str) -> bool:
    """Return whether a whole text is a semantic version."""
    import semver  # noqa: PLC0415 - few sessions look at a tag

    # older releases of semver accept a final line break, and digits of any script
    return text.isascii() and text.isprintable() and semver.Version.is_valid(text)


def pep440_of(version: str) -> Version | None:
    """Return the PEP 440 form of a semantic version; None if none means the same.

    PEP 440 reads 1.0.0-1 and 1.0.0-post1 as releases *after* 1.0.0, in Semantic Versioning they
    come before it.
    """
    if "+" in version:
        return None
    form = _parsed(version)
    return form if form is not None and form.post is None else None


def semver_of(version: Version) -> str | None:
    """Return the semantic version of a PEP 440 version; None if it has none.

    1.1 is 1.1.0, 1.0.0rc1 is 1.0.0-rc1, 1.0.0rc1.dev2 is 1.0.0-rc1.dev2. Epochs, post-releases,
    local versions and a fourth number have no counterpart.
    """
    longest = 3  # numbers: major, minor, patch
    if version.epoch or version.post is not None or version.local or len(version.release) > longest:
        return None
    parts = ["".join(map(str, version.pre))] if version.pre else []
    parts += [f"dev{version.dev}"] if version.dev is not None else []
    core = f"{version.major}.{version.minor}.{version.micro}"
    return f"{core}-{'.'.join(parts)}" if parts else core


def _remedy(tag: ReleaseTag, own: Version | None, name: str | None) -> str:
    """Return how to make a package and its tag agree; `bump` only raises versions."""
    if own is None or tag.pep440 is None or own < tag.pep440:
        return f"fix with: nox -s bump -- {name or tag.slug or '<package>'} {tag.version}"
    released = semver_of(own)
    other = f", or release {tag_name(tag.slug, released)}" if released else ""
    return f"tag the commit whose version is {tag.version}{other}"


def _check_name(name: str, text: str) -> None:
    """Raise for a name that no release tag can have, before anything else parses it."""
    if len(name) > _LONGEST:
        raise BadTagError(
            f"{_shown(text)}: too long for a release tag; an image tag takes {_LONGEST} characters"
        )
    if not _TAG_TEXT.fullmatch(name):
        raise BadTagError(f"{_shown(text)}: no release tag; {_EXPECTED}")
    if ".." in name or name.endswith(".lock"):
        raise BadTagError(f"{_shown(text)}: no tag can have this name (git check-ref-format)")


def _splits(name: str) -> Iterator[tuple[str, str]]:
    """Yield every (slug, version) into which a tag can be split, with known and unknown slugs."""
    at = name.find("-v")
    while at >= 0:
        if at and is_semver(name[at + 2 :]):
            yield name[:at], name[at + 2 :]
        at = name.find("-v", at + 1)


def _not_understood(name: str, unknown: list[str], slugs: Collection[str]) -> str:
    if unknown:
        shown = " or ".join(map(repr, unknown))
        near = [one for slug in unknown for one in difflib.get_close_matches(slug, list(slugs))]
        if near:
            hint = f"did you mean {' or '.join(map(repr, dict.fromkeys(near)))}?"
        else:
            known = ", ".join(sorted(slugs))
            hint = f"known are {known}" if known else "there is no folder under strategies/"
        return f"tag {name}: no strategy is called {shown}; {hint}"
    starts = [f"{slug}-v" for slug in slugs if name.startswith(f"{slug}-v")]
    start = max([*starts, *(["v"] if re.match(r"v\d", name) else [])], key=len, default=None)
    if start is not None:
        return (
            f"tag {name}: {name[len(start) :]!r} is no semantic version; use one such as 1.2.0 "
            f"or 1.2.0-rc1"
        )
    return f"tag {name}: no release tag; {_EXPECTED}"


def _parsed(version: str) -> Version | None:
    try:
        return Version(version)
    except ValueError:  # InvalidVersion, or more digits than Python converts
        return None


def _shown(text: str) -> str:
    """Return the start of any text, safe for a one-line message."""
    longest = 60  # characters
    return ascii(text if len(text) <= longest else f"{text[:longest]}...")
