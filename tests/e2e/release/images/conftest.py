"""What the tests of image steps share: a registry for each, and a project of one image."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.registry import Proxy, proxy, registry
from tests.support.yard import Yard, open_yard


@pytest.fixture
def front(tmp_path: Path) -> Iterator[Proxy]:
    with registry(tmp_path / "registry") as host, proxy(host) as made:
        yield made


@pytest.fixture
def yard(docker_host: str, front: Proxy, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Yard:
    monkeypatch.setenv("TMPDIR", str(tmp_path))
    return open_yard(docker_host, front, tmp_path / "project", monkeypatch)
