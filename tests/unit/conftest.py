"""Unit tests start no process."""

from __future__ import annotations

import subprocess
from typing import NoReturn

import pytest


@pytest.fixture(autouse=True)
def _no_process(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*given: object, **named: object) -> NoReturn:
        raise AssertionError(f"a unit test starts a process: {given} {named}")

    monkeypatch.setattr(subprocess, "Popen", refuse)
