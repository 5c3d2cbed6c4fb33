"""Faults of ECS: waited out, or an error at once, and never two deployments."""

from __future__ import annotations

from typing import Any

import pytest

from tests.support.ecs import Ecs, Fault
from tests.support.released_images import NEW, Registry, remote
from tests.support.service_steps import CHILD, backend, step
from tradai_tasks.errors import (
    AwsDeniedError,
    AwsError,
    AwsExpiredError,
    AwsThrottledError,
    AwsUnreachableError,
    ClusterMissingError,
    DeploymentFailedError,
    ServiceMissingError,
)
from tradai_tasks.release.deploy.ecs_step import ServiceStep


def test_a_run_that_was_cut_while_it_waited_is_taken_up(ecs: Ecs, registry: Registry) -> None:
    service = backend(ecs)
    assert step(registry).start() == service.primary.id  # and then the run was killed
    assert step(registry).look({}).state == "todo"
    assert step(registry).act({}).state == "done"
    assert service.started == 1


def test_a_foreign_deployment_under_way_with_another_image_is_overtaken(
    ecs: Ecs, registry: Registry
) -> None:
    service = backend(ecs)
    registry.images["latest"] = remote(CHILD)
    step(registry).start()
    registry.images["latest"] = registry.images["v1.2.0"]
    assert step(registry).act({}).state == "done"
    assert service.running == [NEW, NEW]
    assert service.started == 2


@pytest.mark.parametrize("operation", ["DescribeServices", "ListTasks", "DescribeTasks"])
@pytest.mark.parametrize("fault", ["throttled", "drop"])
def test_faults_while_waiting_are_waited_out(
    ecs: Ecs, registry: Registry, operation: str, fault: Fault
) -> None:
    service = backend(ecs)
    step(registry).start()
    made = step(registry)
    ecs.faults += [(operation, fault)] * 2
    # at the first look, before it waits, they are errors
    for _ in range(2):
        with pytest.raises((AwsThrottledError, AwsUnreachableError)):
            made.look({})
    original = ServiceStep.observed
    left = 3

    def observed(self: ServiceStep) -> Any:
        nonlocal left
        if left:
            left -= 1
            ecs.faults.append((operation, fault))
        return original(self)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(ServiceStep, "observed", observed)
        assert made.act({}).state == "done"
    assert left == 0
    assert service.started == 1


@pytest.mark.parametrize("fault", ["throttled", "drop", "lost"])
def test_faults_at_the_start_never_start_it_twice(
    ecs: Ecs, registry: Registry, fault: Fault
) -> None:
    service = backend(ecs)
    ecs.faults.append(("UpdateService", fault))
    assert step(registry).act({}).state == "done"
    assert service.started == 1
    assert service.running == [NEW, NEW]


def test_a_lost_answer_and_then_a_failure_is_a_failure(ecs: Ecs, registry: Registry) -> None:
    service = backend(ecs, fate="failed")
    ecs.faults.append(("UpdateService", "lost"))
    with pytest.raises(DeploymentFailedError):
        step(registry).act({})
    assert service.started == 1


@pytest.mark.parametrize(
    ("fault", "kind", "words"),
    [
        ("denied", AwsDeniedError, "allow the action ecs:UpdateService in the IAM policy"),
        ("expired", AwsExpiredError, "have expired"),
        ("error", AwsError, "ecs:UpdateService: ServerException: Service down"),
    ],
)
def test_what_no_waiting_fixes_is_an_error_at_once(
    ecs: Ecs, registry: Registry, fault: Fault, kind: type[AwsError], words: str
) -> None:
    service = backend(ecs)
    ecs.faults.append(("UpdateService", fault))
    with pytest.raises(kind, match=words):
        step(registry).act({})
    assert service.started == 0
    assert step(registry).act({}).state == "done"


@pytest.mark.usefixtures("eight_looks")
def test_throttling_without_end_is_an_error(ecs: Ecs, registry: Registry) -> None:
    backend(ecs)
    ecs.faults += [("UpdateService", "throttled")] * 10_000
    with pytest.raises(AwsThrottledError, match="ecs:UpdateService: AWS throttles"):
        step(registry, timeout=9).act({})


def test_a_missing_service_is_skipped_only_where_that_is_allowed(
    ecs: Ecs, registry: Registry
) -> None:
    ecs.clusters["prod"] = {}
    with pytest.raises(ServiceMissingError) as raised:
        step(registry).look({})
    assert str(raised.value) == (
        "cluster prod has no ECS service 'backend-api'; provision it, name the one that runs "
        "backend in deploy.environments.prod.services, or allow it to be missing: "
        'deploy.environments.prod.missing-service = "skip"'
    )
    allowed = step(registry, missing="skip", environment="dev")
    for found in (allowed.look({}), allowed.act({})):
        assert (found.state, found.note) == (
            "skipped",
            "cluster prod has no ECS service 'backend-api'; skipped in dev",
        )
    backend(ecs, status="INACTIVE")  # one that was deleted is described for a while
    with pytest.raises(ServiceMissingError):
        step(registry).look({})


def test_a_missing_cluster_is_always_an_error(ecs: Ecs, registry: Registry) -> None:
    for missing in ("error", "skip"):
        with pytest.raises(ClusterMissingError) as raised:
            step(registry, missing=missing, environment="dev").look({})
        assert str(raised.value) == (
            "ECS has no cluster 'prod' in the region of dev; provision it, or fix "
            "deploy.environments.dev.cluster"
        )


def test_a_service_of_no_tasks_is_not_called_verified(ecs: Ecs, registry: Registry) -> None:
    service = backend(ecs, desired=0)
    for found in (step(registry).look({}), step(registry).act({})):
        assert found.state == "left"
        assert "its desired count is 0" in found.note
        assert "--service backend-api --desired-count 1 --force-new-deployment" in found.note
    assert service.started == 0


def test_no_secret_is_shown(ecs: Ecs, registry: Registry) -> None:
    backend(ecs)
    ecs.faults.append(("DescribeServices", "denied"))
    made = step(registry)
    with pytest.raises(AwsDeniedError) as raised:
        made.look({})
    assert "marked-secret" not in f"{raised.value}{made!r}"
