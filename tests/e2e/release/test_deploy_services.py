"""The step of an ECS service against a loopback ECS, by the real client."""

from __future__ import annotations

import functools
import json
import os
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

import pytest
import tenacity

from tests.support.ecs import Ecs, Fate, Fault, Service, ecs_server
from tradai_tasks.errors import (
    AwsDeniedError,
    AwsError,
    AwsExpiredError,
    AwsThrottledError,
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
from tradai_tasks.release.deploy.ecs_step import ServiceStep
from tradai_tasks.release.images.released_image import ReleaseImage

REPOSITORY = "registry.example/tradai/backend"
OLD, NEW, CHILD = "sha256:" + "a" * 64, "sha256:" + "b" * 64, "sha256:" + "c" * 64


@dataclass
class Remote:
    digest: str
    is_list: bool = False
    manifest: bytes = b"{}"
    platform: str | None = None
    labels: Mapping[str, str] = field(default_factory=dict)


class Registry:
    """What the registry's client would say, by path and reference."""

    def __init__(self) -> None:
        self.images: dict[str, Remote] = {"v1.1.0": Remote(OLD), "v1.2.0": Remote(NEW)}
        self.images["latest"] = self.images["v1.2.0"]

    def image(self, repository: str, reference: str) -> Remote | None:
        assert repository == "tradai/backend"
        by_digest = {one.digest: one for one in self.images.values()}
        return self.images.get(reference) or by_digest.get(reference)

    def digest(self, repository: str, reference: str) -> str | None:
        found = self.image(repository, reference)
        return found.digest if found else None

    def tags(self, repository: str) -> list[str]:
        assert repository == "tradai/backend"
        return list(self.images)

    def resolve(self, image: str) -> str | None:
        found = self.images.get(image.rpartition(":")[2])
        return found.digest if found else None


@pytest.fixture(autouse=True)
def _credentials(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "AKIDEXAMPLE")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "marked-secret")
    monkeypatch.delenv("AWS_PROFILE", raising=False)


@functools.cache
def client_of(url: str) -> Aws:
    """A client costs more than all requests of a test together."""
    aws = Aws(region="eu-central-1", attempts=1)
    aws.client("ecs")
    return aws


def client() -> Aws:
    return client_of(os.environ["AWS_ENDPOINT_URL_ECS"])


@pytest.fixture
def registry() -> Registry:
    return Registry()


@pytest.fixture(scope="module")
def server() -> Iterator[Ecs]:
    with ecs_server() as made:
        yield made


@pytest.fixture
def ecs(server: Ecs, registry: Registry, monkeypatch: pytest.MonkeyPatch) -> Ecs:
    server.reset(registry.resolve)
    monkeypatch.setenv("AWS_ENDPOINT_URL_ECS", server.url)
    return server


@pytest.fixture
def eight_looks(monkeypatch: pytest.MonkeyPatch) -> None:
    """Time is up after eight looks, however long they take."""
    monkeypatch.setattr(tenacity, "stop_after_delay", lambda _: tenacity.stop_after_attempt(8))


def backend(ecs: Ecs, *, running: str = OLD, **given: Any) -> Service:
    given = {"image": f"{REPOSITORY}:latest", "desired": 2, **given}
    return ecs.add("prod", Service(name="backend-api", **given), running=running)


def step(registry: Registry, tag: str = "v1.2.0", **given: Any) -> ServiceStep:
    image = ReleaseImage(images=registry, path="tradai/backend", repository=REPOSITORY, tag=tag)
    settings = {
        "cluster": "prod",
        "service": "backend-api",
        "environment": "prod",
        "missing": "error",
        "timeout": 30.0,
        "interval": 0.01,
        **given,
    }
    return ServiceStep(name="backend", aws=client(), image=image, **settings)


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


@pytest.mark.parametrize("fate", ["good", "replaced"])
def test_an_image_of_no_known_release_is_replaced_and_named(
    ecs: Ecs, registry: Registry, fate: Fate
) -> None:
    """By hand, or of a release whose image the registry has deleted since."""
    backend(ecs, running="sha256:" + "d" * 64, fate=fate)
    look = step(registry).look({})
    assert look.note.endswith(", replaces sha256:dddddddddddd of no known release")
    assert look.obstacle == ""
    done = step(registry).act({})
    assert done.state == "done"
    assert done.record["unknown_replaced"] == ["sha256:" + "d" * 64]
    assert "replaces sha256:dddddddddddd of no known release" in done.note
    assert step(registry).look({}).record["unknown_replaced"] == []


@pytest.mark.parametrize("at", range(1, 7))
@pytest.mark.parametrize("tags", [("v1.1.0", "v1.2.0"), ("v1.2.0", "v1.1.0")], ids="-".join)
def test_of_two_runs_at_once_the_newer_release_stays(
    ecs: Ecs, registry: Registry, tags: tuple[str, str], at: int
) -> None:
    """The other run deploys, whole, right before the n-th look of this one or its start.

    `latest` is the older release's until the newer one is deployed, as while images are pushed.
    """
    service = backend(ecs, running="sha256:" + "d" * 64)
    original, count = ServiceStep._described, 0
    others: list[str] = []
    registry.images["latest"] = registry.images["v1.1.0"]

    def ended(tag: str) -> str:
        if tag == "v1.2.0":
            registry.images["latest"] = registry.images["v1.2.0"]
        try:
            return step(registry, tag).act({}).state
        except ConflictError as error:
            return str(error).partition("; ")[0]

    def described(self: ServiceStep) -> Any:
        nonlocal count
        count += 1
        if count == at and not others:
            others.append("")
            others[0] = ended(tags[1])
        return original(self)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(ServiceStep, "_described", described)
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
    registry.images["latest"] = Remote(CHILD)
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
def test_what_no_waiting_mends_is_an_error_at_once(
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


@pytest.mark.parametrize(
    ("image", "words"),
    [
        (f"{REPOSITORY}:v1.1.0", [f"backend-api:7 pins {REPOSITORY}:v1.1.0", "let it say :latest"]),
        (f"{REPOSITORY}@{OLD}", ["backend-api:7 pins sha256:aaaaaaaaaaaa"]),
        ("registry.example/other:latest", ["has no container of", "public.example/proxy:1"]),
    ],
)
def test_a_task_definition_that_would_bring_another_image_is_an_error_before_anything_is_done(
    ecs: Ecs, registry: Registry, image: str, words: list[str]
) -> None:
    service = backend(ecs, image=image)
    for attempt in (step(registry).look, step(registry).act):
        with pytest.raises(TaskDefinitionError) as raised:
            attempt({})
        for word in words:
            assert word in str(raised.value)
    assert service.started == 0


@pytest.mark.parametrize("image", [f"{REPOSITORY}:v1.2.0", REPOSITORY, f"{REPOSITORY}@{NEW}"])
def test_a_task_definition_that_brings_the_release_is_deployed(
    ecs: Ecs, registry: Registry, image: str
) -> None:
    service = backend(ecs, image=image)
    if "@" in image:
        registry.images[image.rpartition(":")[2]] = Remote(NEW)
    if image == REPOSITORY:
        registry.images[REPOSITORY] = Remote(NEW)
    assert step(registry).act({}).state == "done"
    assert service.running == [NEW, NEW]


def test_latest_that_is_another_release_is_an_error(ecs: Ecs, registry: Registry) -> None:
    service = backend(ecs, running=CHILD)
    with pytest.raises(ConflictError) as raised:
        step(registry, "v1.1.0").look({})
    assert str(raised.value) == (
        f"prod/backend-api: {REPOSITORY}:latest is sha256:bbbbbbbbbbbb, while v1.1.0 is "
        "sha256:aaaaaaaaaaaa, and its tasks start from latest; move latest by a release, or back "
        "on purpose: nox -s deploy -- v1.1.0 --rollback"
    )
    # where an earlier step is about to move it, only acting insists
    assert step(registry, "v1.1.0", after_images=True).look({}).state == "todo"
    with pytest.raises(ConflictError):
        step(registry, "v1.1.0", after_images=True).act({})
    assert service.started == 0
    del registry.images["latest"]
    with pytest.raises(ConflictError, match="latest is not there"):
        step(registry, "v1.1.0").look({})


def test_an_image_of_another_commit_than_the_tags_is_not_deployed(
    ecs: Ecs, registry: Registry
) -> None:
    service = backend(ecs)

    def of(tag: str, version: str, commit: str, **given: Any) -> ServiceStep:
        labels = {"org.opencontainers.image.revision": "a" * 40}
        labels["org.opencontainers.image.version"] = version
        registry.images[tag] = registry.images["latest"] = Remote(NEW, labels=labels)
        made = step(registry, tag, **given)
        return replace(made, image=replace(made.image, commit=commit))

    moved = of("v1.2.0", "1.2.0", "b" * 40)
    for look in (moved.look, moved.act):
        with pytest.raises(ConflictError) as raised:
            look({})
        assert str(raised.value) == (
            f"{REPOSITORY}:v1.2.0: was built of commit aaaaaaaaaaaa, while the tag names "
            "bbbbbbbbbbbb, so the tag was moved; put it back, or release bbbbbbbbbbbb under "
            "another version"
        )
    with pytest.raises(ConflictError, match="push what it names now: nox -s images -- v0"):
        of("v0.0.0-test", "0.0.0-test", "b" * 40).look({})
    # an earlier stage of the same run replaces it, and acting insists
    early = of("v0.0.0-test", "0.0.0-test", "b" * 40, after_images=True)
    assert early.look({}).state == "todo"
    with pytest.raises(ConflictError):
        early.act({})
    assert service.started == 0
    # labels of the base image are not its own
    assert of("v1.2.0", "3.11", "b" * 40).look({}).state == "todo"
    assert of("v1.2.0", "1.2.0", "a" * 40).act({}).state == "done"


def test_a_pre_release_that_would_not_be_started_is_refused_before_it_is_built(
    ecs: Ecs, registry: Registry
) -> None:
    service = backend(ecs, running=NEW)
    early = step(registry, "v3.0.0-rc1", after_images=True, leaves_latest=True)
    with pytest.raises(ConflictError) as raised:
        early.look({})
    assert str(raised.value) == (
        f"prod/backend-api: {REPOSITORY}:latest is sha256:bbbbbbbbbbbb, while v3.0.0-rc1 is yet to "
        "be built, and its tasks start from latest; a pre-release does not move latest: let its "
        "task definition say :v3.0.0-rc1, or once that is pushed, move latest on purpose: nox -s "
        "deploy -- v3.0.0-rc1 --rollback"
    )
    service.image = f"{REPOSITORY}:v3.0.0-rc1"
    assert early.look({}).state == "todo"


def test_an_image_that_is_not_pushed_yet(ecs: Ecs, registry: Registry) -> None:
    backend(ecs)
    found = step(registry, "v3.0.0", after_images=True).look({})
    assert (found.state, found.note) == (
        "todo",
        "prod/backend-api: once v3.0.0 is in the registry",
    )
    alone = step(registry, "v3.0.0")
    for attempt in (alone.look, alone.act):  # a look: before another service is deployed
        with pytest.raises(ReleaseImageMissingError) as raised:
            attempt({})
        assert str(raised.value) == (
            f"prod/backend-api: {REPOSITORY}:v3.0.0 is not in the registry; push it first: "
            "nox -s images -- v3.0.0"
        )


def test_of_a_list_of_images_the_members_count_too(ecs: Ecs, registry: Registry) -> None:
    listed = json.dumps({"manifests": [{"digest": CHILD}]}).encode()
    registry.images["v1.2.0"] = registry.images["latest"] = Remote(
        NEW, is_list=True, manifest=listed
    )
    backend(ecs, running=CHILD)
    assert step(registry).look({}).state == "done"


def test_another_controller_is_refused(ecs: Ecs, registry: Registry) -> None:
    backend(ecs, controller="CODE_DEPLOY")
    with pytest.raises(TaskDefinitionError, match="its deployment controller is CODE_DEPLOY"):
        step(registry).look({})


def test_no_secret_is_shown(ecs: Ecs, registry: Registry) -> None:
    backend(ecs)
    ecs.faults.append(("DescribeServices", "denied"))
    made = step(registry)
    with pytest.raises(AwsDeniedError) as raised:
        made.look({})
    assert "marked-secret" not in f"{raised.value}{made!r}"
