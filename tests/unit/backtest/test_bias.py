"""freqtrade's analyses of bias: what they found is judged, and what they did not find is not."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from tradai_tasks.backtest.bias import check_bias, first_difference
from tradai_tasks.backtest.isolated.commands import arguments, columns_with_lookahead
from tradai_tasks.backtest.run import BacktestJob, has_failed
from tradai_tasks.backtest.run_findings import Analysis, RunFindings
from tradai_tasks.backtest.time_range import window_of
from tradai_tasks.errors import BacktestError, BiasError
from tradai_tasks.settings.backtest import BacktestSettings

JOB = BacktestJob(
    strategy="fast",
    kind="full",
    settings=BacktestSettings(),
    window=window_of("full", BacktestSettings(end="2026-02-01"), 0),
    home=Path("/home"),
    folder=Path("/home/build/lookahead"),
    store=Path("/store"),
)
CLEAR: dict[str, Any] = {"analysis": "lookahead", "trades": 20, "least": 10, "columns": ()}
SETTLED: dict[str, Any] = {
    "analysis": "recursive",
    "startup": 72,
    "columns": (),
    "variance": {"ema": 0.002},
}


def said(asked: str, status: int | None = 0, **found: Any) -> str:
    facts = RunFindings(stage="run", status=status, analyses=(Analysis(**found),))
    return check_bias(JOB, facts, asked)


def test_what_is_clear_is_said_with_its_figures() -> None:
    assert said("lookahead", **CLEAR) == "no look-ahead in the signals of 20 trades"
    assert said("recursive", **SETTLED) == "indicators settle within 72 start-up candles, to 0.200%"


@pytest.mark.parametrize(
    ("changed", "passage"),
    [
        ({"entries": 3, "exits": 1}, "3 entries and 1 exits of 20 trades differ"),
        ({"columns": ("move",)}, "without them move differ"),
        (
            {"entries": 1, "columns": ("a", "b")},
            "1 entries and 0 exits of 20 trades, and a, b differ",
        ),
    ],
)
def test_a_strategy_that_sees_the_future_fails(changed: dict[str, Any], passage: str) -> None:
    with pytest.raises(BiasError, match="fast: lookahead-analysis: it uses candles that a") as bad:
        said("lookahead", **{**CLEAR, **changed})
    assert passage in str(bad.value)


@pytest.mark.parametrize(
    ("changed", "passage"),
    [
        ({"columns": ("move",)}, "it uses candles that a live bot does not have yet"),
        ({"variance": {"ema": 0.011, "sma": 0.0}}, "ema 1.100% off, and 1 % is allowed"),
        ({"variance": {"ema": None}}, "ema is no number off"),
    ],
)
def test_indicators_that_do_not_settle_fail(changed: dict[str, Any], passage: str) -> None:
    with pytest.raises(BiasError, match="fast: recursive-analysis: ") as bad:
        said("recursive", **{**SETTLED, **changed})
    assert passage in str(bad.value)


@pytest.mark.parametrize(
    ("analysis", "changed"),
    [
        ("lookahead", {**SETTLED}),  # not the one that was asked for
        ("recursive", {**SETTLED, "columns": None}),
        ("lookahead", {**CLEAR, "status": 2}),
        ("lookahead", {**CLEAR, "status": None}),
    ],
)
def test_no_result_is_no_pass(analysis: str, changed: dict[str, Any]) -> None:
    with pytest.raises(BacktestError, match="freqtrade came to no result that can be read"):
        said(analysis, **changed)
    with pytest.raises(BacktestError, match="came to no result"):
        check_bias(JOB, RunFindings(stage="run", status=0), analysis)


def test_too_few_trades_are_no_pass() -> None:
    with pytest.raises(BacktestError, match="3 trades are too few, it needs 10"):
        said("lookahead", **{**CLEAR, "trades": 3})


def test_what_freqtrade_says_of_columns_must_be_one_of_two_things() -> None:
    none = "No lookahead bias on indicators found."
    assert columns_with_lookahead(["x", none]) == []
    assert columns_with_lookahead(["=> found lookahead in indicator a b"]) == ["a b"]
    assert columns_with_lookahead([none, "=> found lookahead in indicator a"]) is None
    assert columns_with_lookahead(["something else"]) is None


def test_options_go_to_the_commands_that_know_them() -> None:
    ours = [["--config", "c"], ["--timerange", "1-2"], ["--timeframe", "1h"]]
    known = ["--config", "--timerange", "--timeframe", "-i"]
    last = ["--config", "overlay"]
    assert arguments(["hyperopt", "-e", "5"], known, ours, last) == [
        "hyperopt", "--config", "c", "--timerange", "1-2", "--timeframe", "1h", "-e", "5",
        "--config", "overlay",
    ]  # fmt: skip
    assert arguments(["x", "--timerange=3-4", "-c", "d"], known, ours, last) == [
        "x", "--config", "c", "--timeframe", "1h", "--timerange=3-4", "-c", "d",
        "--config", "overlay",
    ]  # fmt: skip
    assert arguments(["list-exchanges"], ["--one-column"], ours, last) == ["list-exchanges"]


def test_a_command_fails_by_what_it_says_too() -> None:
    good = RunFindings(stage="run", status=0)
    assert not has_failed(good, "2026-01-01 00:00:00,1 - a - WARNING - x\n")
    assert has_failed(good, "2026-01-01 00:00:00,1 - a - ERROR - x\n")
    assert has_failed(good, "usage: freqtrade\nfreqtrade hyperopt: error: unknown\n")
    assert has_failed(RunFindings(stage="run", status=2), "")
    assert has_failed(RunFindings(stage="look"), "")


def test_two_lists_of_trades_differ_by_their_first_difference() -> None:
    one = [{"pair": "A", "profit": 1.0}, {"pair": "B", "profit": 2.0}]
    assert first_difference(one, [dict(trade) for trade in one]) == ""
    assert first_difference(one, [one[0], {**one[1], "profit": 3.0}]) == (
        "trade 2: profit 2.0 and 3.0"
    )
    assert first_difference(one, one[:1]) == "2 and 1 trades"


def test_the_twin_has_folders_of_its_own() -> None:
    job = replace(JOB, repeats=True)
    assert job.argv()[0] == job.argv(twin=True)[0] == "backtesting"
    differ = {a for a in job.argv() if a not in job.argv(twin=True)}
    assert differ == {str(job.results), str(job.folder / "work" / "user_data")}
