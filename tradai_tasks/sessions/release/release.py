"""`release` and `mlflow-register`: run the stages of the release that a tag names."""

from __future__ import annotations

from functools import partial

import nox

from tradai_tasks.release.stages.outline import MLFLOW, release_outline, strategy_release
from tradai_tasks.sessions.core.arguments import option, parse, repeated
from tradai_tasks.sessions.core.context import Context
from tradai_tasks.sessions.core.registry.replacements import sessions_of
from tradai_tasks.sessions.release.cleanup import CLEANUP, clean_up
from tradai_tasks.sessions.stages.options import EARLIER, EVIDENCE, LOOKS, TAG, wanted_of
from tradai_tasks.sessions.stages.run_stages import run_stages, tagged_basis

_OPTIONS = [
    TAG,
    *LOOKS,
    option("--from", "begin here, by evidence of all before it", dest="start", metavar="STAGE"),
    repeated("--only", "run just this; repeatable", metavar="STAGE"),
    EVIDENCE,
    EARLIER,
    option(
        "--environment",
        "of a platform, where to: dev, staging, prod, or one of the settings; by "
        "default as deploy.tags says of the tag",
        metavar="NAME",
    ),
    CLEANUP,
]


def release(session: nox.Session, context: Context) -> None:
    """Release what a tag names, doing only what is missing."""
    options = parse(session, _OPTIONS)
    if options.cleanup:
        clean_up(session, context.repository, options)
        return
    wanted = wanted_of(options, only=options.only, start=options.start)
    basis = tagged_basis(session, context, options.tag, wanted)
    outline = release_outline(
        context.repository,
        basis.release.tag,
        sessions=partial(sessions_of, context),
        override=options.environment,
        excused=basis.excused if wanted.dry_run else None,
    )
    run_stages(session, context, outline, basis, wanted)


def mlflow_register(session: nox.Session, context: Context) -> None:
    """Register a strategy's release in MLflow, from the evidence of its gates and its image."""
    options = parse(session, [TAG, *LOOKS, EVIDENCE])
    wanted = wanted_of(options, only=[MLFLOW])
    basis = tagged_basis(session, context, options.tag, wanted)
    outline = strategy_release(
        context.repository, basis.release.tag, sessions=partial(sessions_of, context)
    )
    run_stages(session, context, outline, basis, wanted)
