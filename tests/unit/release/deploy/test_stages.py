"""The stages of a deployment, made from settings; and `latest` that is moved on purpose."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, cast

import pytest

from tradai_tasks.errors import RegistryError, ReleaseImageMissingError, SettingsError
from tradai_tasks.release.clients.aws import Aws
from tradai_tasks.release.clients.registry import Registry, RemoteImage
from tradai_tasks.release.deploy.deploy_stages import (
    DeployTarget,
    LatestStep,
    function_stage,
    latest_stage,
    service_stage,
)
from tradai_tasks.release.engine.step import Release
from tradai_tasks.release.images.image_specs import ImageSpec
from tradai_tasks.release.tags.target_environment import environment_named
from tradai_tasks.settings.deploy import DeploySettings, EnvironmentSettings
from tradai_tasks.workspace.tags import parse_tag

OLD, NEW = "sha256:" + "a" * 64, "sha256:" + "b" * 64


@dataclass
class FakeRegistry:
    tags: dict[str, str]
    puts: list[tuple[str, str]] = field(default_factory=list)
    deaf: bool = False

    def digest(self, repository: str, reference: str) -> str | None:
        assert repository == "tradai/backend"
        return self.tags.get(reference)

    def image(self, repository: str, reference: str) -> RemoteImage | None:
        if reference not in self.tags.values():
            return None
        return RemoteImage(
            digest=reference, media_type="", manifest=b"", is_list=False, labels={}, platform=None
        )

    def put(self, repository: str, tag: str, image: RemoteImage) -> None:
        self.puts.append((tag, image.digest))
        if not self.deaf:
            self.tags[tag] = image.digest


SPEC = ImageSpec(
    name="backend", kind="service", host="registry.example", path="tradai/backend", context=".",
    dockerfile="services/backend/Dockerfile",
)  # fmt: skip


def release(tag: str) -> Release:
    return Release(tag=parse_tag(tag, ()), commit="c" * 40, time=0, root=Path())


def latest(registry: FakeRegistry, tag: str) -> LatestStep:
    (step,) = latest_stage(release(tag), [SPEC], cast(Registry, registry)).steps
    assert isinstance(step, LatestStep)
    return step


def test_latest_is_moved_back_once() -> None:
    registry = FakeRegistry({"v1.1.0": OLD, "v1.2.0": NEW, "latest": NEW})
    step = latest(registry, "v1.1.0")
    found = step.look({})
    assert (found.state, found.note) == (
        "todo",
        (
            "registry.example/tradai/backend:latest: sha256:bbbbbbbbbbbb -> v1.1.0 "
            "(sha256:aaaaaaaaaaaa)"
        ),
    )
    assert registry.puts == []
    assert step.act({}).note == (
        "registry.example/tradai/backend:latest is v1.1.0 (sha256:aaaaaaaaaaaa)"
    )
    assert step.look({}).state == "done"
    assert registry.puts == [("latest", OLD)]


def test_latest_that_is_not_there_yet() -> None:
    assert "nothing -> v1.1.0" in latest(FakeRegistry({"v1.1.0": OLD}), "v1.1.0").look({}).note


def test_a_tag_that_was_never_pushed_is_refused_before_anything_moves() -> None:
    registry = FakeRegistry({"latest": NEW})
    for attempt in (latest(registry, "v9.0.0").look, latest(registry, "v9.0.0").act):
        with pytest.raises(ReleaseImageMissingError) as raised:
            attempt({})
        assert str(raised.value) == (
            "registry.example/tradai/backend:v9.0.0 is not in the registry, so latest cannot be "
            "moved to it; choose a tag that was released"
        )
    assert registry.puts == []


def test_a_registry_that_did_not_move_it_is_an_error() -> None:
    registry = FakeRegistry({"v1.1.0": OLD, "latest": NEW}, deaf=True)
    with pytest.raises(RegistryError, match="another run moves it at the same time"):
        latest(registry, "v1.1.0").act({})

    class Forgetful(FakeRegistry):
        def image(self, repository: str, reference: str) -> RemoteImage | None:
            return None

    with pytest.raises(ReleaseImageMissingError):
        latest(Forgetful({"v1.1.0": OLD}), "v1.1.0").act({})


def target(**given: Any) -> DeployTarget:
    settings = DeploySettings(
        environments={"prod": EnvironmentSettings(**given)}, timeout=7, function_timeout=8
    )
    return DeployTarget(
        environment=environment_named("prod", settings),
        aws=Aws(region="eu-central-1"),
        registry=cast(Registry, FakeRegistry({})),
        settings=settings,
    )


def test_services_by_the_names_of_the_environment() -> None:
    made = service_stage(
        release("v1.2.0"), [SPEC], target(cluster="main", services={"backend": "backend-api"})
    )
    (step,) = made.steps
    assert (made.name, made.parallel) == ("deploy", 4)
    assert vars(step) | {"aws": None, "image": None} == {
        "name": "backend",
        "aws": None,
        "cluster": "main",
        "service": "backend-api",
        "environment": "prod",
        "image": None,
        "missing": "error",
        "timeout": 7,
        "interval": 5,
        "after_images": False,
        "leaves_latest": False,
        "any_order": False,
        "stop": None,
    }
    with pytest.raises(SettingsError, match=r"deploy\.environments\.prod\.cluster: not set"):
        service_stage(release("v1.2.0"), [SPEC], target())


def test_functions_by_the_names_of_the_environment() -> None:
    made = function_stage(
        release("v1.2.0"), [SPEC], target(function_prefix="fn-", missing_function="skip")
    )
    (step,) = made.steps
    assert made.name == "functions"
    assert vars(step)["function"] == "fn-backend"
    assert vars(step)["missing"] == "skip"
    assert vars(step)["timeout"] == 8
    assert vars(step)["image"].repository == "registry.example/tradai/backend"


@pytest.mark.parametrize(
    ("tag", "rollback", "any_order"),
    [("v1.2.0", False, False), ("v1.2.0", True, True), ("v0.0.0-test", False, True)],
)
def test_only_a_roll_back_and_a_test_tag_go_backwards(
    tag: str, rollback: bool, any_order: bool
) -> None:
    for made in (
        function_stage(release(tag), [SPEC], target(), rollback=rollback),
        service_stage(release(tag), [SPEC], target(cluster="main"), rollback=rollback),
    ):
        assert [vars(step)["any_order"] for step in made.steps] == [any_order]
