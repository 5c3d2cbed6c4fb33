"""Strategies in a repository, whose candles and backtests are recorded."""

from __future__ import annotations

import pytest

from tests.support.backtest_sessions import FILES, SETTINGS
from tests.support.inprocess import InProcess
from tests.support.repos import Repo


@pytest.fixture
def repo(run: InProcess) -> InProcess:
    run.files({**FILES, "tradai-tasks.toml": SETTINGS})
    made = Repo.init(run.home)
    made.git("add", "-A", "-f", "strategies", "noxfile.py", "tradai-tasks.toml", ".gitignore")
    made.git("commit", "-qm", "one")
    return run
