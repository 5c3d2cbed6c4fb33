"""A repository that others clone."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.support.repos import Repo


@pytest.fixture
def origin(tmp_path: Path) -> Repo:
    """main: m1 m2 m3; feature grew from m2: f1 f2."""
    repo = Repo.init(tmp_path / "origin")
    for name in ("m1", "m2"):
        repo.commit({name: name})
    repo.git("tag", "start")
    repo.switch("feature", "main")
    for name in ("f1", "f2"):
        repo.commit({name: name})
    repo.switch("main")
    repo.commit({"m3": "m3"})
    return repo
