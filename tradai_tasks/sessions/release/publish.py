"""`build` and `publish`: build libraries without credentials, and upload what is missing."""

from __future__ import annotations

import functools
import os
import tempfile
from collections.abc import Callable, Iterable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from dataclasses import replace
from pathlib import Path

import nox
from packaging.version import Version

from tradai_tasks.errors import CheckFailedError, DistributionError, TasksError, UntrustedEventError
from tradai_tasks.extras import require
from tradai_tasks.release.engine.confinement import Confinement, allowance_of, confine
from tradai_tasks.release.engine.step import Look, Preparing, Stage, Step
from tradai_tasks.release.libraries.distributions import Distribution, distributions_in
from tradai_tasks.release.libraries.publish_step import Publisher, check_files, publish_stage
from tradai_tasks.release.libraries.publish_target import PublishTarget, target_of
from tradai_tasks.release.libraries.unpublished_requirements import check_requirements
from tradai_tasks.release.libraries.wheel_build import (
    Wheelhouse,
    build_env,
    refuse_dirty,
    version_of_test,
)
from tradai_tasks.release.libraries.wheel_build import build as build_libraries
from tradai_tasks.release.libraries.wheel_contents import check_wheel, source_of
from tradai_tasks.release.tags.ci_event import main_branch_of, read_event, tag_request
from tradai_tasks.release.tags.tag_validation import check, look
from tradai_tasks.release.tags.target_environment import Environment, environment_to_publish_for
from tradai_tasks.report import append_summary, print_table
from tradai_tasks.sessions.core.arguments import Option, parse
from tradai_tasks.sessions.core.context import Context
from tradai_tasks.sessions.core.dispatched import refuse_dispatch
from tradai_tasks.sessions.core.environment import uv_program
from tradai_tasks.vcs.git import Git
from tradai_tasks.vcs.history import commit_time
from tradai_tasks.workspace.discovery import Package
from tradai_tasks.workspace.published_libraries import chosen, libraries_of
from tradai_tasks.workspace.tags import ReleaseTag, check_release, parse_tag

__all__ = ["build", "opened_stage", "publish"]

_COLUMNS = ("library", "state", "what")
_TAG: Option = (
    ("tag",),
    {
        "nargs": "?",
        "metavar": "TAG",
        "help": "the release's tag: a test tag gives every library the version "
        "0.0.0.dev<commit time>, and with publish.lockstep each must have the tag's",
    },
)
_ONLY: Option = (
    ("--only",),
    {"action": "append", "default": [], "metavar": "NAME", "help": "just this library"},
)
_BUILD_DOC = "Build the libraries that are published, reproducibly."
_BUILD_OPTIONS: list[Option] = [
    _TAG,
    (
        ("--out",),
        {"default": "dist", "metavar": "DIR", "help": "folder to build into; by default dist"},
    ),
    _ONLY,
]
_PUBLISH_DOC = (
    "Publish the libraries: upload what is missing from the index, and change nothing else there."
)
_PUBLISH_OPTIONS: list[Option] = [
    _TAG,
    (
        ("--dist",),
        {"metavar": "DIR", "help": "publish what `build` made there, instead of building"},
    ),
    _ONLY,
    (
        ("--environment",),
        {
            "metavar": "NAME",
            "help": "to the CodeArtifact of dev, staging, prod or one of the settings; by default "
            "of the one that deploy.tags says of the tag",
        },
    ),
    (("--dry-run",), {"action": "store_true", "help": "ask the index, and upload nothing"}),
]


def build(session: nox.Session, context: Context) -> None:
    """Build the libraries into a folder; credentials are neither needed nor passed on."""
    options = parse(session, _BUILD_OPTIONS, _BUILD_DOC)
    require("release")
    libraries = _libraries(context, options.only)
    tag = _tag(options.tag)
    git = Git.open(context.root)
    if git.status():
        session.warn("the work tree has uncommitted changes, and they are in what is built")
    out = session.invoked_from / Path(options.out)
    made = _build(context, git, libraries, out, tag, confinement=confine(git, os.environ))
    for files in made.values():
        check_files(files)
    _check_contents(context, git, libraries, made, session.warn)
    rows = [(name, file.filename, file.sha256) for name, files in made.items() for file in files]
    print_table(f"built into {out}", ("library", "file", "sha256"), rows)
    append_summary(("library", "file", "sha256"), rows)


def publish(session: nox.Session, context: Context) -> None:
    """Look at the index, print the missing files, and upload them."""
    options = parse(session, _PUBLISH_OPTIONS, _PUBLISH_DOC)
    tag = _trusted(context, options.tag)
    environment = environment_to_publish_for(
        tag, context.settings.deploy, override=options.environment
    )
    if not options.dry_run:
        refuse_dispatch(context, None if environment is None else environment.name)
    target = _target(context, environment)
    dist = None if options.dist is None else session.invoked_from / Path(options.dist)
    with opened_stage(
        context,
        tag,
        confinement=confine(Git.open(context.root), os.environ),
        warn=session.warn,
        only=options.only,
        dist=dist,
        environment=environment,
    ) as stage:
        found = _each(stage, stage.steps, lambda step: step.look({}))
        todo = [step for step in stage.steps if found[step.name].state == "todo"]
        if not options.dry_run:
            # before the first upload, so that nothing is published if twine refuses a file
            _each(stage, todo, lambda step: _prepared(step, found[step.name]))
            found |= _each(stage, todo, lambda step: step.act({}))
    rows = [(name, look.state, look.note) for name, look in found.items()]
    print_table(f"publish to {target.shown}", _COLUMNS, rows)
    append_summary(_COLUMNS, rows)
    if options.dry_run and todo:
        session.log("nothing was uploaded: this is a dry run")
    elif not todo:
        session.log("nothing to do: the index has it all already")


@contextmanager
def opened_stage(  # noqa: PLR0913 - what may be published, by keyword
    context: Context,
    tag: ReleaseTag | None,
    *,
    confinement: Confinement,
    warn: Callable[[str], None],
    only: Iterable[str] = (),
    dist: Path | None = None,
    environment: Environment | None = None,
) -> Iterator[Stage]:
    """Yield the stage that publishes the libraries; its connections are open for as long.

    Args:
        context: The repository.
        tag: The release, if it is for one.
        confinement: Confinement of the repository's own code, which builds run.
        warn: Called with warnings.
        only: Names of libraries; all if empty.
        dist: Folder that `build` has filled, to publish instead of building.
        environment: The environment whose index to use; None for the common one.

    Raises:
        TasksError: The settings, the work tree or the folder have a fault.
    """
    settings = context.settings.publish
    libraries = _libraries(context, only)
    target = _target(context, environment)
    with ExitStack() as stack:
        if dist is None:
            scratch = tempfile.TemporaryDirectory(
                prefix="tradai-wheels-", dir=confinement.scratch, ignore_cleanup_errors=True
            )
            out = Path(stack.enter_context(scratch))
            files = _built_meanwhile(
                context, libraries, tag, scratch=out, warn=warn, confinement=confinement
            )
        else:
            files = _ready(context, libraries, dist, tag, warn)
        publisher = stack.enter_context(Publisher(target, timeout=settings.timeout))
        yield publish_stage(files, publisher, tag=tag, lockstep=settings.lockstep)


def _target(context: Context, environment: Environment | None) -> PublishTarget:
    settings = context.settings.publish
    settings = settings if environment is None else environment.published(settings)
    return target_of(settings, os.environ, file=context.settings_file)


def _libraries(context: Context, only: Iterable[str]) -> tuple[Package, ...]:
    every = libraries_of(context.workspace, context.settings.publish, file=context.settings_file)
    return chosen(every, only)


def _tag(text: str | None) -> ReleaseTag | None:
    """Parse the tag of a platform; a strategy's tag publishes no library."""
    if text is None:
        return None
    tag = parse_tag(text, ())
    check_release(tag)
    return tag


def _trusted(context: Context, text: str | None) -> ReleaseTag | None:
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
    named = context.settings.release.branch
    git = Git.open(context.root)
    found = look(git, tag, branch=named or main_branch_of(event), env=os.environ)
    check(tag, replace(found, dirty=()), None, request=request, main=named)
    return tag


def _build(  # noqa: PLR0913 - the inputs of a build
    context: Context,
    git: Git,
    libraries: tuple[Package, ...],
    out: Path,
    tag: ReleaseTag | None,
    *,
    confinement: Confinement,
    commit: str | None = None,
) -> Mapping[str, tuple[Distribution, ...]]:
    settings = context.settings.publish
    version = None
    if tag is not None and tag.is_test:
        version = version_of_test(commit_time(git, git.require_commit("HEAD", "")))
    return build_libraries(
        git,
        libraries,
        out,
        env=build_env(os.environ, allowance_of(context.settings)),
        uv=uv_program(),
        sdist=settings.sdist,
        version=version,
        commit=commit,
        sandbox=confinement.sandbox,
        hidden=confinement.scratch,
    )


def _built_meanwhile(  # noqa: PLR0913 - as above
    context: Context,
    libraries: tuple[Package, ...],
    tag: ReleaseTag | None,
    *,
    scratch: Path,
    warn: Callable[[str], None],
    confinement: Confinement,
) -> dict[str, Callable[[], tuple[Distribution, ...]]]:
    """Return the libraries, built in the background from the commit."""
    git = Git.open(context.root)
    refuse_dirty(git)
    commit = git.require_commit("HEAD", "")

    def make() -> Mapping[str, tuple[Distribution, ...]]:
        made = _build(context, git, libraries, scratch, tag, confinement=confinement, commit=commit)
        _check_contents(context, git, libraries, made, warn)
        return made

    house = Wheelhouse(make)
    house.begin()  # while the index is looked up and a token requested
    return {one.name: functools.partial(house.files, one.name) for one in libraries}


def _ready(
    context: Context,
    libraries: tuple[Package, ...],
    folder: Path,
    tag: ReleaseTag | None,
    warn: Callable[[str], None],
) -> dict[str, Callable[[], tuple[Distribution, ...]]]:
    """Return the libraries from a folder of built files, which must be those of the checkout."""
    settings = context.settings.publish
    names = [one.name for one in libraries]
    every = libraries_of(context.workspace, settings, file=context.settings_file)
    others = {one.name for one in every}  # with --only, their files may be there
    made = distributions_in(folder, names, sdist=settings.sdist, others=others)
    git = Git.open(context.root)
    for library in libraries:
        version: str | None = library.document["project"].get("version")  # None if it is dynamic
        said_by, argument = f"{library.path}/pyproject.toml", ""
        if tag is not None and tag.is_test:
            version = version_of_test(commit_time(git, git.require_commit("HEAD", "")))
            said_by, argument = f"{tag} is a test tag", f"{tag} "
        if version is None:
            warn(
                f"{said_by}: the version is dynamic, so the files of {library.name} in {folder} "
                f"were not compared with it"
            )
        for file in made[library.name]:
            if version is not None and file.version != Version(version):
                raise DistributionError(
                    f"{folder}: {file.filename} has version {file.version}, and this checkout has "
                    f"{version} ({said_by}); build it by: nox -s build -- {argument}--out {folder}"
                )
    _check_requirements(context, made)
    return {name: functools.partial(_same, files) for name, files in made.items()}


def _same(files: tuple[Distribution, ...]) -> tuple[Distribution, ...]:
    return files


def _check_requirements(context: Context, made: Mapping[str, tuple[Distribution, ...]]) -> None:
    settings = context.settings.publish
    every = libraries_of(context.workspace, settings, file=context.settings_file)
    published = {*(one.name for one in every), *(one.name for one in settings.elsewhere)}
    check_requirements(made, context.workspace, published)


def _check_contents(
    context: Context,
    git: Git,
    libraries: tuple[Package, ...],
    made: Mapping[str, tuple[Distribution, ...]],
    warn: Callable[[str], None],
) -> None:
    """Check what was built: every module is in its wheel, and it can be installed.

    Raises:
        IncompleteWheelError: A wheel does not hold what its package has.
        UnpublishedRequirementError: A library requires what is not published.
    """
    _check_requirements(context, made)
    known = (*(entry.path for entry in git.index()), *(entry.path for entry in git.status()))
    paths = sorted({path for path in known if context.tree.is_file(path)})
    for library in libraries:
        source = source_of(paths, library, context.layout(library), context.inventory)
        for wheel in (file for file in made[library.name] if file.kind == "wheel"):
            left_out = context.settings.publish.left_out
            for line in check_wheel(wheel, library, source, context.tree.read, left_out):
                warn(line)


def _prepared(step: Step, look: Look) -> Look:
    """Run a step's preparation before it acts."""
    if isinstance(step, Preparing):
        step.prepare({})
    return look


def _each(stage: Stage, steps: Iterable[Step], action: Callable[[Step], Look]) -> dict[str, Look]:
    """Apply a function to every step; a step that fails does not stop the others.

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

    with ThreadPoolExecutor(max_workers=stage.parallel) as pool:
        done = [one for one in pool.map(guarded, steps) if one is not None]
    distinct = list({str(fault): fault for fault in faults}.values())
    if len(distinct) == 1:
        raise distinct[0]
    if distinct:
        raise CheckFailedError(*distinct)
    return dict(done)
