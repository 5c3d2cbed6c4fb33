"""Which image an ECS service is given: of a release, a list, a task definition."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

import pytest

from tests.support.ecs import Ecs, Fate
from tests.support.released_images import NEW, OLD, Registry, remote
from tests.support.service_steps import CHILD, REPOSITORY, backend, step
from tradai_tasks.errors import (
    ConflictError,
    ReleaseImageMissingError,
    TaskDefinitionError,
)
from tradai_tasks.release.deploy.ecs_step import ServiceStep


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
        registry.images[image.rpartition(":")[2]] = remote(NEW)
    if image == REPOSITORY:
        registry.images[REPOSITORY] = remote(NEW)
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
        registry.images[tag] = registry.images["latest"] = remote(NEW, labels=labels)
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
    registry.images["v1.2.0"] = registry.images["latest"] = remote(
        NEW, is_list=True, manifest=listed
    )
    backend(ecs, running=CHILD)
    assert step(registry).look({}).state == "done"


def test_another_controller_is_refused(ecs: Ecs, registry: Registry) -> None:
    backend(ecs, controller="CODE_DEPLOY")
    with pytest.raises(TaskDefinitionError, match="its deployment controller is CODE_DEPLOY"):
        step(registry).look({})
