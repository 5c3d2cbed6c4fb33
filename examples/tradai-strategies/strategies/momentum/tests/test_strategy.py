import pandas as pd
import pytest
from tradai_strategy.protocols import Strategy

from momentum.strategy import MomentumStrategy

SIGNALS = ["enter_long", "enter_short", "exit_long", "exit_short"]


def judge(frame: pd.DataFrame) -> pd.DataFrame:
    rules = MomentumStrategy()
    frame = rules.populate_indicators(frame.copy())
    return rules.populate_exit_trend(rules.populate_entry_trend(frame))


def test_it_is_a_strategy() -> None:
    rules = MomentumStrategy()
    assert isinstance(rules, Strategy)
    assert rules.name == "momentum"
    assert rules.risk().stop_loss == pytest.approx(0.05)


def test_it_goes_both_ways(candles: pd.DataFrame) -> None:
    counts = judge(candles)[SIGNALS].sum()
    assert (counts > 0).all()


def test_it_never_enters_both_ways_or_where_it_leaves(candles: pd.DataFrame) -> None:
    frame = judge(candles)
    assert (frame["enter_long"] + frame["enter_short"]).max() == 1
    assert (frame["enter_long"] + frame["exit_long"]).max() == 1
    assert (frame["enter_short"] + frame["exit_short"]).max() == 1


def test_it_waits_until_there_is_enough_to_judge(candles: pd.DataFrame) -> None:
    head = judge(candles.head(10))
    assert head[["enter_long", "enter_short"]].to_numpy().sum() == 0


def test_it_does_not_look_ahead(candles: pd.DataFrame) -> None:
    whole, part = judge(candles), judge(candles.head(500))
    pd.testing.assert_frame_equal(whole.head(500)[SIGNALS], part[SIGNALS])
