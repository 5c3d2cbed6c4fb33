"""The step of a Lambda function."""

from __future__ import annotations

import functools
import os
from typing import Any

from tests.support.lambda_api import FunctionState, Lambda
from tests.support.released_images import OLD, Registry
from tradai_tasks.release.clients.aws import Aws
from tradai_tasks.release.deploy.lambda_step import FunctionStep
from tradai_tasks.release.images.released_image import ReleaseImage

REPOSITORY = "registry.example/tradai/lambda-gaps"
COMMIT = "c" * 40


@functools.cache
def client_of(url: str) -> Aws:
    """A client costs more than all requests of a test together."""
    return Aws(region="eu-central-1", attempts=1)


def gaps(api: Lambda, **given: Any) -> FunctionState:
    return api.add(FunctionState(name="find-gaps", **{"uri": f"{REPOSITORY}@{OLD}", **given}))


def step(registry: Registry, tag: str = "v1.2.0", **given: Any) -> FunctionStep:
    image = ReleaseImage(images=registry, path="tradai/lambda-gaps", repository=REPOSITORY, tag=tag)
    settings = {
        "function": "find-gaps",
        "environment": "prod",
        "missing": "error",
        "timeout": 30.0,
        "interval": 0.01,
        **given,
    }
    url = os.environ.get("AWS_ENDPOINT_URL_LAMBDA", os.environ.get("AWS_ENDPOINT_URL", ""))
    return FunctionStep(name="gaps", aws=client_of(url), image=image, commit=COMMIT, **settings)
