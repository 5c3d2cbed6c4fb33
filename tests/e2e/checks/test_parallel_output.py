"""What `nox -j` prints of sessions that succeed, and of those that fail."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.support.real import nox
from tests.support.shapes import workspace

SESSIONS = """
import nox
import tradai_tasks

tradai_tasks.register()


@nox.session(venv_backend="none")
def good(session):
    session.run("python", "-c", "print('noise of good')", external=True)
    session.warn("look here")


@nox.session(venv_backend="none")
def bad(session):
    session.run("python", "-c", "print('noise of bad'); raise SystemExit(1)", external=True)
"""
PARALLEL = ("--allow-parallel", "-j", "2", "-s", "good", "bad")


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return workspace(tmp_path_factory.mktemp("parallel") / "home", 2, more={"noxfile.py": SESSIONS})


@pytest.mark.parametrize("more", [(), ("--force-color",)])
def test_only_a_failure_is_shown_in_full(home: Path, more: tuple[str, ...]) -> None:
    ran = nox(home, *PARALLEL, *more)
    assert ran.status != 0
    assert "noise of good" not in ran.text
    assert "  warning: look here\n" in ran.text
    assert "noise of bad" in ran.text


def test_all_is_shown_where_it_is_asked_for(home: Path) -> None:
    assert "noise of good" in nox(home, *PARALLEL, "-v").text
    assert "noise of good" in nox(home, "-s", "good").text


def test_all_is_folded_in_github_actions(home: Path) -> None:
    lines = nox(home, *PARALLEL, env={"GITHUB_ACTIONS": "true"}).out.splitlines()
    start = lines.index("::group::all output of good")
    end = lines.index("::endgroup::")
    assert "noise of good" in lines[start:end]
    assert "noise of bad" not in lines[start:end]
    assert "noise of bad" in lines
    assert any(line.startswith("good: ") for line in lines[:start])
