import numpy as np
import pandas as pd
import pytest


@pytest.fixture
def candles() -> pd.DataFrame:
    """Make 600 hours of a price whose moves tend to go on, always the same ones."""
    random = np.random.default_rng(7)
    moves = random.normal(0, 0.006, 600)
    for n in range(1, 600):
        moves[n] += 0.35 * moves[n - 1]
    close = 100 * np.exp(np.cumsum(moves))
    opened = np.concatenate([[100.0], close[:-1]])
    return pd.DataFrame(
        {
            "date": pd.date_range("2025-01-01", periods=600, freq="1h", tz="UTC"),
            "open": opened,
            "high": np.maximum(opened, close) * 1.001,
            "low": np.minimum(opened, close) * 0.999,
            "close": close,
            "volume": np.full(600, 10.0),
        }
    )
