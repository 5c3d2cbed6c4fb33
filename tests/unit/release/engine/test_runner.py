"""Carrying a plan out: the order, what runs beside what, and what every fault comes to."""

from __future__ import annotations

import threading

from tests.support.fake_steps import ORDER, Fake, Prepared, World, engine, gate, release, results
from tradai_tasks.errors import (
    ConflictError,
)
from tradai_tasks.release.engine.evidence import Store
from tradai_tasks.release.engine.step import Look, Preparing, Stage


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


def test_gates_run_in_parallel_and_nothing_acts_before_all_have_passed(
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


def test_the_last_gate_begins_first_where_others_can_run_in_parallel(store: Store) -> None:
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


def test_steps_of_a_stage_run_in_parallel_up_to_its_number(store: Store) -> None:
    world = World()
    both = threading.Barrier(2, timeout=60)
    steps = tuple(Fake(n, world, during=both.wait) for n in "ab")
    stage = Stage(name="images", steps=steps, parallel=2)
    assert engine(store, [stage]).run().is_complete
    assert results(engine(store, [stage]).run()) == {"a": "there", "b": "there"}


def test_a_step_is_prepared_during_the_gates_if_there_are_any_to_run(store: Store) -> None:
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
