"""Run the stages of a release: look at each step, print the plan, then carry it out."""

from __future__ import annotations

import json
import os
import sys
import threading
from collections.abc import Callable, Iterable, Iterator
from contextlib import ExitStack, contextmanager, nullcontext
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path

import nox

from tradai_tasks.background import interruptible
from tradai_tasks.errors import EvidenceError, LockMissingError, ReleaseFailedError, TasksError
from tradai_tasks.http_client.retry import in_haste
from tradai_tasks.process import usable_cores
from tradai_tasks.release.engine.confinement import allowance_of, confine
from tradai_tasks.release.engine.evidence import Evidence, Store
from tradai_tasks.release.engine.plan import Plan, choose, plan_of
from tradai_tasks.release.engine.release_store import locked, store_of
from tradai_tasks.release.engine.runner import Engine, ReleaseOutcome
from tradai_tasks.release.engine.step import Release
from tradai_tasks.release.stages.outline import GateOutline, Outline
from tradai_tasks.release.stages.stage_factory import StageFactory
from tradai_tasks.release.tags.requested_release import requested_release
from tradai_tasks.release.tags.tag_validation import still_holds
from tradai_tasks.report import append_markdown, markdown_table, mask_environment, print_table, say
from tradai_tasks.repository import Repository
from tradai_tasks.sessions.core.context import Context
from tradai_tasks.sessions.core.dispatched import refuse_dispatch
from tradai_tasks.sessions.core.environments.environment import uv_program
from tradai_tasks.sessions.stages.options import Wanted
from tradai_tasks.vcs.git import Git

_COLUMNS = ("stage", "step", "state", "what")
_HASTE = 3.0  # seconds that a dry run waits for a server
_RESULTS = ("stage", "step", "result", "seconds", "what")


@dataclass(frozen=True, kw_only=True)
class Basis:
    """The release that stages run for, and how to check that it still holds."""

    release: Release
    holds: Callable[..., None]  # called with `untracked`; raises if it does not hold any more
    is_tagged: bool = True  # False for a version of the checked-out commit, without a tag
    needs_lock: bool = True  # whether the release is identified by its lock files too
    # what forbids it, where a plan is shown all the same
    excused: list[TasksError] = field(default_factory=list)


def tagged_basis(session: nox.Session, context: Context, text: str | None, wanted: Wanted) -> Basis:
    """Return the release of a tag, or of the CI event, after validating the tag.

    The work tree must be at the commit but for --status, and --dry-run shows a plan also of a
    release that is not allowed.

    Raises:
        TasksError: There is no such release to make.
    """
    repository = context.repository
    mask_environment(allowance=allowance_of(repository.settings))
    return basis_of(
        repository,
        text,
        session=session.name,
        strictly=not wanted.status,
        dry_run=wanted.dry_run,
    )


def basis_of(
    repository: Repository, text: str | None, *, session: str, strictly: bool, dry_run: bool
) -> Basis:
    """Return the release of a tag, or of the CI event; see `requested_release`."""
    faults: list[TasksError] = []
    made = requested_release(
        repository,
        text,
        strictly=strictly,
        session=session,
        excused=faults if dry_run else None,
    )
    holds = partial(still_holds, Git.open(repository.root), made)
    return Basis(release=made, holds=holds, excused=faults)


def run_stages(
    session: nox.Session, context: Context, outline: Outline, basis: Basis, wanted: Wanted
) -> None:
    """Look at every step of the chosen stages, print the plan, and carry out that plan.

    Raises:
        TasksError: The release is not complete.
    """
    for note in outline.notes:
        session.log(note)
    if not (wanted.status or wanted.dry_run):
        refuse_dispatch(context.repository, outline.environment)
    factory = _factory(session, context, basis, wanted)
    # a person waits for a plan, so that waits for no server for long
    waits = in_haste(_HASTE) if wanted.dry_run else nullcontext()
    with told_of_interrupts(session, basis.release.tag.text, factory.stop), waits:
        _run(session, factory, outline, basis, wanted)


@contextmanager
def told_of_interrupts(session: nox.Session, what: str, stop: threading.Event) -> Iterator[None]:
    """Stop on SIGINT and SIGTERM, say how to go on, and have nox run no further session.

    Raises:
        KeyboardInterrupt: It was interrupted; nox runs no further session then.
    """
    try:
        with interruptible(stop):
            yield
    except KeyboardInterrupt as interrupt:
        session.warn(
            f"{what}: interrupted by {str(interrupt) or 'SIGINT'}; what is done stays done; run "
            f"the same again: it looks at what is there, and goes on from here"
        )
        raise


def _run(
    session: nox.Session, factory: StageFactory, outline: Outline, basis: Basis, wanted: Wanted
) -> None:
    chosen = choose(outline.order, only=wanted.only, start=wanted.start)
    excused = basis.excused if wanted.dry_run else None
    acts, store, made = not (wanted.status or wanted.dry_run), factory.store, basis.release
    with ExitStack() as stack:
        if acts:
            stack.enter_context(locked(store))
        store.load(outline.order)  # read before any gate runs, since a gate could write evidence
        given = list(_evidence(store, chosen.given, wanted.evidence, excused))
        active = [one for one in outline.stages if one.name in chosen.active]
        if wanted.earlier is not None and acts:
            gates = [one.name for one in active if isinstance(one, GateOutline)]
            _adopt_earlier(session, store, gates, wanted.earlier)
        stages = stack.enter_context(factory.opened(active, excused=excused))
        plan = plan_of(stages, given)
        _present(session, basis, plan, wanted)
        if acts:
            engine = Engine(
                plan=plan,
                store=store,
                jobs=factory.repository.settings.release.jobs or usable_cores(),
                say=session.log,
                after_gate=partial(basis.holds, untracked=False),
                before_acting=partial(basis.holds, untracked=True),
                stop=factory.stop,
            )
            is_all = len(given) + len(active) == len(outline.stages)
            try:
                outcome = engine.run()
            finally:  # a gate may have written what other jobs and attempts take over
                for name in store.drop_forged(outline.order):
                    session.warn(f"{name}: its record was not written by this release: removed")
            _conclude(session, made, outcome, is_all=is_all)


def _factory(session: nox.Session, context: Context, basis: Basis, wanted: Wanted) -> StageFactory:
    """Return what the stages are made with: the evidence so far, and how code is confined."""
    repository, made = context.repository, basis.release
    confinement = confine(Git.open(repository.root), os.environ)
    needs_lock = basis.is_tagged and basis.needs_lock
    try:
        store = store_of(repository, made, confinement, needs_lock=needs_lock)
    except LockMissingError as fault:
        if not wanted.dry_run:
            raise
        basis.excused.append(fault)
        store = store_of(repository, made, confinement, needs_lock=False)
    return StageFactory(
        repository=repository,
        noxfile=context.noxfile,
        release=made,
        store=store,
        confinement=confinement,
        stop=threading.Event(),
        show=_show,
        warn=session.warn,
        uv=uv_program,
    )


def _evidence(
    store: Store, stages: Iterable[str], folder: Path | None, excused: list[TasksError] | None
) -> Iterator[Evidence]:
    """Yield the evidence of stages, from another job's folder where one is named."""
    for stage in stages:
        try:
            yield store.require(stage) if folder is None else store.adopt(folder, stage)
        except EvidenceError as fault:
            if excused is None:
                raise
            excused.append(fault)


def _adopt_earlier(session: nox.Session, store: Store, gates: Iterable[str], folder: Path) -> None:
    """Take over what an earlier attempt has passed; a gate whose evidence is refused runs again."""
    for name in gates:
        try:
            store.adopt(folder, name)
        except EvidenceError as error:
            session.log(f"{name} runs: {error}")
        else:
            session.log(f"{name} has passed in an earlier attempt")


def _present(session: nox.Session, basis: Basis, plan: Plan, wanted: Wanted) -> None:
    """Print the plan; raise if something is in the way."""
    made = basis.release
    if wanted.json:
        document = {"tag": made.tag.text, "commit": made.commit, **plan.as_document()}
        print(json.dumps(document, indent=2), flush=True)
    else:
        print_table(f"{made.tag} at {made.commit[:12]}", _COLUMNS, plan.rows())
    obstacles = plan.obstacles if wanted.dry_run else ()
    faults = (*map(str, basis.excused), *plan.faults, *obstacles)
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
    if outcome.interrupted:
        raise KeyboardInterrupt(outcome.interrupted)
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
