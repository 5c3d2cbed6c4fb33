"""Version of a deployment without a tag: of the commit that is checked out.

It is `<latest tag>-g<short commit>`: valid in Semantic Versioning and as an image tag. It is
computed once and passed on to all jobs of a run.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from pathlib import Path

from tradai_tasks.errors import DirtyTreeError, UnknownTagError, WrongCommitError
from tradai_tasks.release.deploy.release_order import OF_COMMIT
from tradai_tasks.release.engine.step import Release
from tradai_tasks.release.tags.tag_validation import source_of
from tradai_tasks.text import listed
from tradai_tasks.vcs.git import Git
from tradai_tasks.vcs.git_environment import run_git
from tradai_tasks.vcs.history import commit_time, is_shallow
from tradai_tasks.workspace.tags import parse_tag, platform_tags

_SHORT = 7  # digits; git adds more if they are ambiguous
_NONE_YET = "v0.0.0"


def version_for(tags: Iterable[str], short: str) -> str:
    """Return the version of a commit, by its short id and the tags of it and its ancestors."""
    return f"{newest_release(tags) or _NONE_YET}-g{short}"


def newest_release(tags: Iterable[str]) -> str | None:
    """Return the highest release tag of a platform that an image tag can have; None if none."""
    found = platform_tags(tags)
    return found[-1].text if found else None


def dispatch(git: Git, root: Path, env: Mapping[str, str], version: str | None = None) -> Release:
    """Return a release, without a tag, of the commit that is checked out.

    `env` names the repository; `version` is what another job of the same run has computed.

    Raises:
        DirtyTreeError: There are uncommitted changes.
        UnknownTagError: A shallow clone has no tags to take a version from.
        BadTagError: `version` is not such a version.
        WrongCommitError: `version` is of another commit.
    """
    head = git.require_commit("HEAD", "")
    dirty = [entry.path for entry in git.status()]
    if dirty:
        raise DirtyTreeError(
            f"uncommitted changes in {listed(dirty)}; commit, stash or ignore "
            f"them first, since the version names a commit"
        )
    text = version or _computed(git)
    tag = parse_tag(text, ())
    named = OF_COMMIT.search(text)
    if named is None or not head.startswith(named[1]):
        raise WrongCommitError(
            f"version {text}: is not of the commit that is checked out, {head[:12]}; check out its "
            f"own, name a tag instead, or leave out --version"
        )
    return Release(
        tag=tag, commit=head, time=commit_time(git, head), root=root, source=source_of(git, env)
    )


def _computed(git: Git) -> str:
    tags = run_git(git.folder, "tag", "--merged", "HEAD", env=git.env).text.split()
    if newest_release(tags) is None and is_shallow(git):
        raise UnknownTagError(
            "no release tag in this shallow clone, so the version is unknown; fetch them with: git "
            "fetch --tags --unshallow (in CI: fetch-depth: 0), or name one: --version"
        )
    argv = ["rev-parse", f"--short={_SHORT}", "HEAD"]
    return version_for(tags, run_git(git.folder, *argv, env=git.env).text.strip())
