"""`release`: run the stages of the release that a tag names, all or single ones."""

from __future__ import annotations

import fcntl
import json
import os
import sys
import threading
from argparse import Namespace
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from contextlib import AbstractContextManager, ExitStack, contextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import nox

from tradai_tasks.errors import (
    BadArgumentsError,
    LockMissingError,
    ReleaseFailedError,
    ReleaseRunningError,
    UntrustedEventError,
)
from tradai_tasks.files.file_tree import join
from tradai_tasks.files.path_guard import require_inside
from tradai_tasks.process import usable_cores
from tradai_tasks.release.engine.confinement import Confinement, allowance_of, confine
from tradai_tasks.release.engine.evidence import Evidence, Store, Subject, digest_of
from tradai_tasks.release.engine.plan import Plan, choose, look_at
from tradai_tasks.release.engine.runner import Engine, ReleaseOutcome
from tradai_tasks.release.engine.step import Release, Stage
from tradai_tasks.release.tags.ci_event import TagRequest, main_branch_of, read_event, tag_request
from tradai_tasks.release.tags.tag_validation import (
    check,
    check_branches,
    look,
    release_of,
    still_holds,
)
from tradai_tasks.release.tags.tagged_commit import version_of
from tradai_tasks.report import append_markdown, markdown_table, mask_environment, print_table, say
from tradai_tasks.sessions.core.arguments import Option, parse
from tradai_tasks.sessions.core.context import Context
from tradai_tasks.sessions.core.dispatched import refuse_dispatch
from tradai_tasks.sessions.release.cleanup import CLEANUP, clean_up
from tradai_tasks.sessions.release.stages import (
    Needs,
    package_of,
    projects_of,
    stage_order,
    stages,
)
from tradai_tasks.vcs.git import Git
from tradai_tasks.workspace.tags import ReleaseTag, parse_tag

__all__ = [
    "EVIDENCE",
    "LOOKS",
    "TAG",
    "Basis",
    "Order",
    "Stages",
    "Wanted",
    "mlflow_register",
    "release",
    "run_stages",
    "validated",
    "wanted_of",
]

TAG: Option = (
    ("tag",),
    {"nargs": "?", "help": "the release tag; in CI by default the one that the event names"},
)
LOOKS: list[Option] = [
    (("--dry-run",), {"action": "store_true", "help": "print what would be done"}),
    (("--status",), {"action": "store_true", "help": "print what is done and what is missing"}),
    (("--json",), {"action": "store_true", "help": "print either as JSON and nothing else"}),
]
EVIDENCE: Option = (
    ("--evidence",),
    {"metavar": "DIR", "help": "where the records are that earlier stages left in other jobs"},
)
_OPTIONS: list[Option] = [
    TAG,
    *LOOKS,
    (
        ("--from",),
        {"dest": "start", "metavar": "STAGE", "help": "begin here, by evidence of all before it"},
    ),
    (
        ("--only",),
        {
            "action": "append",
            "default": [],
            "metavar": "STAGE",
            "help": "run just this; repeatable",
        },
    ),
    EVIDENCE,
    (
        ("--environment",),
        {
            "metavar": "NAME",
            "help": "of a platform, where to: dev, staging, prod, or one of the settings; by "
            "default as deploy.tags says of the tag",
        },
    ),
    CLEANUP,
]
_COLUMNS = ("stage", "step", "state", "what")
_RESULTS = ("stage", "step", "result", "seconds", "what")


Order = Callable[[ReleaseTag], Mapping[str, bool]]
Stages = Callable[[Context, Needs], AbstractContextManager[tuple[Stage, ...]]]


@dataclass(frozen=True, kw_only=True)
class Wanted:
    """The options of the command line."""

    only: Collection[str]
    start: str | None
    evidence: Path | None
    dry_run: bool
    status: bool
    json: bool


@dataclass(frozen=True, kw_only=True)
class Basis:
    """The release that stages run for, and how to check that it still holds."""

    release: Release
    holds: Callable[..., None]  # called with `untracked`; raises if it does not hold any more
    is_tagged: bool = True  # False for a version of the checked-out commit, without a tag
    needs_lock: bool = True  # whether the release is identified by its lock files too


def release(session: nox.Session, context: Context) -> None:
    """Release what a tag names, doing only what is missing."""
    from tradai_tasks.sessions.release.platform_stages import Platform  # noqa: PLC0415 - it imports this in turn

    doc = "Release what a tag names: gates, then image and model version, or wheels and images."
    options = parse(session, _OPTIONS, doc)
    if options.cleanup:
        clean_up(session, context, options)
        return
    wanted = wanted_of(options, only=options.only, start=options.start)
    platform = Platform(session=session, context=context, override=options.environment)

    def order(tag: ReleaseTag) -> Mapping[str, bool]:
        if tag.kind != "strategy":
            return platform.order(tag)
        if options.environment is not None:
            raise BadArgumentsError(
                f"--environment {options.environment}: a platform is released to one, and {tag} is "
                f"a strategy's; leave it out"
            )
        return stage_order(tag)

    def opened(context: Context, needs: Needs) -> AbstractContextManager[tuple[Stage, ...]]:
        is_strategy = needs.release.tag.kind == "strategy"
        return (stages if is_strategy else platform.opened)(context, needs)

    run_stages(session, context, options, wanted, order=order, opened=opened, where=platform.where)


def mlflow_register(session: nox.Session, context: Context) -> None:
    """Register a strategy's release in MLflow, from the evidence of its gates and its image."""
    doc = "Register a strategy's release in MLflow, from the evidence of its gates and its image."
    options = parse(session, [TAG, *LOOKS, EVIDENCE], doc)
    run_stages(session, context, options, wanted_of(options, only=["mlflow"], start=None))


def wanted_of(options: Namespace, *, only: Collection[str], start: str | None) -> Wanted:
    """Return the options, checked.

    Raises:
        BadArgumentsError: Options contradict each other.
    """
    if options.json and not (options.status or options.dry_run):
        raise BadArgumentsError("--json: goes with --status or --dry-run")
    evidence = getattr(options, "evidence", None)  # some sessions have none of them
    return Wanted(
        only=only,
        start=start,
        evidence=Path(evidence).absolute() if evidence else None,
        dry_run=options.dry_run,
        status=options.status,
        json=options.json,
    )


def run_stages(  # noqa: PLR0913 - what runs, and how, by keyword
    session: nox.Session,
    context: Context,
    options: Namespace,
    wanted: Wanted,
    *,
    order: Order = stage_order,
    opened: Stages = stages,
    basis: Basis | None = None,
    where: Callable[[], str | None] = lambda: None,
) -> None:
    """Validate the tag of `options`, print the plan of its stages, and execute it.

    Args:
        session: The session.
        context: The repository.
        options: The options, with `tag`.
        wanted: The options, checked.
        order: Returns a tag's stages, in order, and whether each is a gate.
        opened: Opens the stages.
        basis: The release that they run for; if None, the tag's, in a work tree of its commit.
        where: Returns the environment to deploy to; called after `order`.

    Raises:
        TasksError: The release is not complete.
    """
    mask_environment(allowance=allowance_of(context.settings))
    if basis is None:
        git = Git.open(context.root)
        # --status works in any work tree
        tagged = validated(context, git, options.tag, strictly=not wanted.status)
        basis = Basis(release=tagged, holds=partial(still_holds, git, tagged))
    made = basis.release
    confinement = confine(Git.open(context.root), os.environ)
    store = _store(context, made, confinement, needs_lock=basis.is_tagged and basis.needs_lock)
    known = order(made.tag)
    if not (wanted.status or wanted.dry_run):
        refuse_dispatch(context, where())
    chosen = choose(known, only=wanted.only, start=wanted.start)
    stop = threading.Event()
    needs = Needs(
        release=made,
        store=store,
        active=chosen.active,
        stop=stop,
        show=_show,
        confinement=confinement,
    )
    with ExitStack() as stack:
        if not (wanted.status or wanted.dry_run):
            stack.enter_context(_alone(store))
        all_stages = stack.enter_context(opened(context, needs))
        store.load(known)  # read before any gate runs, since a gate could write evidence
        given = [_evidence(store, name, wanted.evidence) for name in chosen.given]
        active = [stage for stage in all_stages if stage.name in chosen.active]
        plan = look_at(active, given)
        _present(session, made, plan, wanted)
        if wanted.status or wanted.dry_run:
            return
        engine = Engine(
            plan=plan,
            store=store,
            jobs=context.settings.release.jobs or usable_cores(),
            say=session.log,
            after_gate=partial(basis.holds, untracked=False),
            before_acting=partial(basis.holds, untracked=True),
            stop=stop,
        )
        _conclude(session, made, engine.run(), is_all=len(given) + len(active) == len(known))


def validated(context: Context, git: Git, text: str | None, *, strictly: bool) -> Release:
    """Return the release that a tag names, after validating the tag.

    Args:
        context: The repository.
        git: The repository's git.
        text: The tag; None for that of the CI event.
        strictly: Whether the work tree must be at the commit, and that on the main branch.

    Raises:
        TasksError: There is no such release to make.
    """
    event = read_event(os.environ)
    request = tag_request(os.environ, event)
    tag = _tag(context, text, request)
    package = package_of(context, tag)
    named = context.settings.release.branch
    found = look(git, tag, branch=named or main_branch_of(event), env=os.environ)
    if strictly:
        versioned = (
            None if package is None else version_of(package, context.workspace.session_id(package))
        )
        check(tag, found, versioned, request=request, main=named)
    else:
        check_branches(tag, found)
    return release_of(tag, found, context.root)


def _tag(context: Context, text: str | None, request: TagRequest | None) -> ReleaseTag:
    """Return the tag of the command line or of the CI event; if both name one, they must agree."""
    slugs = [package.slug for package in context.workspace.strategies]
    if text is None and request is None:
        raise BadArgumentsError(
            "which tag? such as: nox -s release -- momentum-v1.0.0; only in a CI run of a pushed "
            "tag, or in one that follows it (workflow_run), it need not be named"
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


def _store(context: Context, made: Release, confinement: Confinement, *, needs_lock: bool) -> Store:
    """Return the store of a release's evidence."""
    locks = [join(project, "uv.lock") for project in projects_of(context, made.tag)]
    missing = [lock for lock in locks if not context.tree.is_file(lock)]
    if missing and needs_lock:
        raise LockMissingError(
            f"{', '.join(missing)}: no such lock file, so it cannot be said what is released; make "
            f"it with: nox -s lock"
        )
    lock = digest_of([context.root / lock for lock in locks if lock not in missing])
    subject = Subject(tag=made.tag.text, commit=made.commit, lock=lock)
    folder = context.root / "build" / "release" / made.tag.text
    require_inside(context.root, folder / ".gitignore")
    return Store(folder=folder, subject=subject, key=confinement.key, unkept=confinement.unkept)


def _evidence(store: Store, stage: str, folder: Path | None) -> Evidence:
    return store.require(stage) if folder is None else store.adopt(folder, stage)


@contextmanager
def _alone(store: Store) -> Iterator[None]:
    """Lock the tag, so that no other process releases it from this clone meanwhile."""
    store.prepare()
    file = store.folder / ".running"
    if file.is_symlink():  # a gate of an earlier release may have put it there
        file.unlink()
    flags = os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW | os.O_CLOEXEC
    with os.fdopen(os.open(file, flags, 0o666), "r+b") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise ReleaseRunningError(
                f"tag {store.subject.tag}: another process is releasing it from this clone; wait "
                f"until it has ended"
            ) from None
        yield


def _present(session: nox.Session, made: Release, plan: Plan, wanted: Wanted) -> None:
    """Print the plan; raise if a look has failed or found a conflict."""
    if wanted.json:
        document = {"tag": made.tag.text, "commit": made.commit, **plan.as_document()}
        print(json.dumps(document, indent=2), flush=True)
    else:
        print_table(f"{made.tag} at {made.commit[:12]}", _COLUMNS, plan.rows())
    faults = (*plan.faults, *(plan.obstacles if wanted.dry_run else ()))
    if faults:
        said = f"{made.tag}: it cannot be released as things are:"
        raise ReleaseFailedError(said, *_lines_of(faults))
    if wanted.dry_run:
        session.log(f"nothing was done: this is a dry run; {len(plan.todo)} steps are to do")
    elif wanted.status:
        session.log("complete" if plan.is_complete else f"not complete: {len(plan.todo)} to do")


def _conclude(
    session: nox.Session, made: Release, outcome: ReleaseOutcome, *, is_all: bool
) -> None:
    """Print what was done and what was there already."""
    print_table(f"{made.tag} at {made.commit[:12]}", _RESULTS, outcome.rows())
    table = markdown_table(_RESULTS, outcome.rows())
    verdict = "done" if outcome.is_complete else "not complete"
    append_markdown(f"\n### Release {made.tag}: {verdict}\n\n{table}")
    if not outcome.is_complete:
        raise ReleaseFailedError(
            f"{made.tag}: not complete:",
            *_lines_of(outcome.faults),
            "fix that and run the same again: it goes on from here",
        )
    what = "complete" if is_all else "these stages are complete, others were not asked for"
    before = "" if outcome.has_changed else ", as before: nothing was changed"
    session.log(f"{made.tag}: {what}{before}")


def _lines_of(faults: Iterable[str]) -> list[str]:
    """Return the lines of faults; one fault may have several."""
    return [line for fault in faults for line in fault.split("\n")]


def _show(text: str) -> None:
    say(*text.split("\n"), file=sys.stderr)
