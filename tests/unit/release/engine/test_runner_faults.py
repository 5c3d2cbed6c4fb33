"""What fails or is interrupted while a release runs."""

from __future__ import annotations

import signal
import threading
import time
from unittest import mock

import pytest

from tests.support.fake_steps import Fake, Prepared, World, engine, gate, release, results
from tradai_tasks.background import interruptible
from tradai_tasks.errors import (
    ConflictError,
    DirtyTreeError,
    EvidenceError,
    StoppedError,
    TasksError,
)
from tradai_tasks.release.engine import runner
from tradai_tasks.release.engine.evidence import Evidence, Store
from tradai_tasks.release.engine.step import Known, Look, Stage


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
    with mock.patch.object(runner, "_HEARTBEAT", 0.01):
        engine(store, stages, say=say).run()
    assert enough.is_set()
    assert said[0] == "lint l: to be made"
    assert any(line.startswith("still running: lint l (") for line in said)
    assert said[-1].startswith("lint l: done in ")


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


def test_work_that_does_not_listen_is_abandoned(
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
