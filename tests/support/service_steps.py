"""The step of an ECS service."""

from __future__ import annotations

import functools
import os
from typing import Any

from tests.support.ecs import Ecs, Service
from tests.support.released_images import OLD, Registry
from tradai_tasks.release.clients.aws import Aws
from tradai_tasks.release.deploy.ecs_step import ServiceStep
from tradai_tasks.release.images.released_image import ReleaseImage

REPOSITORY = "registry.example/tradai/backend"
CHILD = "sha256:" + "c" * 64


@functools.cache
def client_of(url: str) -> Aws:
    """A client costs more than all requests of a test together."""
    aws = Aws(region="eu-central-1", attempts=1)
    aws.client("ecs")
    return aws


def client() -> Aws:
    return client_of(os.environ["AWS_ENDPOINT_URL_ECS"])


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
