"""Running the real thing: nox in a child process on a project on disk."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import pytest

REPOSITORY = Path(__file__).resolve().parents[2]
EXAMPLES = REPOSITORY / "examples"
NOXFILE = "import tradai_tasks\n\ntradai_tasks.register()\n"

# What this very test run sets must not steer the run under test.
_DROPPED: tuple[str, ...] = (
    "NOX",
    "VIRTUAL_ENV",
    "UV_PROJECT",
    "UV_PYTHON",
    "GIT_",
    "COV",
    "PYTEST",
    "GITHUB_",
)
_DROPPED += ("CI", "FORCE_COLOR", "NO_COLOR", "RUNNER_")


@dataclass(frozen=True)
class Result:
    """What a run left behind."""

    status: int
    out: str  # standard output
    log: str  # standard error, where nox logs

    @property
    def text(self) -> str:
        return self.out + self.log

    def verdicts(self) -> dict[str, str]:
        """Each session's result from nox's closing summary; of one session, from its own line."""
        found = re.findall(
            r"^nox > \* (.+?): (success|failed|aborted|skipped)", self.text, re.MULTILINE
        )
        for name, how in re.findall(
            r"^nox > Session (.+?) (was successful|failed|aborted)", self.text, re.MULTILINE
        ):
            found.append((name, "success" if how == "was successful" else how))
        return dict(found)


def failed_with(result: Result, *passages: str) -> None:
    """Check that a run failed, said why in lines of any width, and showed no traceback."""
    assert result.status != 0, result.text
    assert "Traceback" not in result.text, result.text
    for passage in passages:
        assert passage in result.text or passage in " ".join(result.log.split()), result.text


def clean_env(**more: str) -> dict[str, str]:
    kept = {key: value for key, value in os.environ.items() if not key.startswith(_DROPPED)}
    identity = {
        f"GIT_{role}_{what}": value
        for role in ("AUTHOR", "COMMITTER")
        for what, value in (("NAME", "Tester"), ("EMAIL", "tester@example.com"))
    }
    return {**kept, **identity, "GIT_CONFIG_GLOBAL": os.devnull, "GIT_CONFIG_NOSYSTEM": "1", **more}


def nox(
    home: Path, *args: str, env: Mapping[str, str] | None = None, timeout: float = 600
) -> Result:
    done = subprocess.run(
        [sys.executable, "-m", "nox", *args],
        cwd=home,
        env=clean_env(**(env or {})),
        capture_output=True,
        text=True,
        timeout=timeout,
        check=False,
    )
    return Result(done.returncode, done.stdout, done.stderr)


def write(home: Path, files: Mapping[str, str]) -> Path:
    for name, text in files.items():
        file = home / name
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text, encoding="utf-8")
    return home


def copy_example(name: str, home: Path) -> Path:
    ignore = shutil.ignore_patterns(
        ".nox", ".venv", "build", "uv.lock", "__pycache__", ".mypy_cache"
    )
    shutil.copytree(EXAMPLES / name, home, ignore=ignore)
    return home


def edit(file: Path, old: str, new: str) -> None:
    """Replace one passage, which must be there."""
    text = file.read_text(encoding="utf-8")
    assert old in text, f"{file} has no {old!r}"
    file.write_text(text.replace(old, new, 1), encoding="utf-8")


def git(home: Path, *args: str) -> str:
    done = subprocess.run(
        ["git", *args], cwd=home, env=clean_env(), capture_output=True, text=True, check=True
    )
    return done.stdout.strip()


def need(condition: bool, what: str) -> None:
    """Skip a test for a missing real part, or fail where all must be there."""
    if condition:
        return
    if os.environ.get("TRADAI_TASKS_REQUIRE_ALL"):
        pytest.fail(f"{what} is missing, and TRADAI_TASKS_REQUIRE_ALL is set")
    pytest.skip(f"{what} is missing")
