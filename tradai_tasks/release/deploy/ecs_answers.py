"""Read what ECS answers about a service and its tasks."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from tradai_tasks.release.deploy.ecs_decisions import Deployment, EcsTask, Observed
from tradai_tasks.release.images.released_image import split_image


def observed_of(described: Mapping[str, Any], tasks: Iterable[EcsTask]) -> Observed:
    """Return the state of a service, from an item of `services` in ECS's answer and its tasks."""
    events = described.get("events") or [{}]
    return Observed(
        desired=int(described.get("desiredCount", 0)),
        deployments=tuple(
            Deployment(
                id=str(one["id"]),
                is_primary=one.get("status") == "PRIMARY",
                rollout=one.get("rolloutState"),
                reason=str(one.get("rolloutStateReason") or ""),
                task_definition=str(one.get("taskDefinition", "")).rpartition("/")[2],
            )
            for one in described.get("deployments", [])
        ),
        tasks=tuple(tasks),
        event=" ".join(str(events[0].get("message", "")).split()),
    )


def task_of(one: Mapping[str, Any], repository: str) -> EcsTask:
    """Return the state of a task, from an item of `tasks` in ECS's answer."""
    containers = [
        container
        for container in one.get("containers", [])
        if split_image(str(container.get("image", "")))[0] == repository
    ]
    return EcsTask(
        id=str(one["taskArn"]).rpartition("/")[2],
        # a task of an unrelated image belongs to no release
        digests=tuple(c.get("imageDigest") for c in containers) or ("another image",),
        deployment=one.get("startedBy"),
        is_going=one.get("desiredStatus") == "STOPPED",
    )
