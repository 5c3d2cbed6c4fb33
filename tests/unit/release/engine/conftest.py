"""Fixtures of the tests of the engine: a store of evidence, and the door of gates."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from tests.support.gate_runs import Door, Script
from tradai_tasks.release.engine import gates
from tradai_tasks.release.engine.evidence import Store, Subject


@pytest.fixture
def door(monkeypatch: pytest.MonkeyPatch) -> Callable[[Script], Door]:
    def put(script: Script) -> Door:
        made = Door(script)
        monkeypatch.setattr(gates, "run_logged", made)
        return made

    return put


@pytest.fixture
def store(tmp_path: Path) -> Store:
    subject = Subject(tag="momentum-v1.0.0", commit="a" * 40, lock="b" * 64)
    return Store(folder=tmp_path / "evidence", subject=subject, key=b"k" * 32)
