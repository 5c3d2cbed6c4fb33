"""Carrying a plan out: the order, what runs beside what, and what every fault comes to."""

from __future__ import annotations

import signal
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from tradai_tasks.background import interruptible
from tradai_tasks.errors import (
    BadArgumentsError,
    ConflictError,
    DirtyTreeError,
    EvidenceError,
    StoppedError,
    TasksError,
)
from tradai_tasks.release.engine.evidence import Evidence, Store, Subject
from tradai_tasks.release.engine.plan import choose, look_at, plan_of
from tradai_tasks.release.engine.runner import Engine, ReleaseOutcome
from tradai_tasks.release.engine.step import Known, Look, Preparing, Stage, Step

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


@pytest.fixture
def store(tmp_path: Path) -> Store:
    subject = Subject(tag="momentum-v1.0.0", commit="a" * 40, lock="b" * 64)
    return Store(folder=tmp_path / "evidence", subject=subject, key=b"k" * 32)


def engine(store: Store, stages: list[Stage], **changed: Any) -> Engine:
    said: list[str] = []
    given: dict[str, Any] = {
        "plan": plan_of(look_at(stages, []), []),
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


# --- what is done ---------------------------------------------------------------------------------


def test_everything_is_done_once_and_the_second_time_is_there(store: Store) -> None:
    world = World()
    outcome = release(store, world)
    assert results(outcome) == dict.fromkeys("lt", "done") | {"i": "done", "m": "done"} | {
        "alias": "done"
    }
    assert outcome.is_complete
    assert outcome.has_changed
    acts = [event for event in world.events if event.startswith("act")]
    assert sorted(acts[:2]) == ["act l", "act t"]
    assert acts[2:] == ["act i", "act m", "act alias"]

    world.events.clear()
    again = release(store, world)
    assert set(results(again).values()) == {"there"}
    assert again.is_complete
    assert not again.has_changed
    assert not any(event.startswith("act") for event in world.events)
    assert [name for *_, name in again.rows()] == ["there"] * 5


def test_each_stage_leaves_evidence_with_its_records(store: Store) -> None:
    release(store, World())
    for stage in ORDER:
        evidence = store.require(stage)
        assert evidence.verdict == "passed"
    assert store.require("image").steps == {
        "i": Look(state="done", note="made", record={"made": "i"})
    }


def test_gates_run_beside_one_another_and_nothing_acts_before_all_have_passed(
    store: Store,
) -> None:
    world = World()
    both = threading.Barrier(2, timeout=60)  # passed only if both are in it
    stages = [
        gate("lint", Fake("l", world, during=both.wait)),
        gate("test", Fake("t", world, during=both.wait)),
        Stage(name="image", steps=(Fake("i", world),)),
    ]
    assert engine(store, stages).run().is_complete
    assert world.events.index("act i") > max(world.events.index(f"act {x}") for x in "lt")


def test_the_last_gate_begins_first_where_others_can_run_beside_it(store: Store) -> None:
    world = World()
    steps = {name: Fake(name, world) for name in ("lint", "types", "backtest")}
    stages = [gate(name, step) for name, step in steps.items()]
    alone = engine(store, stages, jobs=1).run()
    assert alone.is_complete
    acts = [event for event in world.events if event.startswith("act")]
    assert acts == ["act lint", "act types", "act backtest"]
    world.events.clear()
    world.there.clear()
    engine(store, stages).run()
    assert next(event for event in world.events if event.startswith("act")) == "act backtest"


def test_steps_of_a_stage_run_beside_one_another_up_to_its_number(store: Store) -> None:
    world = World()
    both = threading.Barrier(2, timeout=60)
    steps = tuple(Fake(n, world, during=both.wait) for n in "ab")
    stage = Stage(name="images", steps=steps, parallel=2)
    assert engine(store, [stage]).run().is_complete
    assert results(engine(store, [stage]).run()) == {"a": "there", "b": "there"}


def test_a_step_is_prepared_beside_the_gates_if_there_are_any_to_run(store: Store) -> None:
    world = World()
    image = Prepared("i", world)
    assert isinstance(image, Preparing)
    stages = [gate("lint", Fake("l", world)), Stage(name="image", steps=(image,))]
    assert engine(store, stages).run().is_complete
    assert world.events.index("prepare i") < world.events.index("act i")
    world.events.clear()
    world.there.remove("i")
    assert engine(store, stages).run().is_complete
    assert "prepare i" not in world.events
    assert "act i" in world.events


def test_what_is_left_alone_or_skipped_is_no_failure(store: Store) -> None:
    world = World()
    stages = [
        gate("test", Fake("t", world, state="skipped")),
        Stage(name="image", steps=(Fake("latest", world, state="left"),)),
    ]
    outcome = engine(store, stages).run()
    assert results(outcome) == {"t": "skipped", "latest": "left"}
    assert outcome.is_complete
    assert not outcome.has_changed


def test_what_another_has_made_meanwhile_is_not_made_again(store: Store) -> None:
    world = World()
    stages = [
        gate("lint", Fake("l", world, during=lambda: world.there.add("i"))),
        Stage(name="image", steps=(Fake("i", world),)),
    ]
    outcome = engine(store, stages).run()
    assert results(outcome) == {"l": "done", "i": "there"}
    assert "act i" not in world.events


def test_a_later_step_is_looked_at_again_once_something_was_made(store: Store) -> None:
    world = World(there={"m"})
    model = Fake("m", world)

    def differ() -> None:
        model.conflict = ConflictError("its image is another")

    stages = [
        Stage(name="image", steps=(Fake("i", world, during=differ),)),
        Stage(name="mlflow", steps=(model,)),
    ]
    outcome = engine(store, stages).run()
    assert results(outcome) == {"i": "done", "m": "failed"}
    assert outcome.faults == ("mlflow m: its image is another",)
    assert not outcome.is_complete


# --- what fails -----------------------------------------------------------------------------------


def test_a_gate_that_fails_ends_the_others_and_nothing_acts(store: Store) -> None:
    world = World()
    stop = threading.Event()

    def until_stopped() -> None:
        assert stop.wait(60)
        raise StoppedError("stopped")

    stages = [
        gate("lint", Fake("l", world, fault=TasksError("a long line"))),
        gate("types", Fake("y", world)),
        gate("test", Fake("t", world, during=until_stopped)),
        Stage(name="image", steps=(Fake("i", world),)),
    ]
    outcome = engine(store, stages, stop=stop).run()
    assert results(outcome) == {
        "l": "failed", "y": "not reached", "t": "stopped", "i": "not reached"
    }  # fmt: skip
    assert outcome.faults == ("lint l: a long line",)
    assert not outcome.is_complete
    with pytest.raises(EvidenceError, match="it did not pass: a long line"):
        store.require("lint")
    for stage in ("types", "test", "image"):
        with pytest.raises(EvidenceError, match="there is none"):
            store.require(stage)


def test_a_preparation_that_fails_ends_it_too(store: Store) -> None:
    world = World()
    image = Prepared("i", world, prepare_fault=TasksError("no space"))
    stages = [gate("lint", Fake("l", world)), Stage(name="image", steps=(image,))]
    outcome = engine(store, stages, jobs=1).run()
    assert results(outcome) == {"l": "done", "i": "failed"}
    assert "act i" not in world.events


def test_all_faults_of_a_stage_are_collected_and_later_stages_do_not_run(store: Store) -> None:
    world = World()
    steps = tuple(Fake(name, world, fault=TasksError(f"no {name}")) for name in "ab")
    stages = [
        Stage(name="images", steps=(*steps, Fake("c", world)), parallel=2),
        Stage(name="mlflow", steps=(Fake("m", world),)),
    ]
    outcome = engine(store, stages).run()
    assert set(outcome.faults) == {"images a: no a", "images b: no b"}
    assert results(outcome)["m"] == "not reached"
    with pytest.raises(EvidenceError, match="no a"):
        store.require("images")


def test_in_a_stage_in_order_what_follows_a_failure_does_not_begin(store: Store) -> None:
    world = World()
    steps = (Fake("m", world, fault=TasksError("no")), Fake("alias", world))
    outcome = engine(store, [Stage(name="mlflow", steps=steps)]).run()
    assert results(outcome) == {"m": "failed", "alias": "not reached"}


def test_a_tree_that_changed_while_a_gate_ran_fails_that_gate(store: Store) -> None:
    def moved() -> None:
        raise DirtyTreeError("a.py changed")

    outcome = release(store, World(), after_gate=moved, jobs=1)
    assert outcome.faults == ("lint l: a.py changed",)
    with pytest.raises(EvidenceError, match="py changed"):
        store.require("lint")


def test_a_tree_that_changed_since_the_gates_stops_what_would_act(store: Store) -> None:
    def moved() -> None:
        raise DirtyTreeError("a.py changed")

    world = World()
    with pytest.raises(DirtyTreeError):
        release(store, world, before_acting=moved)
    assert "act i" not in world.events


def test_a_fault_of_the_library_itself_is_not_swallowed(store: Store) -> None:
    def broken() -> None:
        raise ZeroDivisionError

    stop = threading.Event()
    stages = [gate("lint", Fake("l", World(), during=broken))]
    with pytest.raises(ZeroDivisionError):
        engine(store, stages, stop=stop).run()
    assert stop.is_set()
    with pytest.raises(EvidenceError):
        store.require("lint")


def test_a_step_that_acts_and_is_still_to_do_is_a_fault(store: Store) -> None:
    class Idle(Fake):
        def act(self, known: Known) -> Look:
            return Look(state="todo", note="not yet")

    with pytest.raises(AssertionError, match="acted and is still to do"):
        engine(store, [Stage(name="image", steps=(Idle("i", World()),))]).run()


def test_a_plan_with_faults_is_not_carried_out(store: Store) -> None:
    step = Fake("i", World(), conflict=ConflictError("other"))
    with pytest.raises(AssertionError):
        engine(store, [Stage(name="image", steps=(step,))]).run()


def test_what_takes_long_is_said_again_and_again(store: Store) -> None:
    said: list[str] = []
    enough = threading.Event()

    def say(line: str) -> None:
        said.append(line)
        if len([one for one in said if one.startswith("still running")]) > 1:
            enough.set()

    stages = [gate("lint", Fake("l", World(), during=lambda: enough.wait(60)))]
    engine(store, stages, say=say, heartbeat=0.01).run()
    assert enough.is_set()
    assert said[0] == "lint l: to be made"
    assert any(line.startswith("still running: lint l (") for line in said)
    assert said[-1].startswith("lint l: done in ")


# --- the plan -------------------------------------------------------------------------------------


def test_a_plan_says_what_is_there_and_what_lacks(store: Store) -> None:
    world = World(there={"l"})
    given = Evidence(
        stage="unit",
        tag="t",
        commit="c",
        lock="l",
        verdict="passed",
        steps={"u": Look(state="done", note="passed")},
    )
    stages = [
        gate("lint", Fake("l", world)),
        Stage(name="image", steps=(Fake("i", world), Fake("latest", world, state="left"))),
        Stage(name="mlflow", steps=(Fake("m", world, conflict=ConflictError("is another")),)),
    ]
    plan = plan_of(look_at(stages, [given]), [given])
    assert plan.rows() == [
        ("unit", "u", "there", "by evidence: passed"),
        ("lint", "l", "there", "there"),
        ("image", "i", "to do", "to be made"),
        ("image", "latest", "left", "as it is"),
        ("mlflow", "m", "unknown", "is another"),
    ]
    assert plan.faults == ("mlflow m: is another",)
    assert [seen.step.name for seen in plan.todo] == ["i"]
    assert not plan.is_complete
    assert plan.known["unit"] == {"u": {}}
    assert plan.known["lint"] == {"l": {"made": "l"}}
    assert plan.known["image"] == {"latest": {}}
    document = plan.as_document()
    assert document["complete"] is False
    assert document["steps"][2] == {
        "stage": "image", "step": "i", "state": "to do", "note": "to be made"
    }  # fmt: skip
    made = engine(store, [stages[0]])
    made.plan = plan_of(look_at([stages[0]], [given]), [given])
    assert made.run().steps[0].note == "by evidence: passed"


@pytest.mark.parametrize(
    ("only", "start", "given", "active"),
    [
        ([], None, "", "lint test image mlflow"),
        ([], "lint", "", "lint test image mlflow"),
        ([], "image", "lint test", "image mlflow"),
        (["test"], None, "", "test"),
        (["test", "lint"], None, "", "lint test"),
        (["image"], None, "lint test", "image"),
        (["mlflow"], None, "lint test image", "mlflow"),
        (["lint", "mlflow"], None, "test image", "lint mlflow"),
    ],
)
def test_which_stages_run_and_of_which_there_must_be_evidence(
    only: list[str], start: str | None, given: str, active: str
) -> None:
    chosen = choose(ORDER, only=only, start=start)
    assert chosen.given == tuple(given.split())
    assert chosen.active == tuple(active.split())


@pytest.mark.parametrize(
    ("only", "start", "said"),
    [
        (["imgae"], None, "--only imgae: there is no such stage; did you mean 'image'?"),
        ([], "xyz", "--from xyz: there is no such stage; there are lint, test, image, mlflow"),
        (["lint"], "image", "--from and --only: give one of the two"),
    ],
)
def test_a_stage_that_there_is_not_is_refused(
    only: list[str], start: str | None, said: str
) -> None:
    with pytest.raises(BadArgumentsError, match="^" + said.replace("?", r"\?")):
        choose(ORDER, only=only, start=start)


# --- interrupted ----------------------------------------------------------------------------------


def interrupt() -> None:
    """Send an interrupt to the thread that runs the engine, as Ctrl-C does."""
    signal.pthread_kill(threading.main_thread().ident or 0, signal.SIGINT)


def test_an_interrupt_ends_what_runs_and_what_is_done_is_kept(store: Store) -> None:
    world, stop = World(), threading.Event()

    def waits() -> None:
        interrupt()
        assert stop.wait(20)
        raise StoppedError("its deployment goes on; run the same again")

    stages = [
        gate("lint", Fake("l", world)),
        Stage(name="image", steps=(Fake("i", world),)),
        Stage(name="deploy", steps=(Fake("d", world, during=waits), Fake("e", world))),
    ]
    with interruptible(stop):
        outcome = engine(store, stages, stop=stop).run()
    assert outcome.interrupted == "SIGINT"
    assert results(outcome) == {"l": "done", "i": "done", "d": "stopped", "e": "not reached"}
    assert "its deployment goes on; run the same again" in [row[4] for row in outcome.rows()]
    assert not outcome.is_complete
    assert isinstance(store.find("image"), Evidence)
    assert store.find("deploy") == ""  # neither passed nor failed
    assert engine(store, stages, stop=threading.Event()).plan.todo[0].step.name == "d"


def test_work_that_does_not_listen_is_left_behind(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("tradai_tasks.release.engine.runner._PATIENCE", 0.1)
    world, stop, end = World(), threading.Event(), threading.Event()

    def waits() -> None:
        interrupt()
        end.wait(20)

    begin = time.monotonic()
    stages = [Stage(name="deploy", steps=(Fake("d", world, during=waits),))]
    with interruptible(stop):
        outcome = engine(store, stages, stop=stop).run()
    end.set()
    assert time.monotonic() - begin < 5
    assert results(outcome) == {"d": "not reached"}
    assert outcome.interrupted == "SIGINT"
