import json
from unittest import mock

import pytest

from strategy_service import __main__ as program
from strategy_service.feed import to_frame
from strategy_service.loader import StrategyLoadError, load_strategy
from strategy_service.runner import newest_signal

FIRST = 1767225600000  # 2026-01-01 00:00 UTC


def rows(closes: list[float]) -> list[list[float]]:
    return [[FIRST + n * 300_000, c, c + 1, c - 1, c, 1.0] for n, c in enumerate(closes)]


# Falls for a while, then jumps: the fast average crosses the slow one on the last candle.
RISING = rows([100.0 - n for n in range(40)] + [110.0])
FALLING = rows([100.0 + n for n in range(40)] + [90.0])


@pytest.mark.parametrize(("candles", "action"), [(RISING, "enter_long"), (FALLING, "exit_long")])
def test_the_newest_candle_gives_a_signal(candles: list[list[float]], action: str) -> None:
    signal = newest_signal(load_strategy("strategy_service.demo:CrossStrategy"), to_frame(candles))
    assert signal is not None
    assert signal.action == action
    assert signal.at.isoformat() == "2026-01-01T03:20:00+00:00"


@pytest.mark.parametrize("candles", [RISING[:-1], RISING[-20:]])
def test_no_signal_or_no_warm_up_is_no_signal(candles: list[list[float]]) -> None:
    strategy = load_strategy("strategy_service.demo:CrossStrategy")
    assert newest_signal(strategy, to_frame(candles)) is None


@pytest.mark.parametrize(
    "path", ["", "nowhere:Class", "strategy_service.demo:Nothing", "decimal:Decimal"]
)
def test_only_strategies_are_loaded(path: str) -> None:
    with pytest.raises(StrategyLoadError):
        load_strategy(path)


@pytest.mark.parametrize("publish", ["no", "yes"])
def test_a_round_prints_a_plan_for_each_signal(
    publish: str, capsys: pytest.CaptureFixture[str]
) -> None:
    answers = {"BTC/USDT:USDT": RISING, "ETH/USDT:USDT": RISING[:-1], "SOL/USDT:USDT": []}
    environ = {
        "STRATEGY_BACKEND_URL": "http://backend",
        "STRATEGY_PAIRS": ",".join(answers),
        "STRATEGY_PUBLISH": publish,
    }
    with (
        mock.patch.dict("os.environ", environ),
        mock.patch("tradai.common.http.JsonClient.get") as get,
    ):
        get.side_effect = lambda _, query: {"rows": answers[query["pair"]]}
        program.main()
    [line] = capsys.readouterr().out.splitlines()
    found = json.loads(line)
    plan = found["payload"] if publish == "yes" else found
    assert (plan["pair"], plan["action"]) == ("BTC/USDT:USDT", "enter_long")
    # 0.5 % of 10,000 USDT at risk, 2 % below a price of 110
    assert (plan["quantity"], plan["at_risk"]) == ("22.727", "50.00 USDT")


def test_an_account_too_small_for_a_step_plans_nothing(capsys: pytest.CaptureFixture[str]) -> None:
    environ = {"STRATEGY_BACKEND_URL": "http://backend", "STRATEGY_STEP": "1000"}
    with (
        mock.patch.dict("os.environ", environ),
        mock.patch("tradai.common.http.JsonClient.get", return_value={"rows": RISING}),
    ):
        program.main()
    assert capsys.readouterr().out == ""
