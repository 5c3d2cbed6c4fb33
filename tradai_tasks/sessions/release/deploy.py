"""`lambdas` and `deploy`: bring Lambda functions and ECS services to a release."""

from __future__ import annotations

import os
from argparse import Namespace
from dataclasses import replace
from functools import partial

import nox

from tradai_tasks.errors import (
    BadArgumentsError,
    BadTagError,
    ReleaseRefusedError,
    UnmappedTagError,
)
from tradai_tasks.release.deploy.dispatch import dispatch
from tradai_tasks.release.engine.confinement import allowance_of
from tradai_tasks.release.stages.outline import deployment, environment_for, lambdas_alone
from tradai_tasks.release.tags.ci_event import read_event, tag_request
from tradai_tasks.release.tags.tag_references import tagged
from tradai_tasks.release.tags.tag_validation import tree_holds
from tradai_tasks.release.tags.target_environment import Environment
from tradai_tasks.report import mask_environment
from tradai_tasks.repository import Repository
from tradai_tasks.sessions.core.arguments import flag, option, parse
from tradai_tasks.sessions.core.context import Context
from tradai_tasks.sessions.release import images
from tradai_tasks.sessions.stages.options import LOOKS, ONLY, TAG, wanted_of
from tradai_tasks.sessions.stages.run_stages import Basis, basis_of, run_stages
from tradai_tasks.vcs.git import Git

_ENVIRONMENT = option(
    "--environment",
    "where to: dev, staging, prod, or one of the settings; by default as deploy.tags "
    "says of the tag. A test tag goes to dev whatever is said",
    metavar="NAME",
)
_LAMBDA_OPTIONS = [
    *images.OPTIONS,
    _ENVIRONMENT,
    option(
        "--version",
        "without a tag: the version of the commit that is checked out, as an earlier "
        "job of the same run has computed it; by default <latest tag>-g<commit>",
        metavar="VERSION",
    ),
    flag("--images-only", "build and push; leave the functions alone"),
    flag(
        "--rollback", "take functions back that run a newer release, and point `latest` at this one"
    ),
]
_DEPLOY_OPTIONS = [
    TAG,
    *LOOKS,
    _ENVIRONMENT,
    ONLY,
    flag(
        "--rollback",
        "take services back that run a newer release: first point `latest` of each at "
        "the tag's image, whatever it is now",
    ),
]


def lambdas(session: nox.Session, context: Context) -> None:
    """Build and push the lambdas' images, and update the functions."""
    doc = (
        "Build and push the images of lambdas, update each function whose image differs, wait, and "
        "publish a version of it."
    )
    options = _checked_options(parse(session, _LAMBDA_OPTIONS, doc))
    repository = context.repository
    mask_environment(allowance=allowance_of(repository.settings))
    by_event = tag_request(os.environ, read_event(os.environ)) is not None
    if options.matrix and not (options.tag or options.version or options.environment or by_event):
        images.print_matrix(repository, "lambda", options.only)
        return
    basis = _of_lambdas(repository, options, by_event=by_event)
    tag = basis.release.tag
    environment = None
    notes: tuple[str, ...] = ()
    # without a tag, the environment must be named
    if not options.images_only and (basis.is_tagged or options.environment):
        environment, notes = _destination(repository, basis, options)
    if options.matrix:
        for note in notes:
            session.log(note)
        where = {"environment": environment.name} if environment else {}
        images.print_matrix(repository, "lambda", options.only, version=tag.text, **where)
        return
    outline = lambdas_alone(
        latest=images.latest_rule_of(options, tag),
        only=options.only,
        environment=environment,
        rollback=options.rollback,
        notes=notes,
    )
    run_stages(session, context, outline, basis, wanted_of(options))


def deploy(session: nox.Session, context: Context) -> None:
    """Deploy a release to an environment's services, and verify every running task's image."""
    doc = (
        "Force a new deployment of each service whose tasks run another image than the release's, "
        "wait, and verify the image of every running task."
    )
    options = _checked_options(parse(session, _DEPLOY_OPTIONS, doc))
    mask_environment(allowance=allowance_of(context.repository.settings))
    basis = _of_services(context.repository, options)
    environment, notes = _destination(context.repository, basis, options)
    if environment is None:
        raise ReleaseRefusedError(*basis.excused)  # there is nothing to plan
    outline = deployment(
        only=options.only, environment=environment, rollback=options.rollback, notes=notes
    )
    run_stages(session, context, outline, basis, wanted_of(options))


def _destination(
    repository: Repository, basis: Basis, options: Namespace
) -> tuple[Environment | None, tuple[str, ...]]:
    """Return where a release is deployed, and lines to print on it.

    For a plan, None where no rule says where; that is one of the faults in its way then.
    """
    try:
        return environment_for(repository, basis.release.tag, options.environment)
    except UnmappedTagError as fault:
        if not options.dry_run:
            raise
        basis.excused.append(fault)
        return None, ()


def _checked_options(options: Namespace) -> Namespace:
    """Return the options; an absent input of a workflow is an empty string.

    Raises:
        BadArgumentsError: The environment is empty, which must not mean that a rule chooses it.
    """
    for name in ("tag", "version"):
        setattr(options, name, getattr(options, name, None) or None)
    if options.environment is not None and not options.environment.strip():
        raise BadArgumentsError(
            "--environment: is empty; name one (dev, staging, prod), or leave the option out to "
            "have deploy.tags say where a tag goes"
        )
    return options


def _of_lambdas(repository: Repository, options: Namespace, *, by_event: bool) -> Basis:
    """Return the source of the lambdas: a tag's commit, or the checked-out one without a tag.

    Without a tag, `--environment` or `--version` must be given, to make the intent explicit.
    """
    git = Git.open(repository.root)
    if options.tag is not None and options.version is not None:
        raise BadArgumentsError("lambdas: give a tag or --version, not both")
    version = options.version
    # a job of a tagged run gets the tag in the same way
    is_tagged = version is not None and tagged(git, version) is not None
    text = version if is_tagged else options.tag
    named = version or options.environment or options.images_only
    if text is None and not by_event and named:
        made = dispatch(git, repository.root, os.environ, version)
        # a rule such as `any` would deploy an untagged commit to prod
        if not (options.environment or options.images_only or options.matrix):
            raise BadArgumentsError(
                f"lambdas: version {version} is of no tag, so no rule of deploy.tags is for it; "
                f"say where it goes: --environment dev"
            )
        return Basis(release=made, holds=partial(tree_holds, git, made), is_tagged=False)
    return _of_platform(repository, text, options, session="lambdas", strictly=not options.status)


def _of_services(repository: Repository, options: Namespace) -> Basis:
    """Return the release to deploy: the one that a tag names, whatever is checked out.

    The image is in the registry; but a tag from a CI event is validated as for a release.
    """
    request = tag_request(os.environ, read_event(os.environ))
    strictly = options.tag is None or (request is not None and request.is_workflow_run)
    basis = _of_platform(repository, options.tag, options, session="deploy", strictly=strictly)
    return replace(basis, holds=_nothing_to_hold, needs_lock=False)


def _nothing_to_hold(*, untracked: bool) -> None:
    """Check nothing: nothing of the work tree is deployed."""


def _of_platform(
    repository: Repository, text: str | None, options: Namespace, *, session: str, strictly: bool
) -> Basis:
    basis = basis_of(repository, text, session=session, strictly=strictly, dry_run=options.dry_run)
    tag = basis.release.tag
    if tag.kind != "platform":
        raise BadTagError(f"tag {tag}: is a strategy's, which has no services and no lambdas")
    return basis
