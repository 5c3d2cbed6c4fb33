"""`tag` where strategies are released."""

from __future__ import annotations

from tests.support.inprocess import InProcess, run
from tests.support.tag_hub import Strategies, refused

__all__ = ["run"]


def test_a_strategy(run: InProcess) -> None:
    hub = Strategies(run)
    sha = hub.tag("momentum-v1.0.0")
    assert hub.after_ci("momentum-v1.0.0", sha).status == 0
    assert hub.handed_down() == {
        "tag": "momentum-v1.0.0",
        "version": "1.0.0",
        "environment": "release",
        "commit": sha,
        "strategy": "momentum",
        "backtested": "true",
    }
    hub.repo.git("tag", "momentum-v2.0.0")
    refused(hub, "momentum-v2.0.0", sha, "but strategies/momentum/pyproject.toml has version '1.0.")
    hub.repo.git("tag", "notes-v1.0.0")
    refused(hub, "notes-v1.0.0", sha, "no strategy is called 'notes'")
    hub.repo.git("tag", "v1.0.0")
    refused(hub, "v1.0.0", sha, "is a platform's, and this repository releases strategies")
    hub.repo.git("tag", "momentum-v0.0.0-test")
    assert hub.after_ci("momentum-v0.0.0-test", sha).status == 0


def test_a_strategy_of_the_tagged_commit_and_not_of_the_work_tree(run: InProcess) -> None:
    hub = Strategies(run)
    off = "[tool.tradai-tasks.backtest]\nenabled = false\n"
    hub.repo.commit({"strategies/gone/pyproject.toml": hub.project("gone", off)})
    sha = hub.tag("gone-v1.0.0")
    hub.repo.commit({"strategies/gone/pyproject.toml": None})
    hub.repo.commit({"strategies/late/pyproject.toml": hub.project("late")})
    assert hub.after_ci("gone-v1.0.0", sha).status == 0
    assert hub.handed_down()["strategy"] == "gone"
    assert hub.handed_down()["backtested"] == "false"
    hub.repo.git("tag", "late-v1.0.0", sha)
    refused(hub, "late-v1.0.0", sha, "no strategy is called 'late'")
