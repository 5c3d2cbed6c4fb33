"""Results in the workflows: main saves, a pull request replays, a release does not."""

from __future__ import annotations

from pathlib import Path

from tests.support.act import Run
from tests.support.hub import Hub, prepared
from tests.support.real import git, nox

SETTINGS = '\n[tool.tradai-tasks.results]\nreplay = "auto"\n'
PACKAGE = "lambdas/candle-gaps"
REAL = "changes,test,results,gate"


def replays(run: Run) -> bool:
    assert run.status == 0, run.log
    return "unchanged since" in run.log


def test_main_saves_a_pull_request_replays_and_a_release_does_not(tmp_path: Path) -> None:
    home = prepared("tradai-uv", tmp_path / "tradai-uv")
    hub = Hub(home, tmp_path / "act", "tradai/tradai-uv")
    hub.act.env |= {"HOME": str(home.parent), "TRADAI_TASKS_REPLAY": ""}
    caches = tmp_path / "act" / "caches"
    root = home / "pyproject.toml"
    root.write_text(root.read_text() + SETTINGS)
    assert nox(home, "-s", "workflows").status == 0
    hub.settle("Keep results")
    before = hub.main
    hub.commit("main", {f"{PACKAGE}/tests/test_handler.py": "\n\n# A change.\n"})
    hub.settle_head()
    first = hub.push("refs/heads/main", before, real=REAL)
    assert not replays(first)
    assert first.jobs["results"] == ["success"]
    [saved] = (caches / "refs/heads/main").iterdir()
    assert list(saved.glob("*/*-*")), first.log

    hub.act.given["GITHUB_RUN_ID"] = "2"
    again = hub.push("refs/heads/main", before, real=REAL)
    assert not replays(again), "the default branch runs everything"
    assert f"restored {saved.name}" in again.log

    new = {f"{PACKAGE}/tests/test_new.py": "def test_new() -> None:\n    assert True\n"}
    pull = hub.pull_request(new, real=REAL)
    assert replays(pull)
    assert "2 test files: 1 run, 1 unchanged since they were green (" in pull.log
    assert "results" not in pull.jobs
    assert [one.name for one in (caches / "refs").iterdir()] == ["heads"]  # nothing of its own

    git(home, "checkout", "-q", "main")
    unread = hub.pull_request({f"{PACKAGE}/table.json": "[]\n"}, real=REAL)
    assert unread.status == 0, unread.log
    assert "candle-gaps is not tested again: 1 test files unchanged since they" in unread.log
    assert "test" not in unread.jobs
    assert unread.jobs["gate"] == ["success"]
    assert "changes.any is false" in unread.log

    git(home, "checkout", "-q", "--detach", "main")
    git(home, "tag", "v1.2.0")
    release = hub.push("refs/tags/v1.2.0", "0" * 40)
    assert release.status == 0, release.log
    assert "restored " not in release.log
    assert "results" not in release.jobs
