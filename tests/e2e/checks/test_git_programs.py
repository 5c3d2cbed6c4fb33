"""Programs that a checkout's configuration names are never started by the library's git."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from tests.support.real import clean_env, copy_example, git, nox

SESSIONS = {
    "changes": ["-s", "changes", "--", "--base", "HEAD~1"],
    "workflows": ["-s", "workflows", "--", "--check"],
    "docs-freshness": ["-s", "docs-freshness"],
    "bump": ["-s", "bump", "--", "tradai-common", "patch"],
    "release": ["-s", "release", "--", "v9.0.0", "--dry-run"],
    "publish": ["-s", "publish", "--", "--dry-run"],
}


@pytest.fixture(scope="module")
def checkout(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    """A repository whose configuration names programs wherever git has it name some."""
    folder = tmp_path_factory.mktemp("programs")
    home = copy_example("tradai-uv", folder / "home")
    git(home, "init", "-q", "-b", "main")
    git(home, "add", "-A")
    git(home, "commit", "-qm", "One")
    (home / "README.md").write_text("more\n")
    git(home, "commit", "-qam", "Two")
    git(home, "tag", "v9.0.0")
    started = folder / "started"
    program = folder / "program"
    program.write_text(f'#!/bin/sh\necho "$0 $*" >> {started}\nexit 1\n')
    program.chmod(0o755)
    hooks = folder / "hooks"
    hooks.mkdir()
    for name in ("post-index-change", "reference-transaction", "post-checkout", "fsmonitor"):
        (hooks / name).symlink_to(program)
    for key, value in (
        ("core.fsmonitor", str(program)),
        ("core.pager", str(program)),
        ("core.editor", str(program)),
        ("diff.external", str(program)),
        ("gpg.program", str(program)),
        ("log.showSignature", "true"),
        ("remote.origin.url", f"ext::{program}"),
        ("protocol.ext.allow", "always"),
    ):
        git(home, "config", key, value)
    return home, started


def test_init_starts_none(checkout: tuple[Path, Path]) -> None:
    home, started = checkout
    started.unlink(missing_ok=True)
    done = subprocess.run(
        [sys.executable, "-m", "tradai_tasks", "init", "--root", str(home), "--dry-run"],
        env=clean_env(),
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert not started.exists(), started.read_text()


@pytest.mark.parametrize("name", SESSIONS)
def test_sessions_start_none(checkout: tuple[Path, Path], name: str) -> None:
    home, started = checkout
    started.unlink(missing_ok=True)
    hooks = {
        "GIT_CONFIG_COUNT": "2",
        "GIT_CONFIG_KEY_0": "core.hooksPath",
        "GIT_CONFIG_VALUE_0": str(started.parent / "hooks"),
        "GIT_CONFIG_KEY_1": "core.fsmonitor",
        "GIT_CONFIG_VALUE_1": str(started.parent / "program"),
        "GIT_CONFIG_PARAMETERS": f"'core.fsmonitor={started.parent / 'program'}'",
    }
    ran = nox(home, *SESSIONS[name], env={} if name == "bump" else hooks)
    assert f"Running session {name}" in ran.log, ran.text
    assert "Traceback" not in ran.text
    assert not started.exists(), started.read_text()
