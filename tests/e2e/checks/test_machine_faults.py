"""A full disk, too few file descriptors, a locale without characters: one line each."""

from __future__ import annotations

import resource
import subprocess
import sys
from functools import partial
from pathlib import Path

import pytest

from tests.support.real import clean_env, need, write
from tests.support.shapes import workspace

FULL = Path("/dev/full")  # Linux: every write to it fails as on a full disk


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    found = workspace(tmp_path_factory.mktemp("machine") / "home", 2)
    return write(found, {"libs/p1/src/p1/new.py": ""})


@pytest.mark.parametrize(
    "args",
    [
        ["nox", "-l"],
        ["nox", "-l", "--json"],
        ["nox", "-s", "changes"],
        ["nox", "-s", "changes", "--", "--json"],
        ["tradai_tasks", "init", "--no-checks", "--dry-run"],
    ],
)
def test_standard_output_on_a_full_disk(home: Path, args: list[str]) -> None:
    need(FULL.exists(), "/dev/full")
    with FULL.open("w") as full:
        ran = subprocess.run(
            [sys.executable, "-m", *args], cwd=home, env=clean_env(), check=False, timeout=100,
            stdout=full, stderr=subprocess.PIPE, text=True,
        )  # fmt: skip
    assert ran.returncode == 1
    told = [line for line in ran.stderr.splitlines() if "the machine refuses: [Errno 28]" in line]
    assert len(told) == 1
    assert "Traceback" not in ran.stderr


@pytest.mark.parametrize(
    ("most", "status", "begins"),
    [(7, 2, "tradai-tasks: "), (13, 1, "nox > Session changes aborted: ")],
    ids=["before-any-session", "in-a-session"],
)
def test_too_few_file_descriptors(home: Path, most: int, status: int, begins: str) -> None:
    # how many are open at once is also a matter of time: a run may get by with so few
    runs = (_with_descriptors(home, most) for _ in range(8))
    ran = next(
        one for one in runs if one.returncode or one.stdout != _with_descriptors(home).stdout
    )
    assert ran.returncode == status
    told = [line for line in ran.stderr.splitlines() if "the machine refuses: [Errno 24]" in line]
    assert len(told) == 1
    assert told[0].startswith(begins)
    assert "Traceback" not in ran.stderr


def _with_descriptors(home: Path, most: int | None = None) -> subprocess.CompletedProcess[str]:
    """Run `changes`, with at most so many file descriptors."""
    limit = partial(resource.setrlimit, resource.RLIMIT_NOFILE, (most, most)) if most else None
    return subprocess.run(
        [sys.executable, "-m", "nox", "-s", "changes"],
        cwd=home, env=clean_env(TRADAI_TASKS_CACHE="/dev/null"), check=False, timeout=100,
        capture_output=True, text=True, preexec_fn=limit,
    )  # fmt: skip


@pytest.mark.parametrize("args", [["-l"], ["-s", "changes"], ["-s", "changes", "--", "--json"]])
def test_names_that_the_locale_has_no_characters_for(tmp_path: Path, args: list[str]) -> None:
    home = workspace(tmp_path / "home", 2)
    write(home, {"libs/p1/src/p1/é.py": ""})
    env = clean_env(LC_ALL="C", PYTHONCOERCECLOCALE="0", PYTHONUTF8="0")
    ran = subprocess.run(
        [sys.executable, "-m", "nox", *args], cwd=home, env=env, check=False, timeout=100,
        capture_output=True, text=True,
    )  # fmt: skip
    assert "Traceback" not in ran.stderr
    if ran.returncode:
        assert ran.stderr.count("set PYTHONUTF8=1, or LC_ALL=C.UTF-8") == 1
    else:
        assert "changes" in ran.stdout or "p1" in ran.stdout
