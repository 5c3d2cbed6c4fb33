"""A run of freqtrade: what it is told, and what is made of what it found."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import replace
from datetime import date
from pathlib import Path
from typing import Any
from urllib.error import HTTPError
from urllib.request import Request, urlopen

import pytest

from tradai_tasks.backtest.isolated.findings import flattering
from tradai_tasks.backtest.markets import (
    Markets,
    api_of,
    ccxt_configs,
    markets_digest,
    serve_markets,
)
from tradai_tasks.backtest.run import (
    BacktestJob,
    check_children,
    conclude,
    environment,
    last_words,
    read_facts,
)
from tradai_tasks.backtest.run_findings import Conditions, RunFindings, Series
from tradai_tasks.backtest.time_range import Window
from tradai_tasks.environment_allowance import BASE_ONLY
from tradai_tasks.errors import BacktestError, CandlesError, NotHermeticError
from tradai_tasks.settings.backtest import BacktestSettings

MARKETS = Markets(address="http://127.0.0.1:1")
SERIES = Series(
    pair="BTC/USDT:USDT",
    timeframe="1h",
    candle="futures",
    step=3600,
    start=0,
    end=9,
    file="futures/BTC.feather",
    missing=(),
)


def job(folder: Path, **settings: Any) -> BacktestJob:
    return BacktestJob(
        strategy="momentum",
        kind=settings.pop("kind", "full"),
        settings=BacktestSettings(**settings),
        window=Window(start=date(2025, 2, 1), end=date(2026, 2, 1)),
        home=folder,
        folder=folder / "run",
        store=folder / "store",
    )


def facts(**changed: Any) -> RunFindings:
    given: dict[str, Any] = {
        "stage": "run",
        "snapshot": "markets-futures.json",
        "without_market": (),
        "series": (SERIES,),
    }
    return RunFindings(**{**given, **changed})


def refused(
    folder: Path,
    found: RunFindings,
    *,
    log: str = "",
    markets: Markets = MARKETS,
    error: type[Exception],
) -> str:
    one = job(folder)
    one.folder.mkdir(exist_ok=True)
    one.log.write_text(log, encoding="utf-8")
    with pytest.raises(error) as caught:
        conclude(one, found, markets)
    return str(caught.value)


def test_freqtrade_is_given_all_that_counts(tmp_path: Path) -> None:
    one = job(tmp_path, timeframe="4h", strategy_class="MomentumBot", pairs=("ETH/USDT:USDT",))
    argv = " ".join(one.argv())
    for words in (
        "backtesting --config configs/config.json --config",
        "--timerange 20250201-20260201",
        "--cache none",
        "--timeframe 4h",
        "--strategy MomentumBot",
        f"--backtest-directory {one.results}",
    ):
        assert words in argv
    assert one.overlay()["exchange"]["pair_whitelist"] == ["ETH/USDT:USDT"]
    plain = job(tmp_path)
    assert "--timeframe" not in plain.argv()
    assert "pair_whitelist" not in plain.overlay()["exchange"]
    assert plain.overlay()["exchange"]["secret"] == ""
    assert plain.overlay()["enable_protections"] is True
    assert job(tmp_path, protections=False).overlay()["enable_protections"] is False


def test_the_smoke_pair_is_one_of_the_strategys(tmp_path: Path) -> None:
    given = {"pairs": ("ADA/BTC", "ETH/BTC"), "smoke_pair": "X/Y"}
    assert job(tmp_path, kind="smoke", **given).pairs == ("X/Y",)
    assert job(tmp_path, kind="smoke", pairs=("ADA/BTC", "ETH/BTC")).pairs == ("ADA/BTC",)
    bitcoin = job(tmp_path, kind="smoke", pairs=("ADA/USDT:USDT", "BTC/USDT:USDT"))
    assert bitcoin.pairs == ("BTC/USDT:USDT",)
    plain = job(tmp_path, kind="smoke")  # by the configuration, which freqtrade reads
    assert plain.pairs is None
    plain.prepare(MARKETS, go=True)
    assert json.loads(plain.order.read_text())["one_pair"] is True


def test_keys_that_flatter_a_backtest_are_found() -> None:
    honest = {"dry_run_wallet": {"USDT": 1000}, "stake_currency": "USDT", "max_open_trades": 3}
    assert flattering({**honest, "position_stacking": False, "exchange": {"name": "x"}}) == {}
    found = flattering(
        {
            "fee": 0.0,
            "position_stacking": True,
            "futures_funding_rate": 0,
            "exchange": {"ccxt_config": {"fees": {"taker": 0}}, "_ft_has_params": {"a": 1}},
            "dry_run_wallet": {"USDT": 1, "BTC": 5},
            "stake_currency": "USDT",
        }
    )
    assert set(found) == {
        "fee", "position_stacking", "futures_funding_rate", "exchange.ccxt_config.fees",
        "exchange._ft_has_params", "dry_run_wallet",
    }  # fmt: skip
    assert found["fee"] == "0.0, where a live bot has the fees of the exchange"


def test_keys_that_flatter_are_refused_unless_the_settings_allow_them(tmp_path: Path) -> None:
    one = job(tmp_path, allow_overrides=("position_stacking",))
    one.prepare(MARKETS, go=True)
    assert json.loads(one.order.read_text())["allowed_overrides"] == ["position_stacking"]
    smoke = job(tmp_path / "smoke", kind="smoke")
    smoke.prepare(MARKETS, go=True)
    assert json.loads(smoke.order.read_text())["allowed_overrides"] is None
    facts = RunFindings(
        stage="look",
        conditions=Conditions(overrides={"fee": "0.0, where ..."}),
        refused_overrides=("fee",),
    )
    with pytest.raises(BacktestError) as caught:
        conclude(one, facts, MARKETS)
    assert str(caught.value) == (
        "momentum: configs/config.json flatters the backtest: fee is 0.0, where ...; take it out, "
        "or name it in the setting backtest.allow-overrides"
    )


def test_the_order_is_written_and_its_folders_are_there(tmp_path: Path) -> None:
    one = job(tmp_path)
    one.prepare(MARKETS, go=True)
    order = json.loads(one.order.read_text())
    assert order["argv"] == one.argv()
    assert order["copy"] == str(one.folder / "work" / "data")
    assert order["ccxt"] == ccxt_configs(MARKETS.address)
    assert one.results.is_dir()
    assert str(one.order) == one.arguments()[-1]
    other = job(tmp_path / "other")
    other.prepare(MARKETS, go=False)
    assert json.loads(other.order.read_text())["copy"] is None


def test_variables_that_steer_freqtrade_are_taken_away() -> None:
    given = {"FREQTRADE__STRATEGY": "x", "PYTHONPATH": "y", "HTTPS_PROXY": "z", "PATH": "p"}
    changed = environment({**given, "BINANCE_API_SECRET": "s"}, BASE_ONLY)
    assert changed["BINANCE_API_SECRET"] is None
    assert changed["FREQTRADE__STRATEGY"] is None
    assert changed["PYTHONPATH"] is None
    assert changed["HTTPS_PROXY"] is None
    assert "PATH" not in changed
    assert changed["PYTHONHASHSEED"] == "0"


def test_a_run_that_started_a_process_is_refused_where_there_is_no_namespace(
    tmp_path: Path,
) -> None:
    found = facts(children=("curl", "/bin/sh"))
    check_children(job(tmp_path), found, "")
    check_children(job(tmp_path), facts(), "darwin has no namespaces")
    with pytest.raises(NotHermeticError) as caught:
        check_children(job(tmp_path), found, "darwin has no namespaces")
    assert str(caught.value) == (
        "momentum: it started curl, /bin/sh, and what another process reads cannot be kept to the "
        "candles here: no network namespace (darwin has no namespaces); start no process, or run "
        "it on Linux with user namespaces"
    )


def test_facts_are_read_back(tmp_path: Path) -> None:
    one = job(tmp_path)
    one.prepare(MARKETS, go=True)
    one.log.write_text("No module named 'freqtrade'\n")
    with pytest.raises(BacktestError, match="freqtrade did not start: No module named 'freqtrade'"):
        read_facts(one)
    one.facts.write_text('{"stage": "run", "pairs": ["A/B"], "other": 1}')
    assert read_facts(one).pairs == ("A/B",)


def test_a_run_that_found_all_is_passed_on(tmp_path: Path) -> None:
    found = facts()
    assert conclude(job(tmp_path), found, MARKETS) is found


def test_what_it_wanted_to_reach_is_named(tmp_path: Path) -> None:
    said = refused(tmp_path, facts(blocked=("api.example:443",)), error=NotHermeticError)
    assert said.startswith("momentum: it wanted api.example:443; a backtest reads its candles")
    asked = Markets(address="", refused=["GET /fapi/v1/klines", "GET /fapi/v1/klines"])
    said = refused(tmp_path, facts(), markets=asked, error=NotHermeticError)
    assert said.startswith("momentum: it wanted GET /fapi/v1/klines; a backtest")


def test_no_snapshot_says_how_to_bring_it(tmp_path: Path) -> None:
    said = refused(tmp_path, facts(without_market=None, error="x"), error=CandlesError)
    assert "markets-futures.json: no snapshot of the exchange's markets" in said
    assert 'nox -s "backtest-data(momentum)"' in said
    missing = Markets(address="", missing=["a/markets-spot.json"])
    assert "a/markets-spot.json: no" in refused(
        tmp_path, facts(), markets=missing, error=CandlesError
    )


def test_a_pair_without_a_market_is_named(tmp_path: Path) -> None:
    said = refused(tmp_path, facts(without_market=("DOGE/USDT:USDT",)), error=CandlesError)
    assert said.startswith("momentum: DOGE/USDT:USDT: not in markets-futures.json")
    assert "--refresh" in said


def test_series_that_are_missing_are_named_one_by_one(tmp_path: Path) -> None:
    lacking = replace(SERIES, missing=("nothing from a to b", "3 candles"))
    said = refused(tmp_path, facts(series=(lacking, SERIES)), error=CandlesError)
    assert said.splitlines() == [
        (
            "momentum: 1 of 2 series have missing candles; fetch them with: "
            'nox -s "backtest-data(momentum)"'
        ),
        "  BTC/USDT:USDT 1h futures: nothing from a to b; 3 candles (futures/BTC.feather)",
    ]
    said = refused(tmp_path, facts(series=(lacking,) * 42), error=CandlesError)
    assert said.endswith("  and 2 more")


def test_a_strategy_with_a_fault_is_reported_with_freqtrades_words(tmp_path: Path) -> None:
    log = (
        "2026-01-01 00:00:00,000 - freqtrade.resolvers - INFO - Using config\n"
        "2026-01-01 00:00:00,000 - freqtrade.resolvers - WARNING - Could not import bot.py due to "
        "'invalid syntax'\nTraceback\n"
    )
    said = refused(tmp_path, facts(error="Impossible to load\nX."), log=log, error=BacktestError)
    assert said.startswith(
        "momentum: freqtrade refused: Could not import bot.py due to 'invalid syntax': "
        "Impossible to load X; see "
    )


@pytest.mark.parametrize(
    "line",
    [
        "No data found for (ETH/USDT:USDT, 4h, futures).",
        "No history for ETH/USDT:USDT, 4h, futures found. Use `freqtrade download-data`",
    ],
)
def test_candles_that_are_read_and_not_declared_are_found(tmp_path: Path, line: str) -> None:
    said = refused(tmp_path, facts(), log=f"... WARNING - {line}\n", error=CandlesError)
    assert "it read candles that it does not declare (ETH/USDT:USDT, 4h, futures)" in said
    assert "backtest.informative" in said


def test_pairs_that_freqtrade_leaves_out_are_found(tmp_path: Path) -> None:
    log = "Pair A/B is not tradable with Freqtrade. Removing it from whitelist..\n"
    said = refused(tmp_path, facts(), log=log, error=CandlesError)
    assert "freqtrade left out A/B" in said


def test_last_words_are_one_line() -> None:
    assert last_words("") == "it printed nothing"
    assert last_words("a\nb.\n\n") == "b"
    assert last_words("2026-01-01 00:00:00,000 - freqtrade - ERROR - No data.\nmore") == "No data"


# --- the server of the markets -------------------------------------------------------------------


@pytest.fixture
def served(tmp_path: Path) -> Iterator[Markets]:
    (tmp_path / "binance").mkdir()
    (tmp_path / "binance" / "markets-futures.json").write_text('{"symbols": [1]}')
    with serve_markets(tmp_path) as markets:
        yield markets


def test_the_snapshot_is_served_and_nothing_else(served: Markets) -> None:
    with urlopen(f"{served.address}/fapi/v1/exchangeInfo?x=1", timeout=30) as answer:
        assert json.loads(answer.read()) == {"symbols": [1]}
    assert served.refused == []
    for request in ("/fapi/v1/klines?symbol=X", "/api/v3/exchangeInfo"):
        with pytest.raises(HTTPError, match="404") as caught:
            urlopen(f"{served.address}{request}", timeout=30)
        caught.value.close()
    post = Request(f"{served.address}/fapi/v1/exchangeInfo", data=b"x", method="POST")
    with pytest.raises(HTTPError, match="404") as caught:
        urlopen(post, timeout=30)
    caught.value.close()
    assert served.refused == ["GET /fapi/v1/klines", "POST /fapi/v1/exchangeInfo"]
    (missing,) = served.missing
    assert missing.endswith("binance/markets-spot.json")


def test_an_exchange_without_a_snapshot_is_refused() -> None:
    assert api_of("binance", "futures").path == "/fapi/v1/exchangeInfo"
    with pytest.raises(CandlesError, match="kraken spot: no backtests on this exchange; there are"):
        api_of("kraken", "spot")


def test_the_digest_of_the_markets_is_that_of_their_content() -> None:
    one = markets_digest(b'{"serverTime": 1, "a": 1, "b": 2}')
    assert one == markets_digest(b'{"b": 2,\n"a": 1, "serverTime": 2}')
    assert one != markets_digest(b'{"a": 1, "b": 3}')


def test_a_position_that_the_result_leaves_out_is_an_error(tmp_path: Path) -> None:
    one = job(tmp_path)
    with pytest.raises(BacktestError, match="BTC/USDT:USDT: a position is open at the end, and"):
        conclude(one, facts(left_open=("BTC/USDT:USDT",)), MARKETS)
