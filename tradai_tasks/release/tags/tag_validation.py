"""Check that a tag can be released from this clone and its work tree.

`look` gathers what git says, `check` judges it without touching anything.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from urllib.parse import urlsplit

from tradai_tasks.errors import (
    BadTagError,
    DirtyTreeError,
    TasksError,
    VersionMismatchError,
    WrongCommitError,
)
from tradai_tasks.release.engine.step import Release
from tradai_tasks.release.tags.ci_event import TagRequest
from tradai_tasks.release.tags.tag_references import (
    Refs,
    branches_fault,
    look_at_refs,
    raise_all,
    refs_faults,
    short,
    tagged,
    unknown_tag,
)
from tradai_tasks.text import listed
from tradai_tasks.vcs.git import Git
from tradai_tasks.vcs.history import commit_time
from tradai_tasks.vcs.remotes import remote_of
from tradai_tasks.workspace.tags import ReleaseTag, check_release, check_version

# user@host:path, as ssh takes it
_SCP = re.compile(r"(?:[^@/]+@)?([A-Za-z0-9.-]+):(?!//)(.+)")


@dataclass(frozen=True, kw_only=True, slots=True)
class Versioned:
    """A package whose version must be the tag's."""

    name: str  # what the session `bump` knows it by
    file: str  # its pyproject.toml, from the workspace root
    version: str | None  # `project.version`


@dataclass(frozen=True, kw_only=True, slots=True)
class Found(Refs):
    """State of the clone and its work tree that concerns a tag."""

    head: str | None
    dirty: tuple[str, ...]  # changed, staged or untracked paths
    time: int  # of the commit, in seconds since the epoch; 0 where there is no commit
    source: str | None  # address of the repository, without credentials


def look(git: Git, tag: ReleaseTag, *, branch: str | None, env: Mapping[str, str]) -> Found:
    """Ask git, and the CI environment, for everything that `check` judges.

    Raises:
        GitError: git failed unexpectedly.
    """
    refs = look_at_refs(git, tag.text, branch=branch)
    return Found(
        **asdict(refs),
        head=git.commit("HEAD"),
        dirty=tuple(entry.path for entry in git.status()),
        time=commit_time(git, refs.commit) if refs.commit else 0,
        source=source_of(git, env),
    )


def check(
    tag: ReleaseTag,
    found: Found,
    versioned: Versioned | None,
    *,
    request: TagRequest | None = None,
    main: str | None = None,
) -> None:
    """Raise for a release that is not allowed.

    `versioned` is the package whose version must be the tag's, if any; `main` is the main branch by
    the settings, for a message.

    Raises:
        UnknownTagError: The tag is not in this clone.
        ReleaseRefusedError: There are several of the faults below, each on a line.
        BadTagError: The tag parses, but cannot be released.
        UntrustedEventError: The CI event is of another commit than the tag's.
        AmbiguousRefError: A branch is named like the tag.
        NotOnMainError: The commit is not on the main branch.
        WrongCommitError: The work tree is of another commit.
        DirtyTreeError: There are uncommitted changes.
        VersionMismatchError: The package has another version.
    """
    if found.commit is None:
        raise unknown_tag(tag)
    faults: list[TasksError] = []
    try:
        check_release(tag)
        # another commit's files say nothing about this one's version
        if versioned is not None and found.head == found.commit:
            check_version(tag, versioned.version, file=versioned.file, name=versioned.name)
    except (BadTagError, VersionMismatchError) as error:
        faults.append(error)
    faults += refs_faults(tag.text, found, request=request, main=main)
    faults += _of_tree(tag, found)
    raise_all(faults)


def check_branches(tag: ReleaseTag, found: Found) -> None:
    """Raise for a tag that does not exist, or shares its name with a branch.

    Raises:
        UnknownTagError: The tag is not in this clone.
        AmbiguousRefError: A branch is named like it.
    """
    if found.commit is None:
        raise unknown_tag(tag)
    raise_all(branches_fault(tag.text, found))


def release_of(tag: ReleaseTag, found: Found, root: Path) -> Release:
    """Return the release of a tag; raise UnknownTagError if it is not in the clone."""
    if found.commit is None:
        raise unknown_tag(tag)
    return Release(tag=tag, commit=found.commit, time=found.time, root=root, source=found.source)


def still_holds(git: Git, release: Release, *, untracked: bool) -> None:
    """Check that the work tree is still at the released commit, after gates have run in it.

    With `untracked`, new files count too; a gate that still runs may have some for a while.

    Raises:
        WrongCommitError: HEAD moved, or the tag did.
        DirtyTreeError: Files changed.
    """
    if tagged(git, release.tag.text) != release.commit:
        raise WrongCommitError(_moved(release))
    tree_holds(git, release, untracked=untracked)


def tree_holds(git: Git, release: Release, *, untracked: bool) -> None:
    """Check the same for a release that need not have a tag.

    Raises:
        WrongCommitError: HEAD moved.
        DirtyTreeError: Files changed.
    """
    if git.commit("HEAD") != release.commit:
        raise WrongCommitError(_moved(release))
    dirty = tuple(entry.path for entry in git.status() if untracked or entry.index != "?")
    if dirty:
        raise DirtyTreeError(
            f"{listed(dirty)} changed while the gates ran, so they did not judge {release.tag}; "
            f"nothing was pushed or registered; put that back, or ignore it if a tool leaves it"
        )


def _moved(release: Release) -> str:
    return (
        f"tag {release.tag}: the tag or HEAD moved while the gates ran; nothing was pushed or "
        f"registered; run the same again"
    )


def public_address(url: str) -> str | None:
    """Return a remote's web address, without credentials; None for a local path."""
    scp = _SCP.fullmatch(url)
    if scp and "//" not in url:
        return f"https://{scp[1]}/{scp[2].removesuffix('.git').strip('/')}"
    parts = urlsplit(url)
    if parts.scheme not in {"http", "https", "ssh", "git"} or not parts.hostname:
        return None
    port = f":{parts.port}" if parts.port and parts.scheme in {"http", "https"} else ""
    scheme = parts.scheme if parts.scheme == "http" else "https"
    return f"{scheme}://{parts.hostname}{port}{parts.path.removesuffix('.git').rstrip('/')}"


def _of_tree(tag: ReleaseTag, found: Found) -> list[TasksError]:
    faults: list[TasksError] = []
    if found.head != found.commit:
        faults.append(
            WrongCommitError(
                f"tag {tag}: names {short(found.commit)}, but HEAD is {short(found.head)}; check "
                f"it out with: git switch --detach {tag}"
            )
        )
    if found.dirty:
        faults.append(
            DirtyTreeError(
                f"uncommitted changes in {listed(found.dirty)}; commit, stash or ignore them "
                f"first, since a release is made of the tagged commit alone"
            )
        )
    return faults


def source_of(git: Git, env: Mapping[str, str]) -> str | None:
    """Return the web address of the repository, without credentials; None if it has none."""
    server, repository = env.get("GITHUB_SERVER_URL"), env.get("GITHUB_REPOSITORY")
    if env.get("GITHUB_ACTIONS") == "true" and server and repository:
        return public_address(f"{server}/{repository}")
    remote = remote_of(git)
    url = git.config(f"remote.{remote}.url") if remote else None
    return public_address(url) if url else None
