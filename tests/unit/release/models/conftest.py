"""A stand-in for MLflow, for each test."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.support.mlflow_standin import Standin, mlflow_standin
from tests.support.waits import waits


@pytest.fixture
def server() -> Iterator[Standin]:
    with mlflow_standin() as standin, waits():
        yield standin
