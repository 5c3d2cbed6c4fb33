"""The session that brings candles: from a folder, a bucket or the exchange."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest

from tests.support.backtest_sessions import ONE_MONTH, SERIES, SETTINGS, playing, result
from tests.support.binance import exchange
from tests.support.inprocess import InProcess, failed

SNAPSHOT = '{"symbols": [{"baseAsset": "BTC", "quoteAsset": "USDT"}]}'


@pytest.fixture
def bare(repo: InProcess) -> InProcess:
    """The repository with no candles yet, and a folder that has them."""
    (repo.home / "user_data/data/binance/markets-futures.json").unlink()
    for file, text in (("futures/BTC.feather", "candles"), ("markets-futures.json", SNAPSHOT)):
        path = repo.home / "source/binance" / file
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    (repo.home / "tradai-tasks.toml").write_text(f'{SETTINGS}source = "source"\n')
    return repo


def looking(argv: Sequence[str]) -> int:
    """A script that finds what is in the folder of candles."""
    if not argv[-1].endswith("order.json"):
        return 0
    store = Path(json.loads(Path(argv[-1]).read_text())["store"]) / "binance"
    there = (store / "futures/BTC.feather").is_file()
    has_markets = (store / "markets-futures.json").is_file()
    facts = {
        "without_market": [] if has_markets else None,
        "series": [{**SERIES, "missing": [] if there else ["no file of that name"]}],
    }
    return playing(facts)(argv)


def test_candles_are_copied_from_a_folder_once(bare: InProcess) -> None:
    ran = bare("-s", "backtest-data(fast)", script=looking)
    assert ran.status == 0, ran.log
    assert "1 files brought, 0 there already" in ran.log
    data = bare.home / "user_data/data"
    assert (data / "binance/futures/BTC.feather").read_text() == "candles"
    assert (data / "binance/markets-futures.json").read_text() == SNAPSHOT
    assert (data / ".gitignore").read_text() == "*\n"
    again = bare("-s", "backtest-data(fast)", script=looking)
    assert again.status == 0, again.log
    assert "0 files brought, 1 there already" in again.log
    assert "markets-futures.json: from" not in again.log


def test_what_a_folder_does_not_have_is_reported(bare: InProcess) -> None:
    (bare.home / "source/binance/futures/BTC.feather").unlink()
    failed(
        bare("-s", "backtest-data(fast)", script=looking),
        "fast: 1 of 1 series have missing candles; ",
        "source does not have them",
        "no file of that name",
    )
    for text, said in (
        ("{", "no description of an exchange's markets"),
        ('{"symbols": []}', "it does not have BTC/USDT:USDT"),
    ):
        (bare.home / "source/binance/markets-futures.json").write_text(text)
        (bare.home / "user_data/data/binance/markets-futures.json").unlink(missing_ok=True)
        failed(bare("-s", "backtest-data(fast)", script=looking), said)
    (bare.home / "source/binance/markets-futures.json").unlink()
    failed(
        bare("-s", "backtest-data(fast)", script=looking),
        "binance/markets-futures.json: no such file; put the exchange's answer to GET /fapi/v1/",
    )


@pytest.mark.parametrize(
    ("source", "said"),
    [("nowhere", "nowhere: no such folder"), ("gs://x/y", "write `download`, a folder, or `s3://")],
)
def test_a_source_that_is_none_is_refused(bare: InProcess, source: str, said: str) -> None:
    (bare.home / "tradai-tasks.toml").write_text(f'{SETTINGS}source = "{source}"\n')
    failed(bare("-s", "backtest-data(fast)"), said)


def test_markets_that_were_asked_for_too_early_are_asked_for_again(bare: InProcess) -> None:
    def script(argv: Sequence[str]) -> int:
        order = Path(argv[-1])
        if order.name != "order.json":
            return 0
        store = Path(json.loads(order.read_text())["store"]) / "binance"
        if (store / "markets-futures.json").is_file():
            return looking(argv)
        facts: dict[str, Any] = {"without_market": None, "series": []}
        return playing(facts)(argv)

    ran = bare("-s", "backtest-data(fast)", "--", "--smoke", script=script)
    assert ran.status == 0, ran.log
    assert len([c for c in ran.commands if c[-1].endswith("order.json")]) == 3


def test_a_smoke_pair_that_the_full_backtest_misses_is_brought_too(bare: InProcess) -> None:
    settings = bare.home / "tradai-tasks.toml"
    settings.write_text(
        settings.read_text() + 'pairs = ["ETH/USDT:USDT"]\nsmoke-pair = "BTC/USDT:USDT"\n'
    )

    def script(argv: Sequence[str]) -> int:
        if not argv[-1].endswith("order.json"):
            return 0
        overlay = json.loads((Path(argv[-1]).parent / "overlay.json").read_text())
        facts = {"pairs": overlay["exchange"]["pair_whitelist"]}
        return playing(facts)(argv)

    ran = bare("-s", "backtest-data(fast)", script=script)
    assert ran.status == 0, ran.log
    assert ran.out.count("candles, sha256") == 2


def test_candles_come_from_a_bucket(bare: InProcess, monkeypatch: pytest.MonkeyPatch) -> None:
    import boto3
    from moto.server import ThreadedMotoServer

    server = ThreadedMotoServer(ip_address="127.0.0.1", port=0)
    server.start()
    host, port = server.get_host_and_port()
    env = {
        "AWS_ENDPOINT_URL": f"http://{host}:{port}",
        "AWS_ACCESS_KEY_ID": "x",
        "AWS_SECRET_ACCESS_KEY": "y",
        "AWS_REGION": "eu-central-1",
        "AWS_DEFAULT_REGION": "eu-central-1",
    }
    settings = bare.home / "tradai-tasks.toml"
    try:
        for name, value in env.items():
            monkeypatch.setenv(name, value)
        s3 = boto3.client("s3")
        s3.create_bucket(
            Bucket="candles", CreateBucketConfiguration={"LocationConstraint": "eu-central-1"}
        )
        settings.write_text(f'{SETTINGS}source = "s3://candles/a/b/"\n')
        failed(
            bare("-s", "backtest-data(fast)", script=looking),
            "s3://candles/a/b/binance/markets-futures.json: no such file",
        )
        s3.put_object(Bucket="candles", Key="a/b/binance/markets-futures.json", Body=SNAPSHOT)
        failed(
            bare("-s", "backtest-data(fast)", script=looking),
            "s3://candles/a/b does not have them",
        )
        s3.put_object(Bucket="candles", Key="a/b/binance/futures/BTC.feather", Body=b"x")
        ran = bare("-s", "backtest-data(fast)", script=looking)
        assert ran.status == 0, ran.log
        assert (bare.home / "user_data/data/binance/futures/BTC.feather").read_bytes() == b"x"
        settings.write_text(f'{SETTINGS}source = "s3://other-bucket"\n')
        refused = bare("-s", "backtest-data(fast)", "--", "--refresh", script=looking)
        failed(refused, "NoSuchBucket")
    finally:
        server.stop()


def test_a_bucket_that_breaks_off_is_reported(
    bare: InProcess, monkeypatch: pytest.MonkeyPatch
) -> None:
    from botocore.exceptions import ReadTimeoutError

    from tradai_tasks.release.clients.aws import Aws

    class Body:
        def __init__(self, error: Exception) -> None:
            self.error = error

        def read(self, _: int) -> bytes:
            raise self.error

    (bare.home / "tradai-tasks.toml").write_text(f'{SETTINGS}source = "s3://candles"\n')
    for error, said in (
        (ReadTimeoutError(endpoint_url="s3"), "s3:GetObject"),
        (RuntimeError("a fault of ours"), "a fault of ours"),
    ):
        answer = {"Body": Body(error)}
        monkeypatch.setattr(Aws, "call", lambda *_, answer=answer, **__: answer)
        ran = bare("-s", "backtest-data(fast)", script=looking)
        assert ran.status != 0
        assert said in ran.log


def test_candles_are_downloaded_the_end_first_then_what_is_before(bare: InProcess) -> None:
    downloads: list[list[str]] = []

    def script(argv: Sequence[str]) -> int:
        if "download-data" in argv:
            downloads.append(list(argv))
            if "--prepend" in argv:
                store = Path(argv[argv.index("--datadir") + 1])
                (store / "futures").mkdir(parents=True, exist_ok=True)
                (store / "futures/BTC.feather").write_text("candles")
            return 0
        return looking(argv)

    with exchange(first=0, until=0) as served:
        (bare.home / "tradai-tasks.toml").write_text(f'{SETTINGS}api-url = "{served.url}"\n')
        ran = bare("-s", "backtest-data(fast)", script=script)
        assert ran.status == 0, ran.log
        assert ["--prepend" in argv for argv in downloads] == [False, True]
        assert "BTC/USDT:USDT" in downloads[0]
        downloads.clear()
        ran = bare("-s", "backtest-data(fast)", "--", "--refresh", script=script)
        assert ran.status == 0, ran.log
        assert ["--erase" in argv for argv in downloads] == [True]
        (bare.home / "user_data/data/binance/futures/BTC.feather").unlink()
        never = bare("-s", "backtest-data(fast)", script=looking)
        failed(never, "freqtrade could not download them: it printed nothing")
        served.down = True
        refused = bare("-s", "backtest-data(fast)", "--", "--refresh", script=script)
        failed(refused, "/fapi/v1/exchangeInfo: ", "451", "the setting backtest.source")


def test_a_download_that_cannot_be_run_is_reported(bare: InProcess) -> None:
    def script(argv: Sequence[str]) -> int:
        return 300 if "download-data" in argv else looking(argv)

    with exchange(first=0, until=0) as served:
        (bare.home / "tradai-tasks.toml").write_text(f'{SETTINGS}api-url = "{served.url}"\n')
        failed(bare("-s", "backtest-data(fast)", script=script), "fast: freqtrade: Returned code")


def test_two_runs_that_differ_are_no_result(repo: InProcess) -> None:
    (repo.home / "tradai-tasks.toml").write_text(ONE_MONTH)
    one = result(profits=[1.0, 2.0, -0.5])
    ran = repo("-s", "backtest-full(fast)", script=playing(strategy=one, other=result()))
    failed(ran, "fast: not deterministic: two runs on the same candles gave different trades")
    assert not (repo.home / "build/reports/backtest/fast/full/record.json").exists()
