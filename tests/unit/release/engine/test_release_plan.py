"""The plan of a release: what there is and what is missing."""

from __future__ import annotations

import pytest

from tests.support.fake_steps import ORDER, Fake, World, engine, gate
from tradai_tasks.errors import (
    BadArgumentsError,
    ConflictError,
)
from tradai_tasks.release.engine.evidence import Evidence, Store
from tradai_tasks.release.engine.plan import choose, plan_of
from tradai_tasks.release.engine.step import Look, Stage


def test_a_plan_says_what_is_there_and_what_is_missing(store: Store) -> None:
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
    plan = plan_of(stages, [given])
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
    made.plan = plan_of([stages[0]], [given])
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
