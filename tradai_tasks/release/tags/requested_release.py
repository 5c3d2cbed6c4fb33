"""The release that a command line or a CI event asks for, validated in the clone."""

from __future__ import annotations

import os
from dataclasses import replace
from functools import partial

from tradai_tasks.errors import BadArgumentsError, TasksError, UntrustedEventError
from tradai_tasks.release.engine.released_package import package_of
from tradai_tasks.release.engine.step import Release
from tradai_tasks.release.tags.ci_event import TagRequest, main_branch_of, read_event, tag_request
from tradai_tasks.release.tags.tag_validation import check, check_branches, look, release_of
from tradai_tasks.release.tags.tagged_commit import version_of
from tradai_tasks.repository import Repository
from tradai_tasks.vcs.git import Git
from tradai_tasks.vcs.history import commit_time
from tradai_tasks.workspace.tags import ReleaseTag, parse_tag


def requested_release(
    repository: Repository,
    text: str | None,
    *,
    strictly: bool,
    session: str,
    excused: list[TasksError] | None = None,
) -> Release:
    """Return the release that a tag names, or the CI event, after validating the tag.

    Args:
        text: The tag; None for that of the CI event.
        strictly: Whether the work tree must be at the commit, and that on the main branch.
        session: The session that asks, for messages.
        excused: For a plan: takes the faults of the tag, which then do not end it; a tag that is
            missing is taken to be at HEAD.

    Raises:
        TasksError: There is no such release to make.
    """
    git = Git.open(repository.root)
    event = read_event(os.environ)
    request = tag_request(os.environ, event)
    tag = _tag(repository, text, request, session)
    package = package_of(repository, tag)
    named = repository.settings.release.branch
    found = look(git, tag, branch=named or main_branch_of(event), env=os.environ)
    judge = partial(check_branches, tag)
    if strictly:
        versioned = None
        if package is not None:
            versioned = version_of(package, repository.workspace.session_id(package))
        judge = partial(check, tag, versioned=versioned, request=request, main=named)
    exists = True
    try:
        judge(found)
    except TasksError as fault:
        if excused is None or request is not None:  # of an event no fault is excused
            raise
        excused.append(fault)
        if found.commit is None and found.head is not None:
            exists = False
            found = replace(found, commit=found.head, time=commit_time(git, found.head))
            try:
                judge(found)
            except TasksError as other:
                excused.append(other)
    return replace(release_of(tag, found, repository.root), has_tag=exists)


def _tag(
    repository: Repository, text: str | None, request: TagRequest | None, session: str
) -> ReleaseTag:
    """Return the tag of the command line or of the CI event; if both name one, they must agree."""
    slugs = [package.slug for package in repository.workspace.strategies]
    if text is None and request is None:
        example = f"{[*slugs, 'momentum'][0]}-v1.0.0" if repository.is_of_strategies else "v1.2.0"
        raise BadArgumentsError(
            f"which tag? such as: nox -s {session} -- {example}; only in a CI run of a pushed tag, "
            f"or in one that follows it (workflow_run), it need not be named"
        )
    if request is None:
        return parse_tag(str(text), slugs)
    by_event = None
    if text is None or request.is_workflow_run:
        by_event = parse_tag(request.tag, slugs)
    tag = by_event if text is None else parse_tag(text, slugs)
    if tag is None or (by_event is not None and by_event != tag):
        raise UntrustedEventError(
            f"tag {tag}: the workflow_run event is of tag {by_event}; release that one, or let the "
            f"event alone name it"
        )
    return tag
