"""Release step that makes an ECS service run the release's image."""

from __future__ import annotations

import threading
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

from tradai_tasks.errors import (
    AwsError,
    AwsUnreachableError,
    ClusterMissingError,
    ConflictError,
    DeploymentFailedError,
    DeployTimeoutError,
    NewerReleaseError,
    ReleaseImageMissingError,
    ServiceMissingError,
    TaskDefinitionError,
)
from tradai_tasks.release.clients.aws import Aws
from tradai_tasks.release.deploy.ecs_answers import observed_of, task_of
from tradai_tasks.release.deploy.ecs_decisions import (
    EcsTask,
    Observed,
    ServiceVerdict,
    judge,
    shown_digest,
)
from tradai_tasks.release.deploy.polling import polled
from tradai_tasks.release.deploy.release_order import Replaced, replaced
from tradai_tasks.release.engine.step import Known, Look
from tradai_tasks.release.images.released_image import ReleaseImage, split_image
from tradai_tasks.settings.deploy import Missing

_MOST = 100  # tasks that one DescribeTasks takes
_GONE = frozenset({"DEPROVISIONING", "STOPPED", "DELETED"})  # such a task serves no requests
_SETTLING = 3  # looks after which ECS must list a deployment that it has accepted


@dataclass(frozen=True, kw_only=True)
class ServiceStep:
    """Release step for one ECS service that must run the release's image."""

    name: str  # name of the service's folder
    aws: Aws
    cluster: str
    service: str
    environment: str
    image: ReleaseImage
    missing: Missing
    timeout: float  # seconds in which it must run the image
    interval: float  # seconds between two looks
    after_images: bool = False  # an earlier step of the same run is still to move `latest`
    leaves_latest: bool = False  # that step does not move `latest`: the release is a pre-release
    any_order: bool = False  # a newer release is taken back: for roll-backs and test tags
    stop: threading.Event | None = None  # ends a wait

    def look(self, known: Known) -> Look:
        """Ask ECS which image the tasks run."""
        del known  # the registry decides which image the tag names
        described = self._described()
        if described is None:
            return self._skipped()
        try:
            wanted = self.image.wanted()
        except ConflictError:
            if not self.after_images:
                raise
            wanted = None  # an earlier stage checks it, and replaces that of a test tag
        observed = self._observed(described)
        others = self._replaced(observed, wanted or frozenset())
        obstacle = self._refusal(others)
        if obstacle and not self.after_images:
            raise NewerReleaseError(obstacle)
        if wanted is None:
            if not self.after_images:
                raise self._absent()
            if self.leaves_latest:
                self._check_takes(described, frozenset())
            note = f"{self.here}: once {self.image.tag} is in the registry{others.note}"
            return Look(state="todo", note=note, obstacle=obstacle)
        verdict = judge(observed, wanted)
        state = {"done": "done", "idle": "left"}.get(verdict.todo, "todo")
        if state == "todo" and not obstacle:
            self._check_takes(described, wanted)
        return replace(self._look(state, verdict, wanted, others), obstacle=obstacle)

    def act(self, known: Known) -> Look:
        """Force a new deployment if needed, and wait until every task runs the image."""
        del known
        described = self._described()
        if described is None:
            return self._skipped()
        wanted = self.image.wanted()
        if wanted is None:
            raise self._absent()
        observed = self._observed(described)
        rollout = _Rollout(step=self, wanted=wanted, others=self._replaced(observed, wanted))
        verdict = judge(observed, wanted)
        if verdict.todo == "idle":
            return self._look("left", verdict, wanted, rollout.others)
        if verdict.todo != "done":
            verdict = self._followed(rollout)
        return self._look("done", verdict, wanted, rollout.others)

    def _absent(self) -> ReleaseImageMissingError:
        return ReleaseImageMissingError(
            f"{self.here}: {self.image.repository}:{self.image.tag} is not in the registry; push "
            f"it first: nox -s images -- {self.image.tag}"
        )

    def _followed(self, rollout: _Rollout) -> ServiceVerdict:
        """Poll the service, start a deployment when needed, and return when it is done."""
        found = polled(
            rollout.look,
            timeout=self.timeout,
            interval=self.interval,
            stop=self.stop,
            stopped=f"{self.here}: its deployment goes on in ECS; run the same again to wait for "
            f"it and to verify its tasks",
        )
        if found is None:
            raise DeployTimeoutError(
                f"{self.here}: not done after {self.timeout:g} s: {rollout.last}; run it again to "
                f"wait longer, or raise deploy.timeout"
            )
        return found

    def _replaced(self, seen: Observed, wanted: frozenset[str]) -> Replaced:
        """Return what the service's tasks run other than the release."""
        running = {digest for task in seen.tasks for digest in task.digests if digest} - wanted
        images = sorted(one for one in running if one.startswith("sha256:"))
        return replaced({one: self.image.version_of(one) for one in images}, self.image.version)

    def _refusal(self, others: Replaced) -> str:
        """Return why the service is left as it is: a newer release runs there; empty if none."""
        if self.any_order or not others.newer:
            return ""
        return (
            f"{self.here}: runs v{others.newer}, which is newer than {self.image.tag}, and "
            f"stays at it; to take it back on purpose: nox -s deploy -- {self.image.tag} "
            f"--rollback --environment {self.environment}"
        )

    def check_order(
        self, described: dict[str, Any], seen: Observed, wanted: frozenset[str]
    ) -> Replaced:
        """Check right before a deployment that it makes the service run the release.

        Return what it takes the place of.

        Raises:
            NewerReleaseError: A newer release runs there.
            TaskDefinitionError: The task definition names another image.
            ConflictError: `latest` is not the release.
        """
        others = self.check_newer(seen, wanted)
        self._check_takes(described, wanted, strictly=True)
        return others

    def check_newer(self, seen: Observed, wanted: frozenset[str]) -> Replaced:
        """Return what else runs there; raise NewerReleaseError if it is a newer release."""
        others = self._replaced(seen, wanted)
        if refusal := self._refusal(others):
            raise NewerReleaseError(refusal)
        return others

    def start(self) -> str:
        """Force a new deployment and return its id.

        Raises:
            AwsUnreachableError: No answer came; the deployment may have started.
            AwsError: ECS refused.
        """
        answer = self.aws.call(
            "ecs",
            "update_service",
            once=True,
            cluster=self.cluster,
            service=self.service,
            forceNewDeployment=True,
        )
        primary = observed_of(answer["service"], ()).primary
        if primary is None:
            raise DeploymentFailedError(f"{self.here}: ECS started no deployment")
        return primary.id

    def observed(self) -> tuple[dict[str, Any], Observed]:
        """Return ECS's description of the service, and what it and its tasks are now.

        Raises:
            ServiceMissingError: The service does not exist any more.
        """
        described = self._described()
        if described is None:
            raise ServiceMissingError(f"{self._missing()}: it was deleted meanwhile")
        return described, self._observed(described)

    def _described(self) -> dict[str, Any] | None:
        """Return ECS's description of the service; None if it is missing and may be."""
        try:
            answer = self.aws.call(
                "ecs", "describe_services", cluster=self.cluster, services=[self.service]
            )
        except AwsError as error:
            if error.code == "ClusterNotFoundException":
                raise ClusterMissingError(
                    f"ECS has no cluster {self.cluster!r} in the region of {self.environment}; "
                    f"provision it, or fix deploy.environments.{self.environment}.cluster"
                ) from None
            raise
        for one in answer["services"]:
            if one.get("status", "ACTIVE") == "ACTIVE":
                self._check_controller(one)
                return dict(one)
        reasons = {str(one.get("reason")) for one in answer.get("failures", [])} - {"MISSING"}
        if reasons:
            raise AwsError(f"{self.here}: ECS cannot describe it: {', '.join(sorted(reasons))}")
        if self.missing == "error":
            where = f"deploy.environments.{self.environment}"
            raise ServiceMissingError(
                f"{self._missing()}; provision it, name the one that runs {self.name} in "
                f'{where}.services, or allow it to be missing: {where}.missing-service = "skip"'
            )
        return None

    def _check_controller(self, described: Mapping[str, Any]) -> None:
        kind = (described.get("deploymentController") or {}).get("type", "ECS")
        if kind != "ECS":
            raise TaskDefinitionError(
                f"{self.here}: its deployment controller is {kind}, which takes no forced "
                f"deployment; deploy it there, or let ECS control it"
            )

    def _check_takes(
        self, described: Mapping[str, Any], wanted: frozenset[str], *, strictly: bool = False
    ) -> None:
        """Raise for a service that would not run the release after a new deployment.

        With `strictly`, `latest` must be the release's already; else an earlier step may still move
        it.
        """
        definition = str(described["taskDefinition"])
        answer = self.aws.call("ecs", "describe_task_definition", taskDefinition=definition)
        containers = answer["taskDefinition"].get("containerDefinitions", [])
        references = [str(one.get("image", "")) for one in containers]
        own = [split_image(one) for one in references]
        own = [one for one in own if one[0] == self.image.repository]
        shown = definition.rpartition("/")[2]
        if not own:
            raise TaskDefinitionError(
                f"{self.here}: its task definition {shown} has no container of "
                f"{self.image.repository}; it has {', '.join(references) or 'none'}; fix the task "
                f"definition, or the name of the image in the settings"
            )
        for _, tag, digest in own:
            if digest is not None:
                self._check_digest(shown, digest, wanted)
            elif tag not in {"latest", self.image.tag}:
                raise TaskDefinitionError(
                    f"{self.here}: its task definition {shown} pins {self.image.repository}:{tag}, "
                    f"so a new deployment would start that again and not {self.image.tag}; let it "
                    f"say :latest, or give the service a task definition with :{self.image.tag}"
                )
            elif tag == "latest" and (strictly or self.leaves_latest or not self.after_images):
                self._check_latest(wanted)

    def _check_digest(self, shown: str, digest: str, wanted: frozenset[str]) -> None:
        if digest not in wanted:
            raise TaskDefinitionError(
                f"{self.here}: its task definition {shown} pins {shown_digest(digest)}, so a new "
                f"deployment would start that again and not {self.image.tag}; let it say :latest"
            )

    def _check_latest(self, wanted: frozenset[str]) -> None:
        latest = self.image.latest()
        if latest not in wanted:
            there = shown_digest(latest) if latest else "not there"
            own = " or ".join(sorted(map(shown_digest, wanted))) or "yet to be built"
            fix = f"on purpose: nox -s deploy -- {self.image.tag} --rollback"
            fix = (
                f"a pre-release does not move latest: let its task definition say "
                f":{self.image.tag}, or once that is pushed, move latest {fix}"
                if self.leaves_latest
                else f"move latest by a release, or back {fix}"
            )
            raise ConflictError(
                f"{self.here}: {self.image.repository}:latest is {there}, while {self.image.tag} "
                f"is {own}, and its tasks start from latest; {fix}"
            )

    def _observed(self, described: Mapping[str, Any]) -> Observed:
        """Add the tasks to what ECS says of the service."""
        arns: list[str] = []
        for status in ("RUNNING", "STOPPED"):  # a stopping task may still serve
            arns += map(
                str,
                self.aws.pages(
                    "ecs",
                    "list_tasks",
                    "taskArns",
                    cluster=self.cluster,
                    serviceName=self.service,
                    desiredStatus=status,
                ),
            )
        arns = list(dict.fromkeys(arns))
        tasks: list[EcsTask] = []
        for start in range(0, len(arns), _MOST):
            answer = self.aws.call(
                "ecs", "describe_tasks", cluster=self.cluster, tasks=arns[start : start + _MOST]
            )
            tasks += [
                task_of(one, self.image.repository)
                for one in answer["tasks"]
                if one.get("lastStatus") not in _GONE
            ]
        return observed_of(described, tasks)

    def _look(
        self, state: Any, verdict: ServiceVerdict, wanted: frozenset[str], others: Replaced
    ) -> Look:
        note = verdict.note + others.note
        if state == "left":
            note += (
                f"; start it with: aws ecs update-service --cluster {self.cluster} --service "
                f"{self.service} --desired-count 1 --force-new-deployment"
            )
        return Look(
            state=state,
            note=f"{self.here}: {note}",
            record={
                "cluster": self.cluster,
                "service": self.service,
                "digests": sorted(wanted),
                "environment": self.environment,
                **others.record,
            },
        )

    @property
    def here(self) -> str:
        """The service and its cluster, for messages."""
        return f"{self.cluster}/{self.service}"

    def _skipped(self) -> Look:
        return Look(state="skipped", note=f"{self._missing()}; skipped in {self.environment}")

    def _missing(self) -> str:
        return f"cluster {self.cluster} has no ECS service {self.service!r}"


@dataclass(kw_only=True)
class _Rollout:
    """State of a deployment that is polled until it is done."""

    step: ServiceStep
    wanted: frozenset[str]
    others: Replaced  # what ran there when this run came, or deployed
    mine: str | None = None  # the deployment that this run started
    asked_at: str | None = None  # the newest one when the request to start one got no answer
    looks: int = 0  # looks since it was started
    last: str = ""  # note of the last look

    def look(self) -> ServiceVerdict | None:
        """Look once, and start a deployment if needed; None while waiting."""
        described, seen = self.step.observed()
        if self.asked_at and seen.primary and seen.primary.id != self.asked_at:
            self.mine, self.asked_at = seen.primary.id, None  # only the answer had been lost
        settling = self.looks < _SETTLING
        verdict = judge(seen, self.wanted, mine=self.mine, settling=settling)
        self.looks += 1
        self.last = verdict.note + (f"; ECS says: {seen.event}" if seen.event else "")
        if verdict.todo == "overtaken":
            # by another run: wait for its deployment, and judge what the tasks of that run
            self.step.check_order(described, seen, self.wanted)
            self.mine = None
            return None
        if verdict.todo == "failed":
            self.step.check_newer(seen, self.wanted)  # that says more
            raise DeploymentFailedError(
                f"{self.step.here}: {self.last}; see its events and stopped tasks, fix the image "
                f"or the task definition, and run it again"
            )
        if verdict.todo == "start" and self.mine is None:
            self.others |= self.step.check_order(described, seen, self.wanted)
            try:
                self.mine, self.looks = self.step.start(), 0
            except AwsUnreachableError:
                self.asked_at = seen.primary.id if seen.primary else None
                raise
        return verdict if verdict.todo in {"done", "idle"} else None
