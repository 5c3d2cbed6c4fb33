"""What GitHub Actions folds of a session that runs by itself, and what stays in sight."""

from __future__ import annotations

import pytest

from tests.support.inprocess import InProcess, Ran
from tests.support.project import pyproject

FILES = {
    "pyproject.toml": '[tool.uv.workspace]\nmembers = ["libs/*"]\n',
    "uv.lock": "version = 1\n",
    "libs/a/pyproject.toml": pyproject("a"),
    "libs/a/src/a/__init__.py": "",
}
IN_ACTIONS = {"GITHUB_ACTIONS": "true"}


def ran(run: InProcess, name: str, *, status: int = 0, more: tuple[str, ...] = ()) -> Ran:
    files = {**FILES, "noxfile.py": "import tradai_tasks\ntradai_tasks.register()\n"}
    return run.files(files)(
        "-s", name, *more,
        script=lambda words: status if words[:2] == ["ruff", "check"] else 0,
        env=IN_ACTIONS,
    )  # fmt: skip


def test_the_details_are_folded_and_the_summary_is_not(run: InProcess) -> None:
    lines = ran(run, "lint").out.splitlines()
    start, end = lines.index("::group::all output of lint"), lines.index("::endgroup::")
    assert start < end
    assert any(line.startswith("lint: ") and "without faults" in line for line in lines[end:])


def test_a_failure_is_in_sight(run: InProcess) -> None:
    found = ran(run, "lint", status=1)
    assert found.status == 1
    assert found.out.splitlines()[-1] == "::endgroup::"
    assert "nox > Session lint aborted: lint: ruff found faults" in found.log.splitlines()[-1]


@pytest.mark.parametrize("name", ["inventory", "changes"])
def test_what_a_program_may_read_is_not_folded(run: InProcess, name: str) -> None:
    assert "::group::" not in ran(run, name).out


def test_nothing_is_folded_elsewhere(run: InProcess) -> None:
    files = {**FILES, "noxfile.py": "import tradai_tasks\ntradai_tasks.register()\n"}
    assert "::group::" not in run.files(files)("-s", "lint").out
