"""A loopback ECS: services that really roll out, at a pace of one step for each look at them.

It speaks the JSON 1.1 protocol that boto3 speaks, so the real client is what is tested. What a
deployment comes to is told it beforehand (`Service.fate`): a good end, a failed one, a roll-back by
the circuit breaker, old tasks that linger. Nothing here depends on time.
"""

from __future__ import annotations

import json
import re
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any, Literal

from tests.support.loopback import QuietHandler, serving

__all__ = ["Ecs", "Fate", "Fault", "Service", "ecs_server"]

# good: all as it should be. failed: tasks do not start and ECS gives up. rollback: the circuit
# breaker starts another deployment with the old image. revert: the old deployment is primary again.
# stuck: tasks never start. replaced: somebody else deploys meanwhile. stale: the new tasks have
# the old image, as when another `latest` was pulled.
Fate = Literal["good", "failed", "rollback", "revert", "stuck", "replaced", "stale"]
# denied and throttled: refused. error: status 500. drop: the connection ends, nothing is done.
# lost: it is done, and the connection ends before the answer.
# A number: refused with that status, by something that stands before ECS.
Fault = Literal["denied", "throttled", "error", "drop", "lost", "expired"] | int

_ACCOUNT = "arn:aws:ecs:eu-central-1:123456789012"
_CODES = {
    "denied": ("AccessDeniedException", "User: x is not authorized to perform: ecs:{} on y"),
    "throttled": ("ThrottlingException", "Rate exceeded"),
    "expired": ("ExpiredTokenException", "The security token included in the request is expired"),
}


@dataclass
class TaskState:
    """One task."""

    id: str
    deployment: str
    image: str
    digest: str | None
    status: str = "PENDING"
    desired: str = "RUNNING"
    linger: int = 0  # looks for which it goes on after it was told to stop


@dataclass
class DeploymentState:
    """One deployment."""

    id: str
    definition: str
    digest: str | None
    status: str = "PRIMARY"
    rollout: str = "IN_PROGRESS"
    reason: str = ""
    age: int = 0  # looks


@dataclass
class Service:
    """One service; a test sets what its next deployment comes to."""

    name: str
    image: str  # of its task definition, such as host/tradai/backend:latest
    desired: int = 1
    fate: Fate = "good"
    linger: int = 0  # looks for which old tasks go on once the new ones run
    sidecar: str = "public.example/proxy:1"
    controller: str = "ECS"
    status: str = "ACTIVE"
    deployments: list[DeploymentState] = field(default_factory=list)
    tasks: list[TaskState] = field(default_factory=list)
    started: int = 0  # deployments that somebody asked for
    events: list[str] = field(default_factory=list)

    @property
    def primary(self) -> DeploymentState:
        return next(one for one in self.deployments if one.status == "PRIMARY")

    @property
    def running(self) -> list[str | None]:
        """The digests that run, for assertions."""
        return sorted((one.digest for one in self.tasks if one.status == "RUNNING"), key=str)


class Ecs:
    """The state of the stand-in, and what it was asked."""

    def __init__(self) -> None:
        self.url = ""
        self._lock = threading.Lock()
        self.reset(lambda _: None)

    def reset(self, resolve: Callable[[str], str | None]) -> None:
        """Begin anew.

        Args:
            resolve: Returns the digest that an image's reference names at the time of a pull.
        """
        self.resolve = resolve
        self.clusters: dict[str, dict[str, Service]] = {}
        self.requests: list[str] = []
        self.faults: list[tuple[str, Fault]] = []  # operation and fault, each used once
        self.always: dict[str, Fault] = {}  # what goes wrong at each request, till cleared
        self._number = 0

    def add(self, cluster: str, service: Service, *, running: str | None = None) -> Service:
        """Add a service that has been running for long, with the image of a digest."""
        self.clusters.setdefault(cluster, {})[service.name] = service
        digest = running or self.resolve(service.image)
        first = self._deployment(service, digest)
        first.rollout = "COMPLETED"
        service.tasks = [self._task(service, first, "RUNNING") for _ in range(service.desired)]
        return service

    def count(self, operation: str) -> int:
        return self.requests.count(operation)

    # --- the API ---------------------------------------------------------------------------------

    def answer(self, operation: str, body: dict[str, Any]) -> tuple[int, dict[str, Any]]:
        handler = getattr(self, "_" + re.sub("(?<!^)(?=[A-Z])", "_", operation).lower(), None)
        if handler is None:
            return _fault("UnknownOperationException", operation)
        with self._lock:
            found: tuple[int, dict[str, Any]] = handler(body)
            return found

    def take_fault(self, operation: str) -> Fault | None:
        with self._lock:
            self.requests.append(operation)
            for one in self.faults:
                if one[0] == operation:
                    self.faults.remove(one)
                    return one[1]
            return self.always.get(operation)

    def _describe_services(self, body: dict[str, Any]) -> tuple[int, dict[str, Any]]:
        cluster = self.clusters.get(body.get("cluster", "default"))
        if cluster is None:
            return _fault("ClusterNotFoundException", "Cluster not found.")
        found, failures = [], []
        for name in body["services"]:
            if name in cluster:
                self._tick(cluster[name])
                found.append(_described(cluster[name]))
            else:
                failures.append({"arn": f"{_ACCOUNT}:service/{name}", "reason": "MISSING"})
        return 200, {"services": found, "failures": failures}

    def _update_service(self, body: dict[str, Any]) -> tuple[int, dict[str, Any]]:
        cluster = self.clusters.get(body.get("cluster", "default"))
        if cluster is None:
            return _fault("ClusterNotFoundException", "Cluster not found.")
        service = cluster.get(body["service"])
        if service is None or service.status != "ACTIVE":
            return _fault("ServiceNotFoundException", "Service not found.")
        if not body.get("forceNewDeployment"):
            return _fault("InvalidParameterException", "nothing to update")
        service.started += 1
        old = service.primary.digest
        self._deployment(service, old if service.fate == "stale" else self.resolve(service.image))
        return 200, {"service": _described(service)}

    def _list_tasks(self, body: dict[str, Any]) -> tuple[int, dict[str, Any]]:
        service = self.clusters[body["cluster"]][body["serviceName"]]
        wanted = body.get("desiredStatus", "RUNNING")
        arns = [_arn(one) for one in service.tasks if one.desired == wanted]
        start = int(body.get("nextToken") or 0)
        more = {"nextToken": str(start + 2)} if len(arns) > start + 2 else {}
        return 200, {"taskArns": arns[start : start + 2], **more}  # small pages, to be followed

    def _describe_tasks(self, body: dict[str, Any]) -> tuple[int, dict[str, Any]]:
        found = []
        for service in self.clusters[body["cluster"]].values():
            for one in service.tasks:
                if _arn(one) in body["tasks"]:
                    own = {"name": service.name, "image": one.image}
                    own |= {"imageDigest": one.digest} if one.digest else {}
                    side = {"name": "side", "image": service.sidecar, "imageDigest": "sha256:side"}
                    found.append(
                        {
                            "taskArn": _arn(one),
                            "lastStatus": one.status,
                            "desiredStatus": one.desired,
                            "startedBy": one.deployment,
                            "containers": [own, side],
                        }
                    )
        return 200, {"tasks": found, "failures": []}

    def _describe_task_definition(self, body: dict[str, Any]) -> tuple[int, dict[str, Any]]:
        for cluster in self.clusters.values():
            for service in cluster.values():
                if body["taskDefinition"] == _definition(service):
                    images = [("main", service.image), ("side", service.sidecar)]
                    definitions = [{"name": name, "image": image} for name, image in images]
                    return 200, {"taskDefinition": {"containerDefinitions": definitions}}
        return _fault("ClientException", "Unable to describe task definition.")

    # --- how things go on ------------------------------------------------------------------------

    def _tick(self, service: Service) -> None:
        """Bring a service one step further."""
        for one in [task for task in service.tasks if task.desired == "STOPPED"]:
            one.linger -= 1
            if one.linger < 0:
                service.tasks.remove(one)
        primary = service.primary
        if primary.rollout != "IN_PROGRESS":
            return
        primary.age += 1
        own = [one for one in service.tasks if one.deployment == primary.id]
        if primary.age == 1:
            new = [self._task(service, primary, "PENDING") for _ in range(service.desired)]
            for one in new:
                one.digest = None
            service.tasks += new
        elif primary.age == 2 and service.fate in {"good", "stale", "replaced"}:
            for one in own:
                one.status, one.digest = "RUNNING", primary.digest
        elif primary.age == 3:
            self._end(service, primary, own)

    def _end(self, service: Service, primary: DeploymentState, own: list[TaskState]) -> None:
        """Bring a deployment to the end that it was told."""
        fate, service.fate = service.fate, "stuck" if service.fate == "stuck" else "good"
        if fate in {"good", "stale"}:
            primary.rollout = "COMPLETED"
            for one in [task for task in service.tasks if task.deployment != primary.id]:
                one.desired, one.linger = "STOPPED", service.linger
            service.deployments = [primary]
            service.events.insert(0, f"(service {service.name}) has reached a steady state.")
            return
        if fate == "stuck":
            service.events.insert(0, "unable to place a task: no container instance\nmet all")
            return
        for one in own:
            service.tasks.remove(one)
        if fate == "failed":
            primary.rollout = "FAILED"
            primary.reason = "ECS deployment circuit breaker: tasks failed to start."
            return
        old = next(one for one in service.deployments if one.id != primary.id)
        if fate == "revert":
            service.deployments = [old]
            old.status = "PRIMARY"
            old.reason = f"ECS deployment circuit breaker: rolling back to deploymentId {old.id}."
            return
        primary.rollout = "FAILED" if fate == "rollback" else primary.rollout
        new = self._deployment(service, old.digest)
        if fate == "rollback":
            new.reason = f"ECS deployment circuit breaker: rolling back to deploymentId {old.id}."

    def _deployment(self, service: Service, digest: str | None) -> DeploymentState:
        self._number += 1
        for one in service.deployments:
            one.status = "ACTIVE"
        made = DeploymentState(
            id=f"ecs-svc/{self._number}", definition=_definition(service), digest=digest
        )
        service.deployments.insert(0, made)
        return made

    def _task(self, service: Service, deployment: DeploymentState, status: str) -> TaskState:
        self._number += 1
        return TaskState(
            id=f"task{self._number}",
            deployment=deployment.id,
            image=service.image,
            digest=deployment.digest,
            status=status,
        )


def _definition(service: Service) -> str:
    return f"{_ACCOUNT}:task-definition/{service.name}:7"


def _arn(task: TaskState) -> str:
    return f"{_ACCOUNT}:task/{task.id}"


def _fault(code: str, message: str) -> tuple[int, dict[str, Any]]:
    return 400, {"__type": code, "message": message}


def _described(service: Service) -> dict[str, Any]:
    return {
        "serviceName": service.name,
        "status": service.status,
        "desiredCount": service.desired,
        "runningCount": sum(one.status == "RUNNING" for one in service.tasks),
        "taskDefinition": _definition(service),
        "deploymentController": {"type": service.controller},
        "deployments": [
            {
                "id": one.id,
                "status": one.status,
                "taskDefinition": one.definition,
                "rolloutState": one.rollout,
                "rolloutStateReason": one.reason,
            }
            for one in service.deployments
        ],
        "events": [{"id": str(n), "message": text} for n, text in enumerate(service.events)],
    }


@contextmanager
def ecs_server() -> Iterator[Ecs]:
    """Serve a stand-in on loopback; its address is in `url`."""
    ecs = Ecs()

    class Handler(QuietHandler):
        protocol_version = "HTTP/1.1"
        disable_nagle_algorithm = True  # head and body are sent one after the other

        def do_POST(self) -> None:
            operation = self.headers["X-Amz-Target"].rpartition(".")[2]
            body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
            fault = ecs.take_fault(operation)
            if fault == "lost":
                ecs.answer(operation, body)
            if fault in {"drop", "lost"}:
                self.close_connection = True
                self.connection.close()
                return
            if isinstance(fault, int):
                status, answer = fault, {}
            elif fault == "error":
                status, answer = 500, {"__type": "ServerException", "message": "Service down."}
            elif fault is not None:
                code, text = _CODES[fault]
                status, answer = _fault(code, text.format(operation))
            else:
                status, answer = ecs.answer(operation, body)
            raw = json.dumps(answer).encode()
            self.send_response(status)
            self.send_header("Content-Type", "application/x-amz-json-1.1")
            self.send_header("Content-Length", str(len(raw)))
            self.end_headers()
            self.wfile.write(raw)

    with serving(Handler) as port:
        ecs.url = f"http://127.0.0.1:{port}"
        yield ecs
