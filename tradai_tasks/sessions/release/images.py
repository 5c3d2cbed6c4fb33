"""`images`: build and push the images of a release, as a session of its own."""

from __future__ import annotations

from argparse import Namespace
from collections.abc import Sequence
from functools import partial

import nox

from tradai_tasks.errors import BadArgumentsError, BadTagError
from tradai_tasks.release.clients.image_reference import Home
from tradai_tasks.release.images.image_decisions import LatestRule
from tradai_tasks.release.images.image_specs import ImageKind
from tradai_tasks.release.images.platform_images import chosen_images, image_matrix, latest_rule
from tradai_tasks.release.stages.outline import IMAGE, images_alone, strategy_release
from tradai_tasks.report import write_outputs
from tradai_tasks.repository import Repository
from tradai_tasks.sessions.core.arguments import flag, parse
from tradai_tasks.sessions.core.context import Context
from tradai_tasks.sessions.core.registry.replacements import sessions_of
from tradai_tasks.sessions.stages.options import EVIDENCE, LOOKS, ONLY, TAG, wanted_of
from tradai_tasks.sessions.stages.run_stages import run_stages, tagged_basis
from tradai_tasks.workspace.tags import ReleaseTag

OPTIONS = [
    TAG,
    *LOOKS,
    ONLY,
    flag("--matrix", "print the CI matrix, a job for each image"),
    flag("--move-latest", "point `latest` at this release, whatever it is now"),
    flag("--keep-latest", "leave `latest` alone"),
]


def images(session: nox.Session, context: Context) -> None:
    """Build and push the images of services, or of a strategy."""
    options = parse(session, [*OPTIONS, EVIDENCE])
    repository = context.repository
    if options.matrix:
        kind: ImageKind = "strategy" if repository.is_of_strategies else "service"
        print_matrix(repository, kind, options.only)
        return
    if repository.is_of_strategies and options.only:
        raise BadArgumentsError(
            "images: --only: a strategy's tag names the one image that it releases"
        )
    only = [IMAGE] if repository.is_of_strategies else []
    wanted = wanted_of(options, only=only)
    basis = tagged_basis(session, context, options.tag, wanted)
    tag = basis.release.tag
    rule = latest_rule_of(options, tag)
    if repository.is_of_strategies:
        outline = strategy_release(
            repository, tag, sessions=partial(sessions_of, context), latest=rule
        )
    elif tag.kind == "platform":
        outline = images_alone(latest=rule, only=options.only)
    else:
        raise BadTagError(f"tag {tag}: is a strategy's; these are the images of a platform")
    run_stages(session, context, outline, basis, wanted)


def print_matrix(repository: Repository, kind: ImageKind, only: Sequence[str], **more: str) -> None:
    """Print the CI matrix of images; no registry needs to be set for that.

    All images if `only` is empty; `more` are further outputs of the CI step.
    """
    found = chosen_images(repository, Home(host=""), kind, only, for_matrix=True)
    matrix = image_matrix(found)
    print(matrix)
    write_outputs({"matrix": matrix, "any": "true" if found else "false", **more})


def latest_rule_of(options: Namespace, tag: ReleaseTag) -> LatestRule:
    """Return how `latest` moves, from the options, which must not contradict, and the tag.

    Raises:
        BadArgumentsError: The options contradict each other.
    """
    if options.move_latest and options.keep_latest:
        raise BadArgumentsError("--move-latest and --keep-latest: give one of the two")
    if options.keep_latest:
        return "never"
    is_rollback = getattr(options, "rollback", False)  # an option of `lambdas`
    return "always" if options.move_latest or is_rollback else latest_rule(tag)
