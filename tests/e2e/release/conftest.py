"""What the release's end-to-end tests share: one environment with freqtrade."""

from __future__ import annotations

import pytest

from tests.support.freqtrade import Strategies, strategies


@pytest.fixture(scope="session")
def _made(tmp_path_factory: pytest.TempPathFactory) -> Strategies:
    """The strategies' repository, whose momentum has its environment; made once a worker."""
    return strategies(tmp_path_factory.mktemp("backtest"))
