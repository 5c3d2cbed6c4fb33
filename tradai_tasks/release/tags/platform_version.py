"""Check that a platform's tag may have the version that it names.

A tag `v1.2.0` is the platform's as a whole, and its libraries may have versions of their own. Where
a version is stated, by a package that the settings name, by all libraries in lockstep or by a root
project that is itself a package, the tag must have that version. Elsewhere versions rise along the
main branch, the major version by one at most; before the first tag the packages' versions stand in
for it. So nobody can put `v99.0.0` on an old commit, nor with `v98.0.0` below it: what jumps itself
vouches for nothing.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable
from operator import attrgetter

from packaging.utils import canonicalize_name
from packaging.version import Version

from tradai_tasks.errors import SettingsError, VersionOrderError
from tradai_tasks.release.tags.tag_references import Refs, ask
from tradai_tasks.release.tags.tag_validation import Versioned
from tradai_tasks.release.tags.tagged_commit import version_of
from tradai_tasks.settings.model import Settings
from tradai_tasks.vcs.git import Git
from tradai_tasks.workspace.discovery import Package, Workspace
from tradai_tasks.workspace.published_libraries import libraries_of
from tradai_tasks.workspace.tags import ReleaseTag, platform_tags

_SEMVER = attrgetter("semver")
_NEVER_SET = Version("0.0.0")  # of a root project that leaves its version to its members


def stated(workspace: Workspace, settings: Settings, *, file: str) -> tuple[Versioned, ...]:
    """Return the packages whose version a platform's tag must have; none if no package decides it.

    `settings` are those of the default branch, in `file`; SettingsError if they name no package.
    """
    wanted = settings.release.version_from
    if wanted is not None:
        return (_named(workspace, wanted, file),)
    if settings.publish.lockstep:
        libraries = libraries_of(workspace, settings.publish, file=file)
        return tuple(version_of(library, library.name) for library in libraries)
    roots = (package for package in workspace.packages if package.path == ".")
    found = (version_of(root, root.name) for root in roots if root.is_installed)
    return tuple(one for one in found if one.version and _parsed(one.version) != _NEVER_SET)


def newest_major(packages: Iterable[Package]) -> int:
    """Return the highest major version of a package; 0 if no package has a static version."""
    versions = (_parsed(version_of(package, "").version) for package in packages)
    return max((version.major for version in versions if version), default=0)


def neighbours(git: Git, commit: str, refs: Refs) -> tuple[list[ReleaseTag], list[ReleaseTag]]:
    """Return the platform's tags before a commit, and those after it on the main branch.

    Raises:
        GitError: git failed.
    """
    # `--points-at` does not see through a tag of a tag
    here = set(_tags(git, f"--contains={commit}", f"--merged={commit}"))
    before = _tags(git, f"--merged={commit}")
    after = _tags(git, f"--contains={commit}", f"--merged={refs.main_commit}")
    return platform_tags(set(before) - here), platform_tags(set(after) - here)


def check_order(
    tag: ReleaseTag,
    *,
    before: Collection[ReleaseTag],
    after: Collection[ReleaseTag],
    major: int,
    jumps: Collection[str],
) -> None:
    """Check a version against those of the tags before and after it on the main branch.

    `major` is the highest major version of a package, where no tag is before it. `jumps` are tags
    whose major version may rise by more than one.

    Raises:
        VersionOrderError: It does not follow from them.
    """
    own, credible = tag.semver, []
    for one in sorted(before, key=_SEMVER):
        if one.text in jumps or one.semver.major <= major + 1:
            credible.append(one)
            major = max(major, one.semver.major)
    # 1.2.1 may be urgent while 1.3.0-rc1 is being tried
    below = [one for one in credible if tag.is_prerelease or not one.is_prerelease]
    if below and own <= below[-1].semver:
        raise VersionOrderError(
            f"tag {tag}: an earlier commit has {below[-1]} already; choose a higher version, or "
            f"delete {below[-1]} if it was never released"
        )
    if own.major > major + 1 and tag.text not in jumps:
        what = f"{credible[-1]} is before it" if credible else "no tag is before it"
        raise VersionOrderError(
            f"tag {tag}: its version is above {major + 1}.x ({what}); choose the next one, or, if "
            f"this is meant, put the tag into release.version-jumps on the main branch"
        )
    lowest = min(after, key=_SEMVER, default=None)
    if lowest is not None and own >= lowest.semver:
        raise VersionOrderError(
            f"tag {tag}: a later commit has {lowest}, so this one's version must be lower; tag the "
            f"newest commit, or delete {lowest} if it was never released"
        )


def _named(workspace: Workspace, name: str, file: str) -> Versioned:
    for package in workspace.packages:
        if package.name == canonicalize_name(name):
            return version_of(package, package.name)
    raise SettingsError(
        f"{file}: release.version-from: the tagged commit has no package {name!r}; name one that "
        f"it has"
    )


def _tags(git: Git, *which: str) -> list[str]:
    argv = ["for-each-ref", "--format=%(refname:strip=2)", *which, "refs/tags/v*"]
    return ask(git, *argv).splitlines()


def _parsed(version: str | None) -> Version | None:
    try:
        return None if version is None else Version(version)
    except ValueError:  # InvalidVersion, or more digits than Python converts
        return None
