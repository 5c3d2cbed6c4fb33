"""What a sandbox is told, and why there is none."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tradai_tasks import process
from tradai_tasks.process import Completed, sandbox_fault
from tradai_tasks.sandbox import Sandbox


@pytest.fixture(autouse=True)
def _asked_anew() -> Iterator[None]:
    sandbox_fault.cache_clear()
    yield
    sandbox_fault.cache_clear()


def test_the_command_carries_the_order_as_data() -> None:
    made = Sandbox(
        hide=(Path("/a b"),),
        read_only=(Path("/c"),),
        pinned=(Path("/d"),),
        show=((Path("/e"), Path("/f")),),
        network=False,
        listen=(1, "/s"),
    )
    argv = made.argv("nox", "-s", "test")
    assert argv[:4] == [sys.executable, "-P", "-m", "tradai_tasks.sandbox"]
    assert json.loads(argv[4]) == {
        "hide": ["/a b"],
        "read_only": ["/c"],
        "pinned": ["/d"],
        "show": [["/e", "/f"]],
        "network": False,
        "listen": [1, "/s"],
    }
    assert argv[5:] == ["nox", "-s", "test"]


def answering(monkeypatch: pytest.MonkeyPatch, status: int, said: bytes) -> None:
    def run(argv: Any, **_: Any) -> Completed:
        return Completed(argv=tuple(argv), returncode=status, stdout=b"", stderr=said)

    monkeypatch.setattr(process, "run", run)
    monkeypatch.setattr(sys, "platform", "linux")


def test_the_reason_is_the_systems(monkeypatch: pytest.MonkeyPatch) -> None:
    answering(monkeypatch, 1, b"x\nno sandbox: unshare: Operation not permitted\n")
    assert sandbox_fault(Sandbox()) == "unshare: Operation not permitted"
    answering(monkeypatch, 0, b"")
    assert sandbox_fault(Sandbox(network=False)) == ""
    answering(monkeypatch, 3, b"")
    assert sandbox_fault(Sandbox(hide=(Path("/x"),))) == "exit status 3"
    monkeypatch.setattr(sys, "platform", "darwin")
    assert sandbox_fault(Sandbox(hide=(Path("/y"),))) == "darwin has no namespaces"
