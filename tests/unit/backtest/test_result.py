"""freqtrade's result: fresh, of what was asked for, and in agreement with itself."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from tests.support.ftresult import DAY, HOUR, WINDOW, asked, document, write_result
from tradai_tasks.backtest.figures.equity_curve import curve_of
from tradai_tasks.backtest.figures.result import find_result, read_result
from tradai_tasks.errors import BacktestResultError


def read(tmp_path: Path, raw: dict[str, Any], **changed: Any) -> Any:
    return read_result(write_result(tmp_path, {"MomentumBot": raw}), asked(**changed))


def test_a_result_of_what_was_asked_for_is_read(tmp_path: Path) -> None:
    result = read(tmp_path, document())
    assert [trade.profit for trade in result.trades] == [10, -4, 6]
    assert (result.gains, result.losses) == (16, 4)
    assert (result.start, result.end) == WINDOW.seconds
    assert result.further["profit"] == pytest.approx(0.012)


def test_freqtrades_drawdowns_are_kept_by_their_own_names(tmp_path: Path) -> None:
    result = read(tmp_path, document(max_drawdown_account=0.1, max_relative_drawdown=0.3))
    assert result.further["freqtrade-max-relative-drawdown"] == 0.3
    assert result.further["freqtrade-max-drawdown-account"] == 0.1


TRADE = document([1.0])["trades"][0]


@pytest.mark.parametrize(
    ("changed", "said"),
    [
        ({"backtest_start_ts": (WINDOW.seconds[0] + HOUR) * 1000}, "it begins at"),
        ({"backtest_end_ts": (WINDOW.seconds[1] - 9 * HOUR) * 1000}, "it ends at"),
        ({"backtest_end_ts": (WINDOW.seconds[1] + 9 * HOUR) * 1000}, "it ends at"),
        ({"pairlist": []}, "freqtrade left out BTC/USDT:USDT"),
        ({"pairlist": ["BTC/USDT:USDT", "X/Y"]}, "it has X/Y, not asked for"),
        ({"timeframe": "5m"}, "its timeframe is 5m, not 1h"),
        ({"timerange": ""}, "its timerange is , not 20260102-20260201"),
        ({"backtest_run_start_ts": 999}, "it was made before this run began"),
        ({"total_trades": 70}, "it counts 70 trades and holds 3"),
        ({"profit_factor": 9.0}, "its profit factor 9 does not follow from its trades (4)"),
        ({"profit_factor": float("nan")}, "its profit factor nan does not follow"),
        ({"trades": [{**TRADE, "pair": "X/Y"}], "total_trades": 1}, "it trades X/Y"),
        ({"trades": [{**TRADE, "close_timestamp": 5}], "total_trades": 1}, "1 trades are outside"),
        ({"trades": [{**TRADE, "profit_abs": float("nan")}]}, "profit_abs of a trade is nan"),
        ({"trades": [{}]}, "not a result as freqtrade writes it: KeyError"),
        ({"wallet_stats": None}, "not a result as freqtrade writes it"),
        ({"sharpe": None}, "not a result as freqtrade writes it"),
    ],
)
def test_a_result_of_something_else_is_refused(
    tmp_path: Path, changed: dict[str, Any], said: str
) -> None:
    with pytest.raises(BacktestResultError) as caught:
        read(tmp_path, document(**changed))
    assert said in str(caught.value)
    assert str(caught.value).startswith("backtest-result-1.zip: ")


@pytest.mark.parametrize(
    ("strategies", "said"),
    [
        ({}, "of no strategy, not of MomentumBot"),
        ({"Other": {}}, "of Other, not of MomentumBot"),
        ({"MomentumBot": {}, "Other": {}}, "of MomentumBot, Other, not of MomentumBot"),
        ([], "of no strategy, not of MomentumBot"),
    ],
)
def test_a_result_of_another_strategy_is_refused(
    tmp_path: Path, strategies: Any, said: str
) -> None:
    with pytest.raises(BacktestResultError, match=said):
        read_result(write_result(tmp_path, strategies), asked())


def test_a_broken_file_is_refused(tmp_path: Path) -> None:
    file = write_result(tmp_path)
    file.write_bytes(b"PK")
    with pytest.raises(BacktestResultError, match=r"backtest-result-1.zip: cannot be read"):
        read_result(file, asked())
    other = write_result(tmp_path, stem="other")
    with pytest.raises(BacktestResultError, match=r"renamed.zip: cannot be read"):
        read_result(other.rename(tmp_path / "renamed.zip"), asked())


def test_the_one_result_of_an_empty_folder_is_found(tmp_path: Path) -> None:
    with pytest.raises(BacktestResultError, match="freqtrade made no result"):
        find_result(tmp_path)
    file = write_result(tmp_path)
    assert find_result(tmp_path) == file
    for text, said in (
        ('{"latest_backtest": "old.zip"}', r"is not what .* names \(old.zip\)"),
        ("{", "broken JSON"),
        ("[]", "not a JSON object"),
    ):
        (tmp_path / ".last_result.json").write_text(text)
        with pytest.raises(BacktestResultError, match=said):
            find_result(tmp_path)
    (tmp_path / ".last_result.json").unlink()
    with pytest.raises(BacktestResultError, match=r"names \(nothing\)"):
        find_result(tmp_path)
    write_result(tmp_path, stem="second")
    with pytest.raises(BacktestResultError, match=r"several results: .*, second"):
        find_result(tmp_path)


def test_a_curve_has_its_deepest_fall_and_the_peak_before_it() -> None:
    curve = curve_of((0, 1, 2, 3, 4, 5), (1000, 1010, 1006, 1002, 1012, 1012))
    assert curve.drawdown[3] == pytest.approx(-8 / 1010)


def test_days_without_a_candle_have_the_equity_of_the_day_before() -> None:
    curve = curve_of((0, DAY, DAY + HOUR, 4 * DAY), (1.0, 2.0, 3.0, 6.0))
    assert curve.at_ends_of_days() == [(0, 2.0), (1, 3.0), (2, 3.0), (3, 6.0)]
    assert curve.daily_returns == [0.5, 0.0, 1.0]


@pytest.mark.parametrize(
    ("equity", "said"),
    [
        ((1.0,), "undefined: fewer than two daily returns"),
        ((1.0, 2.0, 3.0), "undefined: fewer than two daily returns"),
        ((1.0, 2.0, 4.0, 8.0, 16.0), "undefined: the returns do not deviate"),
        ((1.0, 2.0, 0.0, 8.0, 16.0), "undefined: the account was lost"),
    ],
)
def test_returns_without_a_ratio_say_why(equity: tuple[float, ...], said: str) -> None:
    assert curve_of(range(0, DAY * len(equity), DAY), equity).ratio() == (None, said)


def test_the_sortino_ratio_is_over_the_deviation_of_losses() -> None:
    equity = (1.0, 1.0, 1.1, 0.99, 1.188, 0.9504, 1.0)
    curve = curve_of(range(0, DAY * len(equity), DAY), equity)
    returns = curve.daily_returns
    assert curve.ratio(downside=True)[0] == pytest.approx(
        sum(returns) / len(returns) / 0.05 * 365**0.5  # losses of 10 and 20 percent
    )
