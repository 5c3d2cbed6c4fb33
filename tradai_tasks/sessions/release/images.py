"""`images`: build and push the images of a release, as a session of its own."""

from __future__ import annotations

import os
from argparse import Namespace
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import replace

import nox

from tradai_tasks.errors import BadArgumentsError, BadTagError
from tradai_tasks.release.clients.image_reference import Home, home_of
from tradai_tasks.release.engine.confinement import allowance_of
from tradai_tasks.release.engine.step import Stage
from tradai_tasks.release.images.image_decisions import LatestRule
from tradai_tasks.release.images.image_specs import ImageKind, ImageSpec, image_specs, select
from tradai_tasks.release.images.image_steps import ImageStep, image_stage
from tradai_tasks.release.images.image_tools import ImageTools, open_image_tools
from tradai_tasks.release.images.platform_images import (
    image_matrix,
    latest_rule,
    with_wheels,
)
from tradai_tasks.release.models.strategy_stages import IMAGE
from tradai_tasks.report import write_outputs
from tradai_tasks.sessions.core.arguments import Option, parse
from tradai_tasks.sessions.core.context import Context
from tradai_tasks.sessions.release.release import (
    EVIDENCE,
    LOOKS,
    TAG,
    Stages,
    run_stages,
    wanted_of,
)
from tradai_tasks.sessions.release.stages import Needs, source_of_release, stages
from tradai_tasks.workspace.tags import ReleaseTag

__all__ = ["BASE", "OPTIONS", "images", "latest_rule_of", "opened_images", "print_matrix"]

BASE = "base"  # name of the lambdas' base for `--only`

OPTIONS: list[Option] = [
    TAG,
    *LOOKS,
    (
        ("--only",),
        {"action": "append", "default": [], "metavar": "NAME", "help": "just this; repeatable"},
    ),
    (("--matrix",), {"action": "store_true", "help": "print the CI matrix, a job for each image"}),
    (
        ("--move-latest",),
        {"action": "store_true", "help": "point `latest` at this release, whatever it is now"},
    ),
    (("--keep-latest",), {"action": "store_true", "help": "leave `latest` alone"}),
]


def images(session: nox.Session, context: Context) -> None:
    """Build and push the images of services, or of a strategy."""
    doc = "Build and push the images of a release that are missing from the registry."
    options = parse(session, [*OPTIONS, EVIDENCE], doc)
    is_platform = context.workspace.kind != "strategies"
    kinds: tuple[ImageKind, ...] = ("service",) if is_platform else ("strategy",)
    if options.matrix:
        print_matrix(context, options, kinds)
    elif not is_platform:
        if options.only:
            raise BadArgumentsError(
                "images: --only: a strategy's tag names the one image that it releases"
            )
        wanted = wanted_of(options, only=[IMAGE], start=None)

        @contextmanager
        def ruled(context: Context, needs: Needs) -> Iterator[tuple[Stage, ...]]:
            rule = latest_rule_of(options, needs.release.tag)
            with stages(context, needs) as found:
                yield tuple(_with_rule(stage, rule) for stage in found)

        run_stages(session, context, options, wanted, opened=ruled)
    else:

        @contextmanager
        def opened(context: Context, needs: Needs) -> Iterator[tuple[Stage, ...]]:
            with opened_images(context, options, kinds, needs) as (specs, tools):
                release = needs.release
                rule = latest_rule_of(options, release.tag)
                yield (image_stage(release, images=specs, tools=tools, latest=rule, name=name),)

        # evidence for some images must not count for all of them
        name = "-".join([IMAGE, *options.only])
        _run(session, context, options, {name: False}, opened)


def _run(
    session: nox.Session,
    context: Context,
    options: Namespace,
    order: Mapping[str, bool],
    opened: Stages,
) -> None:
    def order_of(tag: ReleaseTag) -> Mapping[str, bool]:
        if tag.kind != "platform":
            raise BadTagError(f"tag {tag}: is a strategy's; these are the images of a platform")
        return order

    wanted = wanted_of(options, only=[], start=None)
    run_stages(session, context, options, wanted, order=order_of, opened=opened)


def _specs(
    context: Context, options: Namespace, home: Home, kinds: Sequence[ImageKind]
) -> list[ImageSpec]:
    settings = context.settings.images
    found = image_specs(context.workspace, settings, home, context.tree, kinds=kinds)
    base = [spec for spec in found if spec.kind == "base"]
    own = [
        spec
        for spec in found
        if spec.kind != "base"
        and (spec.kind != "strategy" or context.tree.is_file(spec.dockerfile))
    ]
    is_base_alone = bool(base) and set(options.only) == {BASE}
    others = [] if is_base_alone else select(own, options.only)
    return with_wheels([*base, *others], context.workspace, context.tree)


@contextmanager
def opened_images(
    context: Context, options: Namespace, kinds: Sequence[ImageKind], needs: Needs
) -> Iterator[tuple[list[ImageSpec], ImageTools]]:
    """Yield the images of some kinds, limited by `--only`, and the tools to build them."""
    settings = context.settings.images
    home = home_of(settings, os.environ)
    specs = _specs(context, options, home, kinds)
    with open_image_tools(
        settings,
        home,
        root=context.root,
        env=os.environ,
        stop=needs.stop,
        source=source_of_release(context, needs),
        allowance=allowance_of(context.settings),
        sandbox=needs.confinement.sandbox,
    ) as tools:
        yield specs, tools


def print_matrix(
    context: Context, options: Namespace, kinds: Sequence[ImageKind], **more: str
) -> None:
    """Print the CI matrix of images; no registry needs to be set for that.

    Args:
        context: The repository.
        options: The options, with `only`.
        kinds: The kinds of images.
        more: Further outputs of the CI step.
    """
    found = _specs(context, options, Home(host=""), kinds)
    matrix = image_matrix(found)
    print(matrix)
    write_outputs({"matrix": matrix, "any": "true" if found else "false", **more})


def _with_rule(stage: Stage, rule: LatestRule) -> Stage:
    steps = (replace(one, rule=rule) if isinstance(one, ImageStep) else one for one in stage.steps)
    return replace(stage, steps=tuple(steps))


def latest_rule_of(options: Namespace, tag: ReleaseTag) -> LatestRule:
    """Return how `latest` moves, from the options and the tag.

    Raises:
        BadArgumentsError: The options contradict each other.
    """
    if options.move_latest and options.keep_latest:
        raise BadArgumentsError("--move-latest and --keep-latest: give one of the two")
    if options.keep_latest:
        return "never"
    return "always" if options.move_latest else latest_rule(tag)
