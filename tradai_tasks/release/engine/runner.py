"""Execute a release plan: gates in parallel, then one stage after the other.

No step acts before every gate has passed. The result of a stage is kept as evidence at once, so an
interrupted run can go on from there.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, wait
from dataclasses import dataclass, field
from functools import partial
from typing import Any, Literal

from tradai_tasks.background import started
from tradai_tasks.errors import StoppedError, TasksError
from tradai_tasks.release.engine.evidence import Evidence, Store
from tradai_tasks.release.engine.plan import Plan, StepState, records_of
from tradai_tasks.release.engine.step import Look, Preparing, Stage, State

_IN_PARALLEL = "stopped, since something in parallel failed"
_HEARTBEAT = 10.0  # seconds between two lines on what is still running
_PATIENCE = 3.0  # seconds for running work to end after an interrupt

Result = Literal["done", "there", "left", "skipped", "failed", "stopped", "not reached"]
_GOOD = frozenset({"done", "there", "left", "skipped"})
_FOUND: Mapping[State, Result] = {"done": "there", "left": "left", "skipped": "skipped"}
_MADE: Mapping[State, Result] = {"done": "done", "left": "left", "skipped": "skipped"}

_Key = tuple[str, str]  # names of a stage and of its step


@dataclass(frozen=True, kw_only=True, slots=True)
class Done:
    """The result of one step."""

    stage: str
    step: str
    result: Result  # done: by this run. there: it was done already.
    note: str
    seconds: float = 0.0  # seconds that its work took
    fault: TasksError | None = None
    look: Look | None = None  # the record of what is there now

    @property
    def is_good(self) -> bool:
        """Whether the step is as the release needs it."""
        return self.result in _GOOD


@dataclass(frozen=True, kw_only=True, slots=True)
class ReleaseOutcome:
    """The result of every step, in the order of the plan."""

    steps: tuple[Done, ...]
    interrupted: str = ""  # the signal that ended it before its end

    @property
    def is_complete(self) -> bool:
        """Whether the release is complete: no step failed, was stopped or was not reached."""
        return all(one.is_good for one in self.steps)

    @property
    def has_changed(self) -> bool:
        """Whether this run changed anything."""
        return any(one.result == "done" for one in self.steps)

    @property
    def faults(self) -> tuple[str, ...]:
        """The steps that failed, a line each."""
        return tuple(f"{one.stage} {one.step}: {one.fault}" for one in self.steps if one.fault)

    def rows(self) -> list[tuple[str, str, str, str, str]]:
        """Return (stage, step, result, seconds, note) of every step."""
        return [
            (one.stage, one.step, one.result, f"{one.seconds:.1f}" if one.seconds else "", one.note)
            for one in self.steps
        ]


@dataclass(kw_only=True)
class Engine:
    """Executes one plan."""

    plan: Plan
    store: Store
    jobs: int  # gates and preparations that run at once, at most
    say: Callable[[str], None]  # called with each line of progress, from any thread
    after_gate: Callable[[], None]  # raises if the files that a gate judged have changed
    before_acting: Callable[[], None]  # raises if the work tree is not the release's any more
    stop: threading.Event = field(default_factory=threading.Event)  # set: gates are interrupted
    _has_failed: bool = False  # something failed, so what runs in parallel is stopped
    _done: dict[_Key, Done] = field(default_factory=dict)
    _known: dict[str, dict[str, Mapping[str, Any]]] = field(default_factory=dict)

    def run(self) -> ReleaseOutcome:
        """Execute the plan; errors of steps are in the outcome.

        Raises:
            TasksError: The work tree is no longer the released commit's.
        """
        self._known = {stage: dict(steps) for stage, steps in self.plan.known.items()}
        interrupted = ""
        try:
            self._run()
        except KeyboardInterrupt as error:
            self.stop.set()
            interrupted = str(error) or "an interrupt"
        return self._outcome(interrupted)

    def _run(self) -> None:
        stages = list({seen.stage.name: seen.stage for seen in self.plan.seen}.values())
        gates = [stage for stage in stages if stage.is_gate]
        acting = [stage for stage in stages if not stage.is_gate]
        if self._pass_gates(gates, acting):
            if any(not seen.stage.is_gate for seen in self.plan.todo):
                self.before_acting()
            for stage in acting:
                if not self._run_stage(stage):
                    break

    def _pass_gates(self, gates: Sequence[Stage], later: Sequence[Stage]) -> bool:
        """Run the gates that are to do and the preparations of later stages in parallel."""
        # the last gate takes longest, so it starts first if others can run in parallel
        in_turn = [*gates[-1:], *gates[:-1]] if self.jobs > 1 else gates
        tasks: dict[_Key, Callable[[], Done]] = {}
        for seen in self._seen_of(in_turn):
            if seen.is_todo:
                tasks[_key(seen)] = partial(self._judge, seen)
            else:
                self._take_over(seen)
        for seen in self._seen_of(later) if tasks else []:
            if seen.is_todo and isinstance(seen.step, Preparing):
                tasks[_key(seen)] = partial(self._prepare, seen.stage, seen.step)

        def ended(done: Done) -> None:
            if done.stage in {gate.name for gate in gates}:
                self._settle(done)
                self._keep(done.stage)
            elif not done.is_good:
                self._done[done.stage, done.step] = done

        self._together(tasks, self.jobs, ended, stop_all=True)
        for gate in gates:
            self._keep(gate.name)
        return all(done.is_good for done in self._done.values())

    def _run_stage(self, stage: Stage) -> bool:
        """Run the steps of a stage; return whether all succeeded."""
        changed = any(done.result == "done" for done in self._done.values())
        tasks: dict[_Key, Callable[[], Done]] = {}
        for seen in self._seen_of([stage]):
            if seen.is_todo or changed:
                tasks[_key(seen)] = partial(self._act, seen)
            else:
                self._take_over(seen)
        self._together(tasks, stage.parallel, self._settle)
        self._keep(stage.name)
        keys = map(_key, self._seen_of([stage]))
        return all(key in self._done and self._done[key].is_good for key in keys)

    # --- one step, on a thread of the pool -------------------------------------------------------

    def _judge(self, seen: StepState) -> Done:
        done = self._act(seen)
        self.after_gate()
        return done

    def _act(self, seen: StepState) -> Done:
        """Look again, and act if something is missing."""
        stage, step = seen.stage, seen.step
        start = time.monotonic()
        look = step.look(self._known)
        result = _FOUND.get(look.state)
        if result is None:
            self.say(f"{stage.name} {step.name}: {look.note}")
            look = step.act(self._known)
            if look.state not in _MADE:
                raise AssertionError(f"{stage.name} {step.name} acted and is still to do")
            result = _MADE[look.state]
        return Done(
            stage=stage.name,
            step=step.name,
            result=result,
            note=look.note,
            seconds=time.monotonic() - start if result == "done" else 0.0,
            look=look,
        )

    def _prepare(self, stage: Stage, step: Preparing) -> Done:
        self.say(f"{stage.name} {step.name}: prepared beside the gates")
        start = time.monotonic()
        step.prepare(self._known)
        taken = time.monotonic() - start
        return Done(stage=stage.name, step=step.name, result="done", note="prepared", seconds=taken)

    def _guarded(self, key: _Key, task: Callable[[], Done]) -> Done:
        stage, step = key
        start = time.monotonic()
        try:
            return task()
        except StoppedError as stopped:
            note = _IN_PARALLEL if self._has_failed else str(stopped)
            return Done(stage=stage, step=step, result="stopped", note=note)
        except TasksError as error:
            return Done(
                stage=stage,
                step=step,
                result="failed",
                note=str(error),
                seconds=time.monotonic() - start,
                fault=error,
            )

    # --- all of them, on the thread that runs the engine -----------------------------------------

    def _together(
        self,
        tasks: Mapping[_Key, Callable[[], Done]],
        jobs: int,
        ended: Callable[[Done], None],
        *,
        stop_all: bool = False,
    ) -> None:
        """Run tasks in parallel, most `jobs` at once; once one has failed, no further one starts.

        `ended` is called with each task that ended, on this thread; with one job, before the next
        one starts. With `stop_all`, running tasks are stopped once one has failed.
        """
        waiting = dict(tasks)
        running: dict[Future[Done], _Key] = {}
        began: dict[_Key, float] = {}
        failed = False

        def take(finished: Iterable[Future[Done]]) -> None:
            nonlocal failed
            for future in finished:
                del running[future]
                done = future.result()
                failed = failed or not done.is_good
                ended(done)
                self._report_done(done)

        try:
            while running or (waiting and not failed):
                while waiting and not failed and len(running) < max(1, jobs):
                    key = next(iter(waiting))
                    began[key] = time.monotonic()
                    future: Future[Done] = Future()
                    running[future] = key
                    started(partial(self._guarded, key, waiting.pop(key)), future)
                finished, _ = wait(running, _HEARTBEAT, FIRST_COMPLETED)
                if not finished:
                    self._report_running(began, running.values())
                take(finished)
                if failed and stop_all:
                    self._has_failed = True
                    self.stop.set()
        except BaseException:
            self.stop.set()  # an interrupt, or a bug in the library: leave nothing running
            take(wait(running, _PATIENCE).done)
            raise

    def _settle(self, done: Done) -> None:
        self._done[done.stage, done.step] = done
        if done.look is not None:
            records = records_of({done.step: done.look})
            self._known.setdefault(done.stage, {}).update(records)

    def _take_over(self, seen: StepState) -> None:
        """Take over the plan's result for a step that has nothing to do."""
        look = seen.look
        if look is None or look.state not in _FOUND:
            raise AssertionError("a plan with faults is not carried out")
        self._settle(
            Done(
                stage=seen.stage.name,
                step=seen.step.name,
                result=_FOUND[look.state],
                note=look.note,
                look=look,
            )
        )

    def _keep(self, stage: str) -> None:
        """Write the evidence of a stage once all its steps have passed, or one has failed."""
        wanted = [_key(seen) for seen in self.plan.seen if seen.stage.name == stage]
        steps = {key[1]: self._done[key] for key in wanted if key in self._done}
        faults = [str(done.fault) for done in steps.values() if done.fault is not None]
        if not faults and not (
            len(steps) == len(wanted) and all(done.is_good for done in steps.values())
        ):
            return
        looks = {name: done.look for name, done in steps.items() if done.look is not None}
        kept = self.store.find(stage)
        if not faults and isinstance(kept, Evidence) and kept.steps == looks:
            return  # nothing new: keep the evidence as it is
        subject = self.store.subject
        self.store.write(
            Evidence(
                stage=stage,
                tag=subject.tag,
                commit=subject.commit,
                lock=subject.lock,
                verdict="failed" if faults else "passed",
                steps=looks,
                note="; ".join(faults),
                seconds=round(sum(done.seconds for done in steps.values()), 3),
            )
        )

    def _report_running(self, began: Mapping[_Key, float], running: Collection[_Key]) -> None:
        now = time.monotonic()
        shown = [f"{key[0]} {key[1]} ({now - began[key]:.0f} s)" for key in running]
        self.say(f"still running: {', '.join(shown)}")

    def _report_done(self, done: Done) -> None:
        taken = f" in {done.seconds:.1f} s" if done.seconds else ""
        self.say(f"{done.stage} {done.step}: {done.result}{taken}: {done.note}")

    def _seen_of(self, stages: Sequence[Stage]) -> list[StepState]:
        return [seen for stage in stages for seen in self.plan.seen if seen.stage is stage]

    def _outcome(self, interrupted: str) -> ReleaseOutcome:
        steps = [
            Done(stage=evidence.stage, step=name, result="there", note=f"by evidence: {look.note}")
            for evidence in self.plan.given
            for name, look in evidence.steps.items()
        ]
        for seen in self.plan.seen:
            missed = Done(
                stage=seen.stage.name,
                step=seen.step.name,
                result="not reached",
                note="" if seen.look is None else seen.look.note,
            )
            steps.append(self._done.get(_key(seen), missed))
        return ReleaseOutcome(steps=tuple(steps), interrupted=interrupted)


def _key(seen: StepState) -> _Key:
    return seen.stage.name, seen.step.name
