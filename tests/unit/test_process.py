"""The one way to start a process, and what it says of failures."""

from __future__ import annotations

import subprocess
from pathlib import Path
from unittest.mock import MagicMock

import pytest

from tradai_tasks import process
from tradai_tasks.errors import (
    CommandFailedError,
    ToolMissingError,
)


def test_the_door_says_what_failed(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    with pytest.raises(ToolMissingError, match="nope: not found on PATH; install nope"):
        process.find_tool("nope", env={"PATH": str(tmp_path)})
    process_of = MagicMock(returncode=3, **{"poll.return_value": 3})
    process_of.__enter__.return_value = process_of
    process_of.communicate.return_value = (b"out \xff", b"first\nlast\n")
    monkeypatch.setattr(subprocess, "Popen", lambda *_, **__: process_of)
    monkeypatch.setattr(process, "find_tool", lambda name, env=None: name)
    with pytest.raises(CommandFailedError, match=r"^a b c d \.\.\.: exit status 3: last$"):
        process.run(["a", "b", "c", "d", "e"], cwd=tmp_path)
    completed = process.run(["a"], cwd=tmp_path, check=False, env={})
    assert completed.text == "out \udcff"
    assert completed.error_text == "first\nlast"
    process_of.communicate.side_effect = subprocess.TimeoutExpired(["a"], 2)
    with pytest.raises(CommandFailedError, match="a: not done after 2 s; ended"):
        process.run(["a"], cwd=tmp_path, timeout=2)
