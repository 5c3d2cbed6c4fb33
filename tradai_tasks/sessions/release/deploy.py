"""`lambdas` and `deploy`: bring Lambda functions and ECS services to a release."""

from __future__ import annotations

import os
from argparse import Namespace
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import replace
from functools import partial

import nox

from tradai_tasks.errors import BadArgumentsError, BadTagError
from tradai_tasks.release.clients.aws import Aws
from tradai_tasks.release.clients.image_reference import home_of
from tradai_tasks.release.deploy.deploy_stages import (
    DEPLOY,
    FUNCTIONS,
    LATEST_STAGE,
    DeployTarget,
    function_stage,
    latest_stage,
    service_stage,
)
from tradai_tasks.release.deploy.dispatch import dispatch
from tradai_tasks.release.engine.step import Stage
from tradai_tasks.release.images.image_specs import image_specs, select
from tradai_tasks.release.images.image_tools import ImageTools, open_image_tools
from tradai_tasks.release.images.platform_images import (
    BASE_STAGE,
    LAMBDA_STAGE,
    lambda_image_stages,
)
from tradai_tasks.release.tags.ci_event import read_event, tag_request
from tradai_tasks.release.tags.tag_references import tagged
from tradai_tasks.release.tags.tag_validation import still_holds, tree_holds
from tradai_tasks.release.tags.target_environment import (
    Environment,
    check_names,
    environment_of,
)
from tradai_tasks.report import mask_environment
from tradai_tasks.sessions.core.arguments import Option, parse
from tradai_tasks.sessions.core.context import Context
from tradai_tasks.sessions.release import images
from tradai_tasks.sessions.release.release import (
    LOOKS,
    TAG,
    Basis,
    Stages,
    run_stages,
    validated,
    wanted_of,
)
from tradai_tasks.sessions.release.stages import Needs
from tradai_tasks.vcs.git import Git
from tradai_tasks.workspace.tags import ReleaseTag

__all__ = ["deploy", "environment_for", "lambdas", "target_at"]

_ENVIRONMENT: Option = (
    ("--environment",),
    {
        "metavar": "NAME",
        "help": "where to: dev, staging, prod, or one of the settings; by default as deploy.tags "
        "says of the tag. A test tag goes to dev whatever is said",
    },
)
_LAMBDA_OPTIONS: list[Option] = [
    *images.OPTIONS,
    _ENVIRONMENT,
    (
        ("--version",),
        {
            "metavar": "VERSION",
            "help": "without a tag: the version of the commit that is checked out, as an earlier "
            "job of the same run has computed it; by default <latest tag>-g<commit>",
        },
    ),
    (
        ("--images-only",),
        {"action": "store_true", "help": "build and push; leave the functions alone"},
    ),
]
_DEPLOY_OPTIONS: list[Option] = [
    TAG,
    *LOOKS,
    _ENVIRONMENT,
    (
        ("--only",),
        {"action": "append", "default": [], "metavar": "NAME", "help": "just this; repeatable"},
    ),
    (
        ("--rollback",),
        {
            "action": "store_true",
            "help": "first point `latest` of each service at the tag's image, whatever it is now",
        },
    ),
]


def lambdas(session: nox.Session, context: Context) -> None:
    """Build and push the lambdas' images, and update the functions."""
    doc = (
        "Build and push the images of lambdas, update each function whose image differs, wait, and "
        "publish a version of it."
    )
    options = _given(parse(session, _LAMBDA_OPTIONS, doc))
    mask_environment()
    by_event = tag_request(os.environ, read_event(os.environ)) is not None
    if options.matrix and not (options.tag or options.version or options.environment or by_event):
        images.print_matrix(context, options, ("lambda",))
        return
    basis = _of_lambdas(context, options, by_event=by_event)
    tag = basis.release.tag
    environment = None
    # without a tag, the environment must be named
    if not options.images_only and (basis.is_tagged or options.environment):
        environment = environment_for(session, context, tag, options)
    if options.matrix:
        where = {"environment": environment.name} if environment else {}
        images.print_matrix(context, options, ("lambda",), version=tag.text, **where)
        return
    if set(options.only) == {images.BASE}:
        environment = None  # the base has no function
    # evidence for some lambdas must not count for all of them
    names = [BASE_STAGE, "-".join([LAMBDA_STAGE, *options.only])]
    if environment is not None:
        names.append("-".join([FUNCTIONS, environment.name, *options.only]))

    @contextmanager
    def opened(context: Context, needs: Needs) -> Iterator[tuple[Stage, ...]]:
        made = needs.release
        with images.opened_images(context, options, ("base", "lambda"), needs) as (
            specs,
            tools,
        ):
            rule = images.latest_rule_of(options, made.tag)
            found = [*lambda_image_stages(made, images=specs, tools=tools, latest=rule)]
            if environment is not None:
                own = [spec for spec in specs if spec.kind == "lambda"]
                target = target_at(context, environment, tools)
                found.append(function_stage(made.tag.text, made.commit, own, target))
            yield tuple(replace(stage, name=name) for stage, name in zip(found, names, strict=True))

    order, target = dict.fromkeys(names, False), None if environment is None else environment.name
    _run(session, context, options, order, opened, basis, target)


def deploy(session: nox.Session, context: Context) -> None:
    """Deploy a release to an environment's services, and verify every running task's image."""
    doc = (
        "Force a new deployment of each service whose tasks run another image than the release's, "
        "wait, and verify the image of every running task."
    )
    options = _given(parse(session, _DEPLOY_OPTIONS, doc))
    mask_environment()
    basis = _of_services(context, options)
    tag = basis.release.tag
    environment = environment_for(session, context, tag, options)
    names = ["-".join([LATEST_STAGE, *options.only])] if options.rollback else []
    names.append("-".join([DEPLOY, environment.name, *options.only]))

    @contextmanager
    def opened(context: Context, needs: Needs) -> Iterator[tuple[Stage, ...]]:
        settings = context.settings.images
        home = home_of(settings, os.environ)
        every = image_specs(context.workspace, settings, home, context.tree, kinds=["service"])
        specs = select(every, options.only)
        with open_image_tools(settings, home, root=context.root, env=os.environ) as tools:
            target = target_at(context, environment, tools)
            commit, found = needs.release.commit, []
            if options.rollback:
                found.append(latest_stage(tag.text, specs, tools.registry, commit=commit))
            found.append(
                service_stage(tag.text, specs, target, commit=commit, after_images=options.rollback)
            )
            yield tuple(replace(stage, name=name) for stage, name in zip(found, names, strict=True))

    order = dict.fromkeys(names, False)
    _run(session, context, options, order, opened, basis, environment.name)


def _given(options: Namespace) -> Namespace:
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


def _run(  # noqa: PLR0913, PLR0917 - the parts of a run
    session: nox.Session,
    context: Context,
    options: Namespace,
    order: Mapping[str, bool],
    opened: Stages,
    basis: Basis,
    where: str | None,
) -> None:
    wanted = wanted_of(options, only=[], start=None)
    run_stages(
        session,
        context,
        options,
        wanted,
        order=lambda _: order,
        opened=opened,
        basis=basis,
        where=lambda: where,
    )


def _of_lambdas(context: Context, options: Namespace, *, by_event: bool) -> Basis:
    """Return the source of the lambdas: a tag's commit, or the checked-out one without a tag.

    Without a tag, `--environment` or `--version` must be given, to make the intent explicit.
    """
    git = Git.open(context.root)
    if options.tag is not None and options.version is not None:
        raise BadArgumentsError("lambdas: give a tag or --version, not both")
    version = options.version
    # a job of a tagged run gets the tag in the same way
    is_tagged = version is not None and tagged(git, version) is not None
    text = version if is_tagged else options.tag
    named = version or options.environment or options.images_only
    if text is None and not by_event and named:
        made = dispatch(git, context.root, os.environ, version)
        # a rule such as `any` would deploy an untagged commit to prod
        if not (options.environment or options.images_only or options.matrix):
            raise BadArgumentsError(
                f"lambdas: version {version} is of no tag, so no rule of deploy.tags is for it; "
                f"say where it goes: --environment dev"
            )
        return Basis(release=made, holds=partial(tree_holds, git, made), is_tagged=False)
    made = validated(context, git, text, strictly=not options.status)
    _check_platform(made.tag)
    return Basis(release=made, holds=partial(still_holds, git, made))


def _of_services(context: Context, options: Namespace) -> Basis:
    """Return the release to deploy: the one that a tag names, whatever is checked out.

    The image is in the registry, so the files here do not matter; but a tag from a CI event is
    validated as for a release.
    """
    git = Git.open(context.root)
    request = tag_request(os.environ, read_event(os.environ))
    strictly = options.tag is None or (request is not None and request.is_workflow_run)
    made = validated(context, git, options.tag, strictly=strictly)
    _check_platform(made.tag)
    return Basis(release=made, holds=_nothing_to_hold, needs_lock=False)


def _nothing_to_hold(*, untracked: bool) -> None:
    """Check nothing: nothing of the work tree is deployed."""


def _check_platform(tag: ReleaseTag) -> None:
    if tag.kind != "platform":
        raise BadTagError(f"tag {tag}: is a strategy's, which has no services and no lambdas")


def environment_for(
    session: nox.Session, context: Context, tag: ReleaseTag, options: Namespace
) -> Environment:
    """Return the environment that a tag goes to, and print it."""
    settings = context.settings.deploy
    workspace = context.workspace
    check_names(
        settings,
        services=[unit.name for unit in workspace.services],
        functions=[unit.name for unit in workspace.lambdas],
    )
    found = environment_of(tag, settings, override=options.environment)
    if options.environment not in {None, found.name}:
        session.warn(f"{tag} is a test tag: it goes to {found.name}, not {options.environment}")
    session.log(f"{tag} goes to {found.name}")
    return found


def target_at(context: Context, environment: Environment, tools: ImageTools) -> DeployTarget:
    """Return the deployment target for an environment."""
    return DeployTarget(
        environment=environment,
        aws=Aws(region=environment.region),
        registry=tools.registry,
        settings=context.settings.deploy,
    )
