"""A linear model that learns as it goes and forgets as it goes."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

__all__ = ["Floats", "RecursiveLeastSquares", "walk_forward"]

Floats = NDArray[np.float64]


class RecursiveLeastSquares:
    """Least squares, one observation at a time.

    An observation that is `n` steps old counts `forgetting ** n`, so the model follows a market
    whose habits change.
    """

    def __init__(self, width: int, *, forgetting: float, prior: float = 10.0) -> None:
        """Begin knowing nothing.

        Args:
            width: How many features there are.
            forgetting: What an observation is worth one step later, above 0 and at most 1.
            prior: How unsure the model is of its first coefficients, which are 0.

        Raises:
            ValueError: `forgetting` is out of range.
        """
        if not 0 < forgetting <= 1:
            raise ValueError(f"forgetting must be above 0 and at most 1, not {forgetting}")
        self._forgetting = forgetting
        self._covariance: Floats = np.eye(width) * prior
        self.coefficients: Floats = np.zeros(width)

    def predict(self, features: Floats) -> float:
        """Return what the model expects."""
        return float(features @ self.coefficients)

    def learn(self, features: Floats, outcome: float) -> None:
        """Take in what came of some features."""
        reach = self._covariance @ features
        gain = reach / (self._forgetting + features @ reach)
        self.coefficients = self.coefficients + gain * (outcome - self.predict(features))
        covariance = (self._covariance - np.outer(gain, reach)) / self._forgetting
        # Rounding makes it lopsided, and forgetting blows that up over thousands of steps.
        self._covariance = (covariance + covariance.T) / 2


def walk_forward(features: Floats, outcomes: Floats, *, forgetting: float) -> Floats:
    """Return what a model would have expected at each row, knowing earlier rows alone.

    Args:
        features: A row for each step; rows with NaN are neither learned nor judged.
        outcomes: What happened *at* each step, so that row `n` is what came of features `n - 1`.
        forgetting: What an observation is worth one step later.
    """
    model = RecursiveLeastSquares(features.shape[1], forgetting=forgetting)
    usable = np.asarray(np.isfinite(features).all(axis=1))
    expected = np.full(len(features), np.nan)
    for row in np.flatnonzero(usable):
        if row and usable[row - 1] and not np.isnan(outcomes[row]):
            model.learn(features[row - 1], float(outcomes[row]))
        expected[row] = model.predict(features[row])
    return expected
