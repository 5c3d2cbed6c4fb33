"""The step of an ECS service against a loopback ECS, by the real client."""

from __future__ import annotations

import re
from typing import Any

import pytest

from tests.support.ecs import Ecs, Fate
from tests.support.released_images import NEW, OLD, Registry
from tests.support.service_steps import backend, step
from tradai_tasks.errors import (
    ConflictError,
    DeploymentFailedError,
    DeployTimeoutError,
    NewerReleaseError,
)
from tradai_tasks.release.clients.aws import Aws


def test_a_new_image_is_brought_to_every_task_and_a_second_run_does_nothing(
    ecs: Ecs, registry: Registry
) -> None:
    service = backend(ecs)
    found = step(registry).look({})
    assert (found.state, found.note) == (
        "todo",
        "prod/backend-api: 2 tasks of 2 on sha256:aaaaaaaaaaaa",
    )
    assert service.started == 0  # a look changes nothing
    done = step(registry).act({})
    assert (done.state, done.note) == ("done", "prod/backend-api: 2 tasks on the release's image")
    assert done.record == {
        "cluster": "prod",
        "service": "backend-api",
        "digests": [NEW],
        "environment": "prod",
        "rollback_from": "",
        "unknown_replaced": [],
    }
    assert service.running == [NEW, NEW]
    again = step(registry)
    assert again.look({}).state == "done"
    assert again.act({}).state == "done"
    assert service.started == 1


def test_what_runs_already_is_left_alone(ecs: Ecs, registry: Registry) -> None:
    service = backend(ecs, running=NEW)
    assert step(registry).look({}).state == "done"
    assert service.started == 0


@pytest.mark.parametrize(
    ("fate", "words"),
    [
        ("failed", ["circuit breaker: tasks failed to start"]),
        ("rollback", ["its deployment failed"]),
        ("revert", ["rolling back to deploymentId", "now backend-api:7 by ecs-svc/1"]),
        ("stale", ["its new tasks run sha256:aaaaaaaaaaaa"]),
    ],
)
def test_a_deployment_that_goes_wrong_fails_and_the_next_run_finishes(
    ecs: Ecs, registry: Registry, fate: Fate, words: list[str]
) -> None:
    service = backend(ecs, fate=fate)
    with pytest.raises(DeploymentFailedError) as raised:
        step(registry).act({})
    for word in ["prod/backend-api: ", *words, "run it again"]:
        assert word in str(raised.value)
    assert "\n" not in str(raised.value)
    assert NEW not in service.running
    service.fate = "good"
    assert step(registry).look({}).state == "todo"
    assert step(registry).act({}).state == "done"
    assert service.running == [NEW, NEW]


def test_a_deployment_of_somebody_else_is_waited_for_and_then_judged(
    ecs: Ecs, registry: Registry
) -> None:
    service = backend(ecs, fate="replaced")
    assert step(registry).act({}).state == "done"
    assert service.running == [NEW, NEW]
    assert service.started == 2  # what the other one started had the old image


def test_a_newer_release_stays_unless_a_roll_back_is_asked_for(
    ecs: Ecs, registry: Registry
) -> None:
    service = backend(ecs, running=NEW)
    refusal = (
        "prod/backend-api: runs v1.2.0, which is newer than v1.1.0, and stays at it; to take it "
        "back on purpose: nox -s deploy -- v1.1.0 --rollback --environment prod"
    )
    old = step(registry, "v1.1.0")
    for attempt in (old.look, old.act):
        with pytest.raises(NewerReleaseError, match=re.escape(refusal)):
            attempt({})
    assert step(registry, "v1.1.0", after_images=True).look({}).obstacle == refusal
    registry.images["latest"] = registry.images["v1.1.0"]  # by a run that was late
    with pytest.raises(NewerReleaseError, match=re.escape(refusal)):
        old.act({})
    assert service.started == 0
    back = step(registry, "v1.1.0", any_order=True)
    assert back.look({}).note.endswith("2 tasks of 2 on sha256:bbbbbbbbbbbb, back from v1.2.0")
    done = back.act({})
    assert (done.state, done.record["rollback_from"]) == ("done", "v1.2.0")
    assert done.note.endswith("back from v1.2.0")
    assert service.running == [OLD, OLD]


@pytest.mark.parametrize("at", range(1, 7))
@pytest.mark.parametrize("tags", [("v1.1.0", "v1.2.0"), ("v1.2.0", "v1.1.0")], ids="-".join)
def test_of_two_runs_at_once_the_newer_release_stays(
    ecs: Ecs, registry: Registry, tags: tuple[str, str], at: int
) -> None:
    """The other run deploys, whole, right before the n-th look of this one or its start.

    `latest` is the older release's until the newer one is deployed, as while images are pushed.
    """
    service = backend(ecs, running="sha256:" + "d" * 64)
    original, count = Aws.call, 0
    others: list[str] = []
    registry.images["latest"] = registry.images["v1.1.0"]

    def ended(tag: str) -> str:
        if tag == "v1.2.0":
            registry.images["latest"] = registry.images["v1.2.0"]
        try:
            return step(registry, tag).act({}).state
        except ConflictError as error:
            return str(error).partition("; ")[0]

    def call(self: Aws, service: str, operation: str, /, **given: Any) -> Any:
        nonlocal count
        count += operation == "describe_services"
        if count == at and not others:
            others.append("")
            others[0] = ended(tags[1])
        return original(self, service, operation, **given)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Aws, "call", call)
        own = ended(tags[0])
    ends = dict(zip(tags, (own, *(others or [ended(tags[1])])), strict=True))
    assert ends["v1.2.0"] == "done", ends
    assert ends["v1.1.0"] == "done" or "v1.2.0" in ends["v1.1.0"] or "latest" in ends["v1.1.0"]
    assert service.running == [NEW, NEW]


def test_old_tasks_that_linger_are_waited_for(ecs: Ecs, registry: Registry) -> None:
    service = backend(ecs, linger=4)
    assert step(registry).act({}).state == "done"
    assert service.running == [NEW, NEW]
    assert service.started == 1


@pytest.mark.usefixtures("eight_looks")
def test_stable_is_not_new(ecs: Ecs, registry: Registry) -> None:
    service = backend(ecs, linger=1_000_000)
    with pytest.raises(DeployTimeoutError) as raised:
        step(registry, timeout=9).act({})
    assert str(raised.value).startswith(
        "prod/backend-api: not done after 9 s: 2 tasks still on sha256:aaaaaaaaaaaa; ECS says: "
    )
    found = step(registry).look({})
    assert found.state == "todo"
    for task in service.tasks:
        task.linger = 0
    assert step(registry).act({}).state == "done"
    assert service.started == 1  # the old ones went by themselves


@pytest.mark.usefixtures("eight_looks")
def test_a_deployment_that_never_ends_is_a_timeout_that_a_rerun_waits_on(
    ecs: Ecs, registry: Registry
) -> None:
    service = backend(ecs, fate="stuck")
    with pytest.raises(DeployTimeoutError, match=r"unable to place a task.*raise deploy\.timeout"):
        step(registry, timeout=9).act({})
    assert step(registry).look({}).state == "todo"
    with pytest.raises(DeployTimeoutError):
        step(registry, timeout=9).act({})
    assert service.started == 1
    service.fate = "good"
    service.primary.age = 1
    assert step(registry).act({}).state == "done"
    assert service.started == 1
