"""Recordings of tests that replace what the recorder itself would call."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

from tradai_tasks.results.recording import PLUGIN, read_recording, recording_environment

REPLACED = (
    "builtins.open", "os.fsdecode", "os.getcwd", "os.listdir", "os.read", "os.scandir", "os.write",
    "os.path.abspath", "os.path.join", "os.path.normpath",
)  # fmt: skip


def test_what_a_test_replaces_changes_no_outcome_and_hides_no_input(tmp_path: Path) -> None:
    (tmp_path / "pyproject.toml").touch()
    (tmp_path / "test_a.py").write_text(
        "import builtins, io, os\ndef test(monkeypatch):\n    scan = os.scandir\n"
        f"    for name in {REPLACED}:\n        monkeypatch.setattr(name, None)\n"
        "    io.FileIO('pyproject.toml').close()\n    scan('.').close()\n"
    )
    record = tmp_path / "record"
    record.mkdir()
    done = subprocess.run(
        [sys.executable, "-m", "pytest", "-q", "-p", PLUGIN, "-p", "no:cacheprovider"],
        cwd=tmp_path,
        env={**os.environ, **recording_environment(record, tmp_path)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    found = read_recording(record, tmp_path)["test_a.py"]
    assert "pyproject.toml" in found.files
    assert (found.listings, found.problems) == ((".",), ())
