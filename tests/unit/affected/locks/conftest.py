"""A small lock before a change and its copy after it."""

from __future__ import annotations

import copy
from typing import Any

import pytest

from tests.support.lock_builders import package, small


@pytest.fixture
def before() -> dict[str, Any]:
    document = small()
    common = package(document, "common")
    common["optional-dependencies"] = {"fast": [{"name": "speedups"}]}
    common["dev-dependencies"] = {"test": [{"name": "pytest"}]}
    return document


@pytest.fixture
def after(before: dict[str, Any]) -> dict[str, Any]:
    return copy.deepcopy(before)
