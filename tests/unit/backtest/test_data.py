"""Bringing candles: where from, and what a download is told."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from tests.support.ftresult import WINDOW
from tradai_tasks.backtest.candles import (
    bring,
    download_argv,
    download_overlay,
    fetch_snapshot,
    parse_source,
)
from tradai_tasks.backtest.markets import APIS
from tradai_tasks.backtest.run import BacktestJob
from tradai_tasks.backtest.run_findings import RunFindings, Series
from tradai_tasks.errors import CandlesError, SettingsError
from tradai_tasks.extras import missing_extra
from tradai_tasks.settings.backtest import BacktestSettings


def job(folder: Path, **settings: Any) -> BacktestJob:
    return BacktestJob(
        strategy="momentum",
        kind="smoke",
        settings=BacktestSettings(**settings),
        window=WINDOW,
        home=folder,
        folder=folder / "run",
        store=folder / "store",
    )


def series(candle: str, timeframe: str, start: int, pair: str = "A/B") -> Series:
    return Series(
        pair=pair,
        timeframe=timeframe,
        candle=candle,
        step=1,
        start=start,
        end=9,
        file="f",
        missing=(),
    )


def test_a_source_is_the_exchange_a_folder_or_a_bucket(tmp_path: Path) -> None:
    assert str(parse_source("download", tmp_path)) == "the exchange"
    assert parse_source(".", tmp_path).folder == tmp_path
    bucket = parse_source("s3://candles/a/b/", tmp_path)
    assert (str(bucket), bucket.key("x")) == ("s3://candles/a/b", "a/b/x")
    assert parse_source("s3://candles", tmp_path).key("x") == "x"
    assert str(parse_source("s3://candles", tmp_path)) == "s3://candles"
    for text, said in (
        ("none", "no such folder"),
        ("s3://", "write `download`"),
        ("ftp://x", "wr"),
    ):
        with pytest.raises(SettingsError, match=said):
            parse_source(text, tmp_path)


def test_only_what_differs_is_copied(tmp_path: Path) -> None:
    there = {"a/x": b"1", "y": b"2"}
    (tmp_path / "y").write_bytes(b"2")
    brought = bring(["a/x", "y", "z"], there.get, tmp_path)
    assert (brought.changed, brought.same, brought.absent) == (("a/x",), ("y",), ("z",))
    assert (tmp_path / "a/x").read_bytes() == b"1"
    assert sorted(path.name for path in tmp_path.rglob("*")) == ["a", "x", "y"]


def test_a_download_is_of_all_series_from_the_earliest_day(tmp_path: Path) -> None:
    facts = RunFindings(
        stage="look",
        exchange="binance",
        mode="futures",
        series=(
            series("futures", "1h", 86_400 * 3 + 5),
            series("futures", "4h", 86_400 * 2),
            series("funding_rate", "8h", 86_400, pair="C/D"),
        ),
    )
    words = " ".join(download_argv(job(tmp_path), facts, tmp_path / "o.json", prepend=True))
    assert "--pairs A/B --timeframes 1h 4h --timerange 86400- --prepend" in words
    assert f"--datadir {tmp_path / 'store' / 'binance'}" in words
    assert "--trading-mode futures" in words
    erased = download_argv(job(tmp_path), facts, tmp_path / "o.json", erase=True)
    assert erased[-1] == "--erase"
    assert "ccxt_config" not in download_overlay(job(tmp_path), facts)["exchange"]
    other = download_overlay(job(tmp_path, api_url="http://127.0.0.1:1"), facts)["exchange"]
    assert other["ccxt_config"]["urls"]["api"]["fapiPublic"] == "http://127.0.0.1:1/fapi/v1"
    assert other["only_from_ccxt"] is True


def test_no_exchange_and_no_httpx_are_reported(monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(CandlesError, match=r"exchangeInfo: .*setting backtest.source"):
        fetch_snapshot(APIS[0], "http://127.0.0.1:9")
    monkeypatch.setitem(__import__("sys").modules, "httpx", None)
    with pytest.raises(ModuleNotFoundError) as caught:
        fetch_snapshot(APIS[0], None)
    assert "comes with the extra 'backtest' of tradai-tasks" in str(missing_extra(caught.value))
