"""Decide what an ECS service needs to run the release's image: pure functions.

A service is at a release when every running task has the release's image, the desired number of
tasks runs, and the deployment that started them is complete. A service that ECS calls stable may
still have old tasks, or ones that are stopping and still serve.

https://docs.aws.amazon.com/AmazonECS/latest/APIReference/API_Deployment.html
"""

from __future__ import annotations

from collections.abc import Collection, Iterable
from dataclasses import dataclass
from typing import Literal


@dataclass(frozen=True, kw_only=True, slots=True)
class EcsTask:
    """A task that runs, starts or is stopping."""

    id: str
    digests: tuple[str | None, ...]  # of its containers of our image; None before it is pulled
    deployment: str | None  # the id of the one that started it
    is_going: bool = False  # it is being stopped


@dataclass(frozen=True, kw_only=True, slots=True)
class Deployment:
    """One ECS deployment of a service."""

    id: str
    is_primary: bool  # the newest; only one is
    rollout: str | None  # COMPLETED, IN_PROGRESS, FAILED; None if ECS does not tell
    reason: str = ""
    task_definition: str = ""


@dataclass(frozen=True, kw_only=True, slots=True)
class Observed:
    """The state of a service at one moment."""

    desired: int
    deployments: tuple[Deployment, ...]
    tasks: tuple[EcsTask, ...]
    event: str = ""  # the service's newest event, in ECS's words

    @property
    def primary(self) -> Deployment | None:
        """The newest deployment."""
        return next((one for one in self.deployments if one.is_primary), None)


@dataclass(frozen=True, kw_only=True, slots=True)
class ServiceVerdict:
    """What to do about a service."""

    # done: all tasks are right. start: force a new deployment. wait: the running deployment may
    # still succeed. failed: it cannot any more. overtaken: another deployment took the place of the
    # one that this run started. idle: no task is desired, so none can be checked.
    todo: Literal["done", "start", "wait", "failed", "overtaken", "idle"]
    note: str


def judge(
    seen: Observed, wanted: Collection[str], *, mine: str | None = None, settling: bool = False
) -> ServiceVerdict:
    """Decide what to do about a service.

    `wanted` are the digests of the release's image: its own and, of a list, its members'. `mine` is
    the deployment that this run has started, which is not started twice; with `settling` that was
    just now, so ECS need not list it yet.
    """
    if mine is not None:
        ended = _ended(seen, mine)
        if ended and settling and all(one.id != mine for one in seen.deployments):
            return ServiceVerdict(todo="wait", note="ECS does not list the new deployment yet")
        if ended:
            return ended
    if seen.desired == 0 and not seen.tasks:
        note = "its desired count is 0, so nothing runs that could be verified"
        return ServiceVerdict(todo="idle", note=note)
    primary = seen.primary
    if primary is None:
        return ServiceVerdict(todo="start", note="never deployed")
    wrong = [task for task in seen.tasks if _is_wrong(task, wanted)]
    fresh = [task for task in wrong if task.deployment == primary.id]
    if mine is not None and fresh:
        return ServiceVerdict(todo="failed", note=f"its new tasks run {_digests(fresh)}")
    if wrong and mine is None and (fresh or not _comes_right(seen, primary, wanted)):
        return ServiceVerdict(
            todo="start", note=f"{_count(wrong)} of {len(seen.tasks)} on {_digests(wrong)}"
        )
    return _settled(seen, primary, wanted, wrong)


def _comes_right(seen: Observed, primary: Deployment, wanted: Collection[str]) -> bool:
    """Return whether the newest deployment will replace the old tasks."""
    right = [t for t in seen.tasks if t.deployment == primary.id and _is_right(t, wanted)]
    return primary.rollout == "IN_PROGRESS" or 0 < seen.desired <= len(right)


def _settled(
    seen: Observed, primary: Deployment, wanted: Collection[str], wrong: list[EcsTask]
) -> ServiceVerdict:
    """Judge a service whose newest deployment has the right image: whether it is complete."""
    right = [task for task in seen.tasks if _is_right(task, wanted) and not task.is_going]
    missing = []
    if wrong:
        missing.append(f"{_count(wrong)} still on {_digests(wrong)}")
    unknown = [task for task in seen.tasks if not task.is_going and None in task.digests]
    if unknown:
        missing.append(f"{_count(unknown)} whose image is not known yet")
    if len(right) < seen.desired:
        missing.append(f"{len(right)} of {seen.desired} tasks on the release's image")
    if primary.rollout not in {"COMPLETED", None}:
        missing.append(f"its deployment is {primary.rollout}")
    if not missing:
        return ServiceVerdict(todo="done", note=f"{_count(right)} on the release's image")
    if primary.rollout == "FAILED":
        return ServiceVerdict(
            todo="start", note=_because(primary.reason, "its last deployment failed")
        )
    return ServiceVerdict(todo="wait", note="; ".join(missing))


def _ended(seen: Observed, mine: str) -> ServiceVerdict | None:
    """Return why the deployment that this run started does not go on; None if it does."""
    own = next((one for one in seen.deployments if one.id == mine), None)
    primary = seen.primary
    if own is not None and own.rollout == "FAILED":
        return ServiceVerdict(todo="failed", note=_because(own.reason, "its deployment failed"))
    if own is not None and own.is_primary:
        return None
    to = f"; now {primary.task_definition} by {primary.id}" if primary else ""
    reason = primary.reason if primary else ""
    if "circuit breaker" in reason or "rolling back" in reason or "alarm" in reason:
        return ServiceVerdict(todo="failed", note=f"{_because(reason, 'it was rolled back')}{to}")
    note = f"another deployment took the place of the one this run started{to}"
    return ServiceVerdict(todo="overtaken", note=note)


def _is_wrong(task: EcsTask, wanted: Collection[str]) -> bool:
    return any(digest is not None and digest not in wanted for digest in task.digests)


def _is_right(task: EcsTask, wanted: Collection[str]) -> bool:
    return bool(task.digests) and all(digest in wanted for digest in task.digests)


def _because(reason: str, otherwise: str) -> str:
    return f"{otherwise} ({reason})" if reason else otherwise


def _count(tasks: Collection[EcsTask]) -> str:
    return f"{len(tasks)} task{'s' * (len(tasks) != 1)}"


def _digests(tasks: Iterable[EcsTask]) -> str:
    found = {digest for task in tasks for digest in task.digests if digest}
    return ", ".join(sorted(map(shown_digest, found)))


def shown_digest(digest: str) -> str:
    """Return the start of a digest, enough to recognise it."""
    return digest[: len("sha256:") + 12]
