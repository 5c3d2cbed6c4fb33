"""The adapter, on a stand-in for freqtrade's base class: backtests run it on the real one."""

import importlib
import sys
from datetime import UTC, datetime
from types import ModuleType, SimpleNamespace
from typing import Any

import pandas as pd
import pytest

NOW = datetime(2026, 1, 1, tzinfo=UTC)


class IStrategy:
    def __init__(self) -> None:
        self.wallets = SimpleNamespace(get_total_stake_amount=lambda: 10_000.0)


@pytest.fixture
def bot(monkeypatch: pytest.MonkeyPatch) -> Any:
    stand_in = ModuleType("freqtrade.strategy")
    stand_in.IStrategy = IStrategy  # type: ignore[attr-defined]
    monkeypatch.setitem(sys.modules, "freqtrade", ModuleType("freqtrade"))
    monkeypatch.setitem(sys.modules, "freqtrade.strategy", stand_in)
    monkeypatch.delitem(sys.modules, "ml_rsi.bot", raising=False)
    return importlib.import_module("ml_rsi.bot").MlRsiBot()


def test_it_has_what_freqtrade_reads(bot: Any) -> None:
    assert bot.INTERFACE_VERSION == 3
    assert bot.timeframe == "1h"
    assert bot.startup_candle_count > 0
    assert -1 < bot.stoploss < 0


def test_the_rules_give_the_signals(bot: Any, candles: pd.DataFrame) -> None:
    frame = bot.populate_indicators(candles, {"pair": "BTC/USDT:USDT"})
    frame = bot.populate_entry_trend(frame, {"pair": "BTC/USDT:USDT"})
    frame = bot.populate_exit_trend(frame, {"pair": "BTC/USDT:USDT"})
    assert {"enter_long", "enter_short", "exit_long", "exit_short"} <= set(frame.columns)


def test_a_stopped_position_loses_what_the_limits_allow(bot: Any) -> None:
    leverage = bot.leverage("BTC/USDT:USDT", NOW, 60_000.0, 1.0, 20.0, None, "long")
    stake = bot.custom_stake_amount(
        "BTC/USDT:USDT", NOW, 60_000.0, 500.0, 5.0, 9_000.0, leverage, None, "long"
    )
    assert stake * -bot.stoploss == pytest.approx(10_000 * 0.01)


def test_no_more_is_put_up_than_there_is(bot: Any) -> None:
    stake = bot.custom_stake_amount(
        "BTC/USDT:USDT", NOW, 60_000.0, 500.0, 5.0, 50.0, 2.0, None, "long"
    )
    assert stake == 50.0
