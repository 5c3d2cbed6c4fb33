import pandas as pd
import pytest

from tradai_strategy.protocols import RiskLimits, Strategy
from tradai_strategy.signals import crossed_above, crossed_below, mark
from tradai_strategy.sizing import leverage_within, stake_for

LIMITS = RiskLimits(stop_loss=0.05, risk_per_trade=0.01, max_leverage=3.0)


class AlwaysLong:
    name = "always-long"
    timeframe = "1h"
    warm_up = 0

    def populate_indicators(self, frame: pd.DataFrame) -> pd.DataFrame:
        return frame

    def populate_entry_trend(self, frame: pd.DataFrame) -> pd.DataFrame:
        return mark(frame, "enter_long", frame["close"] > 0)

    def populate_exit_trend(self, frame: pd.DataFrame) -> pd.DataFrame:
        return mark(frame, "exit_long", frame["close"] < 0)

    def risk(self) -> RiskLimits:
        return LIMITS


def test_a_strategy_is_known_by_its_shape() -> None:
    assert isinstance(AlwaysLong(), Strategy)
    assert not isinstance(object(), Strategy)


@pytest.mark.parametrize(
    "numbers",
    [
        {"stop_loss": 0.0},
        {"stop_loss": 1.0},
        {"stop_loss": 0.1, "risk_per_trade": 0.0},
        {"stop_loss": 0.1, "max_leverage": 0.5},
    ],
)
def test_limits_must_limit(numbers: dict[str, float]) -> None:
    with pytest.raises(ValueError, match=r"fractions|at least 1"):
        RiskLimits(**numbers)


def test_crossings_are_single_rows() -> None:
    values, level = pd.Series([1.0, 2.0, 3.0, 1.0]), pd.Series([2.0] * 4)
    assert crossed_above(values, level).tolist() == [False, False, True, False]
    assert crossed_below(values, level).tolist() == [False, False, False, True]


def test_candles_without_volume_carry_no_signal() -> None:
    frame = pd.DataFrame({"close": [1.0, 1.0], "volume": [0.0, 3.0]})
    marked = AlwaysLong().populate_exit_trend(AlwaysLong().populate_entry_trend(frame))
    assert marked["enter_long"].tolist() == [0, 1]
    assert marked["exit_long"].tolist() == [0, 0]


def test_the_stop_loses_what_the_limits_allow() -> None:
    stake = stake_for(10_000, LIMITS, leverage=2.0)
    assert stake * 2.0 * LIMITS.stop_loss == pytest.approx(100)
    assert stake_for(100, RiskLimits(stop_loss=0.001, risk_per_trade=0.5)) == 100
    with pytest.raises(ValueError, match="no equity"):
        stake_for(0, LIMITS)
    with pytest.raises(ValueError, match="leverage"):
        stake_for(1, LIMITS, leverage=0.5)


@pytest.mark.parametrize(
    ("proposed", "allowed", "used"), [(2.0, 10.0, 2.0), (9.0, 10.0, 3.0), (5.0, 0.5, 1.0)]
)
def test_leverage_stays_within(proposed: float, allowed: float, used: float) -> None:
    assert leverage_within(LIMITS, proposed, allowed) == used
