"""`build` and `publish`: build libraries without credentials, and upload what is missing."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable
from dataclasses import replace
from functools import partial
from pathlib import Path

import nox

from tradai_tasks.background import side_by_side
from tradai_tasks.errors import CheckFailedError, TasksError, UntrustedEventError
from tradai_tasks.extras import require
from tradai_tasks.release.engine.confinement import confine
from tradai_tasks.release.engine.step import Look, Preparing, Stage, Step
from tradai_tasks.release.libraries.library_publication import (
    LibraryBuild,
    index_for,
    libraries_to_publish,
    open_publish_stage,
)
from tradai_tasks.release.libraries.publish_step import check_files
from tradai_tasks.release.tags.ci_event import main_branch_of, read_event, tag_request
from tradai_tasks.release.tags.tag_validation import check, look
from tradai_tasks.release.tags.target_environment import environment_to_publish_for
from tradai_tasks.report import append_summary, print_table
from tradai_tasks.repository import Repository
from tradai_tasks.sessions.core.arguments import flag, option, parse, repeated
from tradai_tasks.sessions.core.context import Context
from tradai_tasks.sessions.core.dispatched import refuse_dispatch
from tradai_tasks.sessions.core.environments.environment import uv_program
from tradai_tasks.sessions.stages.run_stages import told_of_interrupts
from tradai_tasks.vcs.git import Git
from tradai_tasks.workspace.tags import ReleaseTag, check_release, parse_tag

_COLUMNS = ("library", "state", "what")
_TAG = option(
    "tag",
    "the release's tag: a test tag gives every library the version "
    "0.0.0.dev<commit time>, and with publish.lockstep each must have the tag's",
    nargs="?",
    metavar="TAG",
)
_ONLY = repeated("--only", "just this library", metavar="NAME")
_BUILD_OPTIONS = [
    _TAG,
    option("--out", "folder to build into; by default dist", default="dist", metavar="DIR"),
    _ONLY,
]
_PUBLISH_OPTIONS = [
    _TAG,
    option("--dist", "publish what `build` made there, instead of building", metavar="DIR"),
    _ONLY,
    option(
        "--environment",
        "to the CodeArtifact of dev, staging, prod or one of the settings; by default "
        "of the one that deploy.tags says of the tag",
        metavar="NAME",
    ),
    flag("--dry-run", "ask the index, and upload nothing"),
    flag(
        "--skip-existing",
        "what is done anyway: a file that the index has with the same bytes is left, "
        "one with other bytes is an error",
    ),
]


def build(session: nox.Session, context: Context) -> None:
    """Build the libraries into a folder; credentials are neither needed nor passed on."""
    options = parse(session, _BUILD_OPTIONS)
    repository = context.repository
    libraries = libraries_to_publish(repository, options.only)  # nothing to build needs no extra
    require("release")
    tag = _tag(options.tag)
    git = Git.open(repository.root)
    if git.status():
        session.warn("the work tree has uncommitted changes, and they are in what is built")
    out = session.invoked_from / Path(options.out)
    made = _made_by(session, repository, tag).run(git, libraries, out)
    for files in made.values():
        check_files(files)
    rows = [(name, file.filename, file.sha256) for name, files in made.items() for file in files]
    print_table(f"built into {out}", ("library", "file", "sha256"), rows)
    append_summary(("library", "file", "sha256"), rows)


def publish(session: nox.Session, context: Context) -> None:
    """Look at the index, print the missing files, and upload them."""
    options = parse(session, _PUBLISH_OPTIONS)
    repository = context.repository
    libraries_to_publish(repository, options.only)  # nothing to publish needs no extra and no index
    tag = _trusted(repository, options.tag)
    environment = environment_to_publish_for(
        tag, repository.settings.deploy, override=options.environment
    )
    if not options.dry_run:
        refuse_dispatch(repository, None if environment is None else environment.name)
    if options.skip_existing:
        session.log(
            "--skip-existing: as always, what the index has with the same bytes is left, and what "
            "it has with other bytes is an error"
        )
    dist = None if options.dist is None else session.invoked_from / Path(options.dist)
    made_by = _made_by(session, repository, tag)
    with (
        told_of_interrupts(session, "publish", made_by.stop),
        open_publish_stage(made_by, only=options.only, dist=dist, environment=environment) as stage,
    ):
        found = _each(stage, stage.steps, lambda step: step.look({}))
        todo = [step for step in stage.steps if found[step.name].state == "todo"]
        if not options.dry_run:
            # before the first upload, so that nothing is published if twine refuses a file
            _each(stage, todo, lambda step: _prepared(step, found[step.name]))
            found |= _each(stage, todo, lambda step: step.act({}))
    rows = [(name, look.state, look.note) for name, look in found.items()]
    print_table(f"publish to {index_for(repository, environment).shown}", _COLUMNS, rows)
    append_summary(_COLUMNS, rows)
    if options.dry_run and todo:
        session.log("nothing was uploaded: this is a dry run")
    elif not todo:
        session.log("nothing to do: the index has it all already")


def _made_by(session: nox.Session, repository: Repository, tag: ReleaseTag | None) -> LibraryBuild:
    return LibraryBuild(
        repository=repository,
        tag=tag,
        uv=uv_program,
        warn=session.warn,
        confinement=confine(Git.open(repository.root), os.environ),
    )


def _tag(text: str | None) -> ReleaseTag | None:
    """Parse the tag of a platform; a strategy's tag publishes no library."""
    if text is None:
        return None
    tag = parse_tag(text, ())
    check_release(tag)
    return tag


def _trusted(repository: Repository, text: str | None) -> ReleaseTag | None:
    """Parse the tag; in a `workflow_run` it is the event's, and is validated in the clone first.

    The work tree is not validated: the files to publish may come from another job.

    Raises:
        UntrustedEventError: The event is not trusted, or is for another tag.
        TasksError: The tag cannot be released.
    """
    event = read_event(os.environ)
    request = tag_request(os.environ, event)
    if request is None or not request.is_workflow_run:
        return _tag(text)
    by_event = _tag(request.tag)
    tag = by_event if text is None else _tag(text)
    if tag is None or tag != by_event:
        raise UntrustedEventError(
            f"tag {tag}: the workflow_run event is of tag {by_event}; publish that one, or let "
            f"the event alone name it"
        )
    named = repository.settings.release.branch
    git = Git.open(repository.root)
    found = look(git, tag, branch=named or main_branch_of(event), env=os.environ)
    check(tag, replace(found, dirty=()), None, request=request, main=named)
    return tag


def _prepared(step: Step, look: Look) -> Look:
    """Run a step's preparation before it acts."""
    if isinstance(step, Preparing):
        step.prepare({})
    return look


def _each(stage: Stage, steps: Iterable[Step], action: Callable[[Step], Look]) -> dict[str, Look]:
    """Apply a function to every step, also after one has failed; then raise what was raised.

    Raises:
        TasksError: One step failed.
        CheckFailedError: Several steps failed.
    """
    faults: list[TasksError] = []

    def guarded(step: Step) -> tuple[str, Look] | None:
        try:
            return step.name, action(step)
        except TasksError as fault:
            faults.append(fault)
            return None

    found = side_by_side([partial(guarded, step) for step in steps], stage.parallel)
    done = [one for one in found if one is not None]
    distinct = list({str(fault): fault for fault in faults}.values())
    if len(distinct) == 1:
        raise distinct[0]
    if distinct:
        raise CheckFailedError(*distinct)
    return dict(done)
