"""Prove, with the default branch's code, that a tag may be released.

The tag and the commit that it names are data from outside: all that is believed of them is in git's
references and objects. The work tree is the default branch's, and says nothing of them.
"""

from __future__ import annotations

from dataclasses import dataclass

from tradai_tasks.errors import BadTagError, ShallowCloneError
from tradai_tasks.release.tags.ci_event import TagRequest
from tradai_tasks.release.tags.platform_version import check_order, neighbours, newest_major, stated
from tradai_tasks.release.tags.tag_references import (
    Refs,
    look_at_refs,
    raise_all,
    refs_faults,
    unknown_tag,
)
from tradai_tasks.release.tags.tagged_commit import version_of, workspace_at
from tradai_tasks.settings.backtest import for_strategy
from tradai_tasks.settings.model import Settings
from tradai_tasks.vcs.git import Git
from tradai_tasks.vcs.history import is_shallow
from tradai_tasks.workspace.discovery import Workspace
from tradai_tasks.workspace.tags import (
    ReleaseTag,
    check_release,
    check_version,
    parse_tag,
    tag_text,
)


@dataclass(frozen=True, kw_only=True, slots=True)
class Proof:
    """A tag that may be released."""

    tag: ReleaseTag
    commit: str
    backtested: bool = False  # whether it is of a strategy that has backtests


def prove(  # noqa: PLR0913 - a tag, and all that it is held against
    git: Git,
    text: str,
    *,
    workspace: Workspace,
    settings: Settings,
    file: str,
    request: TagRequest | None,
    main: str | None,
) -> Proof:
    """Prove that a tag may be released; raise TasksError if it may not.

    `text` is the tag: anything. `workspace`, `settings` and `file`, where these stand, are those of
    the default branch. `main` is the main branch's name, where it is known.
    """
    name = tag_text(text)
    if is_shallow(git):
        raise ShallowCloneError(
            f"tag {name}: this clone is shallow, so nothing can be proved in it; fetch the rest: "
            f"git fetch --unshallow --tags (in CI: fetch-depth: 0)"
        )
    refs = look_at_refs(git, name, branch=main)
    if refs.commit is None:
        tag = parse_tag(name, [package.slug for package in workspace.strategies])
        raise unknown_tag(tag)
    raise_all(refs_faults(name, refs, request=request, main=main))
    own, there = workspace_at(git, name, refs.commit)
    strategies = {p.slug: p for p in there.packages if p.is_strategy}
    tag = parse_tag(name, strategies if workspace.kind == "strategies" else ())
    if (tag.kind == "strategy") != (workspace.kind == "strategies"):
        raise BadTagError(
            f"tag {tag}: is a platform's, and this repository releases strategies; use a tag such "
            f"as momentum-v1.0.0"
        )
    check_release(tag)
    if tag.slug is None:
        _check_platform(git, tag, refs, there, settings, file)
        return Proof(tag=tag, commit=refs.commit)
    package = strategies[tag.slug]
    version = version_of(package, tag.slug)
    check_version(tag, version.version, file=version.file, name=version.name)
    backtest = for_strategy(own.backtest, package.settings.backtest)
    return Proof(tag=tag, commit=refs.commit, backtested=backtest.enabled)


def _check_platform(  # noqa: PLR0913, PLR0917 - all that a version is held against
    git: Git, tag: ReleaseTag, refs: Refs, there: Workspace, settings: Settings, file: str
) -> None:
    """Check a platform's version against the packages that decide it, else the other tags."""
    if tag.is_test or refs.commit is None:
        return
    packages = stated(there, settings, file=file)
    for version in packages:
        check_version(tag, version.version, file=version.file, name=version.name)
    if not packages:
        before, after = neighbours(git, refs.commit, refs)
        check_order(
            tag,
            before=before,
            after=after,
            major=newest_major(there.packages),
            jumps=settings.release.version_jumps,
        )
