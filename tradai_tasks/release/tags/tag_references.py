"""Check a tag by the git references of a clone: its commit, main, and branch names."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

from tradai_tasks.errors import (
    AmbiguousRefError,
    BadTagError,
    GitError,
    NotOnMainError,
    ReleaseRefusedError,
    TasksError,
    UnknownTagError,
    UntrustedEventError,
)
from tradai_tasks.release.tags.ci_event import TagRequest
from tradai_tasks.vcs.git import Git
from tradai_tasks.vcs.git_environment import run_git
from tradai_tasks.vcs.merge_base import Branch, default_branch, find_merge_base
from tradai_tasks.vcs.remotes import remote_of
from tradai_tasks.workspace.tags import ReleaseTag

_SHORT = 12  # digits of a commit in a message


@dataclass(frozen=True, kw_only=True, slots=True)
class Refs:
    """The references of a clone that concern a tag."""

    commit: str | None  # that refs/tags/<tag> names; None where there is no such tag
    branches: tuple[str, ...]  # references of branches that are named like the tag
    main: str | None  # what was taken for the main branch: "origin/main"
    not_on_main: str | None  # why the commit is not on it; None where it is
    main_commit: str | None = None


def look_at_refs(git: Git, tag: str, *, branch: str | None) -> Refs:
    """Read the git references that concern a tag.

    `tag` is read strictly before; `branch` is the main one, where it is known.

    Raises:
        GitError: git failed unexpectedly.
    """
    commit = tagged(git, tag)
    main = _main(git, branch)
    return Refs(
        commit=commit,
        branches=_branches(git, tag),
        main=None if main is None else main.shown,
        main_commit=None if main is None else main.commit,
        not_on_main=_not_on(git, commit, main),
    )


def tagged(git: Git, name: str) -> str | None:
    """Return the commit that a tag points to; None if there is no such tag.

    That there is one must be asked first: git takes `refs/tags/v1.0.0-gabc1234`, as `git describe`
    writes it, for the commit abc1234, whatever is before it.

    Raises:
        BadTagError: The tag is of something else than a commit.
        GitError: git cannot read the repository.
    """
    if not _exists(git, f"refs/tags/{name}"):
        return None
    commit = git.commit(f"refs/tags/{name}")
    if commit is None:
        ask(git, "cat-file", "-t", f"refs/tags/{name}^{{}}")  # else git cannot read anything
        raise BadTagError(
            f"tag {name}: is of no commit but of files alone, so nothing can be released; delete "
            f"it, and tag a commit"
        )
    return commit


def refs_faults(
    tag: str, refs: Refs, *, request: TagRequest | None = None, main: str | None = None
) -> list[TasksError]:
    """Return why the references of a clone forbid a release; `main` is for a message."""
    faults: list[TasksError] = []
    commit = short(refs.commit)
    if request is not None and request.commit not in {None, refs.commit}:
        faults.append(
            UntrustedEventError(
                f"tag {tag}: is at {commit}, but the CI event is of {short(request.commit)}; the "
                f"tag was moved, or the event is of a branch of that name; nothing is released"
            )
        )
    faults += branches_fault(tag, refs)
    if refs.main is None:
        faults.append(
            NotOnMainError(
                f"tag {tag}: there is no main branch to find it on ({main or 'main or master'}); "
                f"fetch it, or name it in the setting release.branch"
            )
        )
    elif refs.not_on_main:
        faults.append(
            NotOnMainError(
                f"tag {tag}: its commit {commit} is not on {refs.main} ({refs.not_on_main}); "
                f"merge and push it first, or tag a commit that is there"
            )
        )
    return faults


def branches_fault(tag: str, refs: Refs) -> list[TasksError]:
    """Return the fault of a tag that shares its name with a branch, if there is one."""
    if not refs.branches:
        return []
    return [
        AmbiguousRefError(
            f"tag {tag}: a branch has the same name ({', '.join(refs.branches)}); rename or "
            f"delete the branch, so that nobody can take one for the other"
        )
    ]


def unknown_tag(tag: ReleaseTag) -> UnknownTagError:
    """Return the error of a tag that is not in the clone."""
    how = f"nox -s bump -- {tag.slug} {tag.version} --tag" if tag.slug else f"git tag -a {tag}"
    return UnknownTagError(
        f"tag {tag}: no such tag in this clone; fetch it with: git fetch --tags, or make it: {how}"
    )


def raise_all(faults: Sequence[TasksError]) -> None:
    """Raise an error with all faults, a line each: ReleaseRefusedError if there are several.

    Raises:
        TasksError: There is one.
    """
    if len(faults) > 1:
        raise ReleaseRefusedError(*faults)
    if faults:
        raise faults[0]


def short(commit: str | None) -> str:
    """Return an abbreviated commit id, for a message."""
    return commit[:_SHORT] if commit else "no commit"


def ask(git: Git, *args: str) -> str:
    """Return what a git command prints; raise GitError if it failed."""
    done = git.run(*args, check=False)
    if done.returncode != 0:
        raise GitError(f"git {args[0]}: exit status {done.returncode}: {done.last_error}")
    return done.text.strip()


def _exists(git: Git, ref: str) -> bool:
    """Return whether a reference exists; git itself would also accept partial names."""
    return git.run("show-ref", "--verify", "--quiet", ref, check=False).returncode == 0


def _main(git: Git, name: str | None) -> Branch | None:
    """Find the main branch; ask the remote if the clone has only a tag."""
    found = default_branch(git, name)
    remote = remote_of(git)
    if found is None and name is None and remote is not None:
        argv = ["ls-remote", "--symref", "--quiet", "--", remote, "HEAD"]
        done = run_git(git.folder, *argv, env=git.env, check=False, timeout=60)
        pointed = re.match(r"ref: refs/heads/(\S+)\tHEAD$", done.text, re.MULTILINE)
        found = default_branch(git, pointed[1]) if pointed else None
    if found is None:
        return None
    ref = f"refs/{'heads' if found.shown == found.name else 'remotes'}/{found.shown}"
    # where there is no such branch, git would take a tag that is called `refs/remotes/origin/main`
    return None if git.commit(ref) is not None and not _exists(git, ref) else found


def _not_on(git: Git, commit: str | None, main: Branch | None) -> str | None:
    if commit is None or main is None:
        return None
    base = find_merge_base(git, commit, main.commit)
    if base.commit == commit:
        return None
    return base.fault or f"it branched off at {short(base.commit)}"


def _branches(git: Git, tag: str) -> tuple[str, ...]:
    """Return the local and remote branches that share the tag's name."""
    argv = ["for-each-ref", "--format=%(refname)", f"refs/heads/{tag}", f"refs/remotes/*/{tag}"]
    return tuple(ask(git, *argv).split())
