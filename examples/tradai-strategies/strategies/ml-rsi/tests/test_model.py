import numpy as np
import pytest

from ml_rsi.model import RecursiveLeastSquares, walk_forward


def test_it_finds_the_line() -> None:
    random = np.random.default_rng(1)
    model = RecursiveLeastSquares(2, forgetting=1.0, prior=1e6)
    for _ in range(200):
        features = np.array([random.normal(), 1.0])
        model.learn(features, 3 * features[0] - 2)
    assert model.coefficients == pytest.approx([3, -2], abs=1e-4)
    assert model.predict(np.array([2.0, 1.0])) == pytest.approx(4, abs=1e-3)


def test_it_forgets_what_no_longer_holds() -> None:
    model = RecursiveLeastSquares(1, forgetting=0.9)
    for outcome in [1.0] * 100 + [-1.0] * 100:
        model.learn(np.array([1.0]), outcome)
    assert model.predict(np.array([1.0])) == pytest.approx(-1, abs=1e-3)


def test_it_stays_sane_over_a_year_of_hours() -> None:
    noise = np.random.default_rng(2).normal(size=(8766, 3))
    # Features that say nearly the same, as indicators of one price do.
    features = np.column_stack([noise[:, 0], noise[:, 0] + 0.1 * noise[:, 1], np.ones(8766)])
    expected = walk_forward(features, noise[:, 2], forgetting=0.99)
    assert np.abs(expected).max() < 3  # nothing can be learned from noise of deviation 1


@pytest.mark.parametrize("forgetting", [0.0, 1.1])
def test_forgetting_is_a_share(forgetting: float) -> None:
    with pytest.raises(ValueError, match="forgetting"):
        RecursiveLeastSquares(1, forgetting=forgetting)


def test_each_row_is_judged_by_earlier_ones() -> None:
    features = np.ones((5, 1))
    outcomes = np.array([9.0, 1.0, 1.0, 1.0, 5.0])
    expected = walk_forward(features, outcomes, forgetting=1.0)
    assert expected[0] == 0  # knows nothing; the 9 came of no features
    assert expected[3] == pytest.approx(1, abs=0.1)
    changed = walk_forward(features, np.array([9.0, 1.0, 1.0, 1.0, -5.0]), forgetting=1.0)
    assert expected[:4].tolist() == changed[:4].tolist()
    assert expected[4] > changed[4]


def test_rows_with_holes_are_left_out() -> None:
    features = np.array([[np.nan], [1.0], [1.0], [np.nan], [1.0]])
    expected = walk_forward(features, np.ones(5), forgetting=1.0)
    assert np.isnan(expected).tolist() == [True, False, False, True, False]
    assert expected[1] == 0
