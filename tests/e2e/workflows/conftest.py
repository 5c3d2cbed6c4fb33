"""The examples with their workflow files, each made once for a module."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.support.hub import prepared
from tests.support.real import copy_example


@pytest.fixture(scope="module")
def _platform(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return prepared("tradai-uv", tmp_path_factory.mktemp("platform") / "tradai-uv")


@pytest.fixture(scope="module")
def _strategies(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("strategies")
    copy_example("tradai-uv", folder / "tradai-uv")  # where its local source points
    return prepared("tradai-strategies", folder / "tradai-strategies")
