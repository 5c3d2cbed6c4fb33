"""`changes` with recordings: what has no job, what is added, and the graph held against them."""

from __future__ import annotations

import json
import os
from typing import Any

import pytest

from tests.support.change_findings import finding, item
from tests.support.inprocess import InProcess, Ran
from tests.support.platform_sessions import PLATFORM, ROOT
from tests.support.real import edit, write
from tests.unit.results.test_whole_run import TEST, Kept

SETTINGS = '[tool.tradai-tasks.results]\nreplay = "auto"\nstore = "../store"\n'


@pytest.fixture
def kept(run: InProcess) -> Kept:
    home = run.home
    run.home = home / "w"
    run.files({})
    files = {**PLATFORM, "pyproject.toml": ROOT + SETTINGS}
    found = Kept(home, files, dict(os.environ))
    found.keep([TEST])
    return found


def chosen(run: InProcess, *words: str, **env: str) -> Ran:
    return run("-s", "changes", "--", *words, env={"TRADAI_TASKS_REPLAY": "", **env})


def test_a_package_that_would_be_replayed_has_no_job(
    run: InProcess, kept: Kept, monkeypatch: pytest.MonkeyPatch
) -> None:
    finding(monkeypatch, item("a", "why"), item("b"))
    summary = kept.root.parent / "summary.md"
    ran = chosen(run, "--json", GITHUB_STEP_SUMMARY=str(summary), GITHUB_ACTIONS="true")
    document: dict[str, Any] = json.loads(ran.out)
    one, other = document["packages"]
    assert (one["affected"], one["replayed"]) == (True, True)
    assert one["replayed_because"].startswith("1 test files unchanged since they were green (")
    assert "replayed" not in other
    assert document["matrix"] == {"include": []}
    assert "a is not tested again: 1 test files unchanged" in ran.log
    assert "Not tested again:\n\n- a: 1 test files unchanged" in summary.read_text()
    # where everything is run
    assert '"name": "a"' in chosen(run, "--json", CI="1", GITHUB_EVENT_NAME="schedule").out
    whole = json.loads(chosen(run, "--json", CI="1", GITHUB_EVENT_NAME="schedule").out)
    assert [job["sessions"] for job in whole["matrix"]["include"]] == ["test(a)"]
    never = json.loads(chosen(run, "--json", TRADAI_TASKS_REPLAY="never").out)
    assert [job["sessions"] for job in never["matrix"]["include"]] == ["test(a)"]


def test_a_package_that_read_what_changed_is_added(
    run: InProcess, kept: Kept, monkeypatch: pytest.MonkeyPatch
) -> None:
    finding(monkeypatch, item("a"), item("b"), changed=("libs/b/far.dat",))
    assert json.loads(chosen(run, "--json").out)["matrix"] == {"include": []}
    write(kept.root, {"libs/b/far.dat": "2"})
    document = json.loads(chosen(run, "--json").out)
    assert [job["sessions"] for job in document["matrix"]["include"]] == ["test(a)"]
    assert f"{TEST}: as recorded it depends on libs/b/far.dat" in document["reasons"]


def test_a_store_that_cannot_be_used_changes_nothing(
    run: InProcess, kept: Kept, monkeypatch: pytest.MonkeyPatch
) -> None:
    finding(monkeypatch, item("a", "why"))
    write(kept.root, {"file": ""})
    edit(kept.root / "pyproject.toml", "../store", "file")
    ran = chosen(run, "--json")
    assert "the selection is made without recordings: " in ran.log
    assert json.loads(ran.out)["matrix"]["include"]


def test_recorded_loads_are_held_against_the_graph(
    run: InProcess, kept: Kept, monkeypatch: pytest.MonkeyPatch
) -> None:
    finding(monkeypatch, item("a", "why"))
    ran = chosen(run, "--verify")
    assert ran.status == 0, ran.log
    assert "the graph has every load that was recorded, of 1 test files" in ran.out
    write(kept.root, {"libs/b/src/b/__init__.py": "x = 1\n"})
    ran = chosen(run, "--verify")
    assert ran.status != 0
    assert "no recording of a test run fits this work tree, so nothing was verified" in ran.log
