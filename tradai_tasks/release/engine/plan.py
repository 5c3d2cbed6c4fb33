"""Choose the stages of a release, look at every step, and compute the plan from that."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

from tradai_tasks.background import side_by_side
from tradai_tasks.errors import BadArgumentsError, TasksError
from tradai_tasks.release.engine.evidence import Evidence
from tradai_tasks.release.engine.step import Known, Look, Stage, Step
from tradai_tasks.text import similar

_WORDS = {"done": "there", "todo": "to do", "left": "left", "skipped": "skipped"}


@dataclass(frozen=True, kw_only=True, slots=True)
class Chosen:
    """Which stages run, and which must have evidence of an earlier run."""

    given: tuple[str, ...]  # ran earlier, perhaps in another job
    active: tuple[str, ...]


@dataclass(frozen=True, kw_only=True, slots=True)
class StepState:
    """A step, and what its look found or why it failed."""

    stage: Stage
    step: Step
    look: Look | None
    fault: TasksError | None = None

    @property
    def is_todo(self) -> bool:
        """Whether the step has something to do."""
        return self.look is not None and self.look.state == "todo"


@dataclass(frozen=True, kw_only=True, slots=True)
class Plan:
    """Every step of a release: what is to do, and what is there already."""

    given: tuple[Evidence, ...]
    seen: tuple[StepState, ...]
    known: Known

    @property
    def faults(self) -> tuple[str, ...]:
        """Looks that failed or found a conflict; steps with the same fault share a line."""
        steps: dict[str, list[str]] = {}
        for seen in self.seen:
            if seen.fault:
                steps.setdefault(str(seen.fault), []).append(f"{seen.stage.name} {seen.step.name}")
        return tuple(f"{', '.join(names)}: {fault}" for fault, names in steps.items())

    @property
    def obstacles(self) -> tuple[str, ...]:
        """Why steps that are to do would fail, where that is known."""
        looks = [(f"{one.stage.name} {one.step.name}", one.look) for one in self.todo if one.look]
        return tuple(f"{name}: {look.obstacle}" for name, look in looks if look.obstacle)

    @property
    def todo(self) -> tuple[StepState, ...]:
        """The steps that have something to do, in order."""
        return tuple(seen for seen in self.seen if seen.is_todo)

    @property
    def is_complete(self) -> bool:
        """Whether every look succeeded and nothing is missing."""
        return not self.todo and not self.faults

    def rows(self) -> list[tuple[str, str, str, str]]:
        """Return (stage, step, state, note) of every step."""
        rows = [
            (evidence.stage, name, "there", f"by evidence: {look.note}")
            for evidence in self.given
            for name, look in evidence.steps.items()
        ]
        for seen in self.seen:
            state = "unknown" if seen.look is None else _WORDS[seen.look.state]
            note = str(seen.fault) if seen.look is None else seen.look.note
            rows.append((seen.stage.name, seen.step.name, state, note))
        return rows

    def as_document(self) -> dict[str, Any]:
        """Return the plan as JSON values, for scripts."""
        keys = ("stage", "step", "state", "note")
        return {
            "complete": self.is_complete,
            "steps": [dict(zip(keys, row, strict=True)) for row in self.rows()],
        }


def choose(order: Mapping[str, bool], *, only: Collection[str], start: str | None) -> Chosen:
    """Choose the stages to run, and those that must have passed before.

    A gate can run alone; any other stage depends on all stages before it. `order` has all stages,
    and whether each is a gate. Without `only` all run, and without `start` from the first.

    Raises:
        BadArgumentsError: There is no such stage, or both `only` and `start` are given.
    """
    names = list(order)
    for option, name in [*(("--only", name) for name in only), ("--from", start)]:
        if name is not None and name not in order:
            hint = similar(name, names) or f"there are {', '.join(names)}"
            raise BadArgumentsError(f"{option} {name}: there is no such stage; {hint}")
    if only and start is not None:
        raise BadArgumentsError("--from and --only: give one of the two")
    if start is not None:
        at = names.index(start)
        return Chosen(given=tuple(names[:at]), active=tuple(names[at:]))
    active = tuple(name for name in names if not only or name in only)
    acting = [names.index(name) for name in active if not order[name]]
    before = names[: max(acting)] if acting else []
    return Chosen(given=tuple(name for name in before if name not in active), active=active)


def plan_of(stages: Iterable[Stage], given: Sequence[Evidence]) -> Plan:
    """Look at every step, changing nothing, and return the plan that follows from it.

    Each step gets the records of the stages before it; `given` is the evidence of earlier ones.
    """
    known = {evidence.stage: records_of(evidence.steps) for evidence in given}
    found: list[StepState] = []
    for stage in stages:
        seen = _look_at_stage(stage, known)
        found += seen
        looks = {one.step.name: one.look for one in seen if one.look is not None}
        known[stage.name] = records_of(looks)
    return Plan(given=tuple(given), seen=tuple(found), known=known)


def records_of(looks: Mapping[str, Look]) -> dict[str, Mapping[str, Any]]:
    """Return the records of what exists; a step that is still to do has none."""
    return {name: look.record for name, look in looks.items() if look.state != "todo"}


def _look_at_stage(stage: Stage, known: dict[str, dict[str, Mapping[str, Any]]]) -> list[StepState]:
    if stage.parallel > 1 and len(stage.steps) > 1:
        looks = [partial(_look, stage, step, known) for step in stage.steps]
        return side_by_side(looks, stage.parallel)
    seen = []
    for step in stage.steps:
        one = _look(stage, step, known)
        seen.append(one)
        if one.look is not None:
            known.setdefault(stage.name, {}).update(records_of({step.name: one.look}))
    return seen


def _look(stage: Stage, step: Step, known: Known) -> StepState:
    try:
        return StepState(stage=stage, step=step, look=step.look(known))
    except TasksError as error:
        return StepState(stage=stage, step=step, look=None, fault=error)
