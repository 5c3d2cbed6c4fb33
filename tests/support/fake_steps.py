"""An engine of steps that act on a world in memory."""

from __future__ import annotations

import threading
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from tradai_tasks.errors import (
    TasksError,
)
from tradai_tasks.release.engine.evidence import Store
from tradai_tasks.release.engine.plan import plan_of
from tradai_tasks.release.engine.runner import Engine, ReleaseOutcome
from tradai_tasks.release.engine.step import Known, Look, Stage, Step

ORDER = {"lint": True, "test": True, "image": False, "mlflow": False}


@dataclass(eq=False)
class World:
    """What steps find and change, and in which order that happened."""

    there: set[str] = field(default_factory=set)
    events: list[str] = field(default_factory=list)
    lock: threading.Lock = field(default_factory=threading.Lock)

    def note(self, event: str) -> None:
        with self.lock:
            self.events.append(event)


@dataclass(eq=False)
class Fake:
    """A step that is done once its name is in the world."""

    name: str
    world: World
    fault: TasksError | None = None  # of its act
    conflict: TasksError | None = None  # of its look
    state: Any = None  # what it finds, whatever the world
    needs: str | None = None  # step of an earlier stage whose record it takes
    during: Callable[[], object] = lambda: None

    def look(self, known: Known) -> Look:
        self.world.note(f"look {self.name}")
        if self.conflict:
            raise self.conflict
        if self.state:
            return Look(state=self.state, note="as it is")
        if self.name in self.world.there:
            return Look(state="done", note="there", record={"made": self.name})
        return Look(state="todo", note="to be made")

    def act(self, known: Known) -> Look:
        self.world.note(f"act {self.name}")
        self.during()
        if self.fault:
            raise self.fault
        if self.needs:
            assert any(self.needs in steps for steps in known.values()), known
        self.world.there.add(self.name)
        return Look(state="done", note="made", record={"made": self.name})


@dataclass(eq=False)
class Prepared(Fake):
    prepare_fault: TasksError | None = None

    def prepare(self, known: Known) -> None:
        self.world.note(f"prepare {self.name}")
        if self.prepare_fault:
            raise self.prepare_fault


def gate(name: str, *steps: Step) -> Stage:
    return Stage(name=name, steps=steps, is_gate=True)


def engine(store: Store, stages: list[Stage], **changed: Any) -> Engine:
    said: list[str] = []
    given: dict[str, Any] = {
        "plan": plan_of(stages, []),
        "store": store,
        "jobs": 2,
        "say": said.append,
        "after_gate": lambda: None,
        "before_acting": lambda: None,
        **changed,
    }
    made = Engine(**given)
    made.said = said  # type: ignore[attr-defined]  # for the tests to read
    return made


def results(outcome: ReleaseOutcome) -> dict[str, str]:
    return {one.step: one.result for one in outcome.steps}


def release(store: Store, world: World, **changed: Any) -> ReleaseOutcome:
    """The usual four stages, once."""
    stages = [
        gate("lint", Fake("l", world)),
        gate("test", Fake("t", world)),
        Stage(name="image", steps=(Fake("i", world),)),
        Stage(name="mlflow", steps=(Fake("m", world, needs="i"), Fake("alias", world, needs="m"))),
    ]
    return engine(store, stages, **changed).run()
