"""The backtest sessions in-process: freqtrade's part is played by what it would leave behind."""

from __future__ import annotations

import importlib.util
import json
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import pytest
from msgspec import to_builtins

from tests.support.binance import exchange
from tests.support.ftresult import HOUR, WINDOW, document, write_prices, write_result
from tests.support.inprocess import InProcess, Ran, run
from tests.support.repos import Repo
from tests.support.trees import project
from tradai_tasks.backtest.record import read_record

__all__ = ["run"]

LOCK = """\
version = 1

[[package]]
name = "fast-strategy"
version = "1"

[package.optional-dependencies]
freqtrade = [{ name = "freqtrade" }]

[[package]]
name = "freqtrade"
version = "2026.9"
"""
FILES = {
    "strategies/fast/pyproject.toml": project(
        "fast-strategy", '[project.optional-dependencies]\nfreqtrade = ["freqtrade"]\n'
    ),
    "strategies/fast/uv.lock": LOCK,
    "strategies/fast/src/fast_strategy/__init__.py": "",
    "strategies/fast/tests/test_fast.py": "",
    "user_data/data/binance/markets-futures.json": '{"symbols": [1]}',
    ".gitignore": "build/\nuser_data/\n.nox/\n__pycache__/\n",
}
SETTINGS = '[backtest]\nend = "2026-02-01"\n'
ONE_MONTH = f"{SETTINGS}full-months = 1\nmin-trades = 2\nmin-sharpe = 0.5\n"
START, END = WINDOW.seconds
SERIES = {
    "pair": "BTC/USDT:USDT",
    "timeframe": "1h",
    "candle": "futures",
    "step": HOUR,
    "start": START,
    "end": END,
    "file": "futures/BTC.feather",
    "missing": [],
}


@pytest.fixture
def repo(run: InProcess) -> InProcess:
    run.files({**FILES, "tradai-tasks.toml": SETTINGS})
    made = Repo.init(run.home)
    made.git("add", "-A", "-f", "strategies", "noxfile.py", "tradai-tasks.toml", ".gitignore")
    made.git("commit", "-qm", "one")
    return run


def playing(
    facts: dict[str, Any] | None = None, strategy: Any = None, other: Any = None
) -> Callable[..., int]:
    """A script that leaves facts, and a result where one is given; the twin's may be another."""
    given = {
        "stage": "run",
        "freqtrade": "2026.9",
        "exchange": "binance",
        "mode": "futures",
        "strategy": "MomentumBot",
        "timeframe": "1h",
        "step": HOUR,
        "pairs": ["BTC/USDT:USDT"],
        "without_market": [],
        "data_sha256": "d" * 64,
        "series": [SERIES],
    }

    def script(argv: Sequence[str]) -> int:
        if not argv[-1].endswith("order.json"):
            return 0
        order = json.loads(Path(argv[-1]).read_text())
        store = Path(order["store"]) / "binance" / "markets-futures.json"
        found = {**given, "snapshot": str(store), **(facts or {})}
        if order["go"] and strategy is not None:
            work = Path(argv[-1]).parent
            write_result(work / "results", {"MomentumBot": strategy})
            if order["twin"]:
                write_result(work / "twin", {"MomentumBot": other or strategy})
            found["prices"] = to_builtins(write_prices(work, order["start"], order["end"]))
        Path(order["facts"]).write_text(json.dumps(found))
        return 0

    return script


def result(**changed: Any) -> dict[str, Any]:
    return document(**{"backtest_run_start_ts": 10**10, **changed})


def failed(ran: Ran, *passages: str) -> None:
    assert ran.status != 0, ran.log
    for passage in passages:
        assert passage in ran.log, ran.log
    assert "Traceback" not in ran.log


def test_the_sessions_are_listed_and_ci_requires_the_smoke_backtest(repo: InProcess) -> None:
    listed = repo("-l").out
    for name in ("backtest-data(fast)", "backtest-smoke(fast)", "backtest-full(fast)"):
        assert f"- {name} [fast]" in listed
    (repo.home / "tradai-tasks.toml").write_text("[packages.fast.backtest]\nenabled = false\n")
    listed = repo("-l").out
    assert "backtest" not in listed.replace("smoke-backtest", "")


def test_a_smoke_backtest_leaves_a_record_of_what_ran(repo: InProcess) -> None:
    ran = repo("-s", "backtest-smoke(fast)", script=playing(strategy=result()))
    assert ran.status == 0, ran.log
    (sync,) = ran.starting("uv", "sync")
    assert "--locked" in sync
    assert sync[-2:] == ["--extra", "freqtrade"]
    record = read_record(repo.home / "build/reports/backtest/fast/smoke")
    assert (record.strategy, record.kind, record.dirty) == ("fast", "smoke", False)
    assert record.commit == Repo(repo.home).head
    assert record.freqtrade == "2026.9"
    assert "fast: smoke backtest, 2026-01-02 to 2026-02-01" in ran.out


def test_uncommitted_changes_and_no_trade_are_said(repo: InProcess) -> None:
    (repo.home / "strategies/fast/src/fast_strategy/__init__.py").write_text("x = 1\n")
    summary = repo.home / "build" / "summary.md"
    summary.parent.mkdir(exist_ok=True)
    ran = repo(
        "-s",
        "backtest-smoke(fast)",
        script=playing(strategy=result(profits=[])),
        env={"GITHUB_STEP_SUMMARY": str(summary), "GITHUB_ACTIONS": "true"},
    )
    assert ran.status == 0, ran.log
    assert "fast: with changes that are not in commit" in ran.out
    assert "::warning ::fast: no trade was made" in ran.out
    assert "no trade was made" in summary.read_text()


def test_a_full_backtest_is_held_against_the_gates(repo: InProcess) -> None:
    # the month before 1 February begins on 1 January, a day before the smoke window
    changed = {
        "timerange": "20260101-20260201",
        "backtest_start_ts": (START - 24 * HOUR) * 1000,
        "backtest_start": "2026-01-01",
    }
    settings = repo.home / "tradai-tasks.toml"
    settings.write_text(ONE_MONTH)
    passed = repo("-s", "backtest-full(fast)", script=playing(strategy=result(**changed)))
    assert passed.status == 0, passed.log
    assert "passed" in passed.out
    settings.write_text(
        ONE_MONTH.replace("min-sharpe = 0.5", 'sharpe = "closed-trades"\nmin-sharpe = 1.6')
    )
    ran = repo("-s", "backtest-full(fast)", script=playing(strategy=result(**changed)))
    failed(ran, "fast: 1 of 4 gates failed: sharpe (closed trades) 1.500 (wanted >= 1.600)")
    assert not read_record(repo.home / "build/reports/backtest/fast/full").passed


def test_no_result_fails_and_an_earlier_record_is_gone(repo: InProcess) -> None:
    assert repo("-s", "backtest-smoke(fast)", script=playing(strategy=result())).status == 0
    failed(repo("-s", "backtest-smoke(fast)", script=playing()), "fast: freqtrade made no result; ")
    assert not (repo.home / "build/reports/backtest/fast/smoke/record.json").exists()


def test_code_that_changes_meanwhile_or_is_ignored_is_not_what_runs(repo: InProcess) -> None:
    file = "tests/test_fast.py"
    seen: list[str] = []

    def script(argv: Sequence[str]) -> int:
        if argv[-1].endswith("order.json"):
            (repo.home / "strategies/fast" / file).write_text("x = 1\n")
            seen.append(Path(file).read_text())  # in the folder that freqtrade runs in
        return playing(strategy=result())(argv)

    ran = repo("-s", "backtest-smoke(fast)", script=script)
    assert ran.status == 0, ran.log
    assert seen == [""]
    assert not read_record(repo.home / "build/reports/backtest/fast/smoke").dirty
    (repo.home / ".git/info/exclude").write_text("fast.json\n")
    (repo.home / "strategies/fast/src/fast_strategy/fast.json").write_text("{}")
    ran = repo("-s", "backtest-smoke(fast)", script=playing(strategy=result()))
    failed(ran, "strategies/fast/src/fast_strategy/fast.json is ignored by git")


def test_candles_that_lack_say_how_to_bring_them(repo: InProcess) -> None:
    facts = {"series": [{**SERIES, "missing": ["nothing from a to b"]}]}
    ran = repo("-s", "backtest-smoke(fast)", script=playing(facts, result()))
    failed(ran, "BTC/USDT:USDT 1h futures: nothing from a to b", 'nox -s "backtest-data(fast)"')


def test_freqtrade_that_does_not_start_is_told(repo: InProcess) -> None:
    failed(repo("-s", "backtest-smoke(fast)"), "fast: freqtrade did not start: it printed nothing")

    def killed(argv: Sequence[str]) -> int:
        return 300 if argv[-1].endswith("order.json") else 0

    failed(repo("-s", "backtest-smoke(fast)", script=killed), "fast: freqtrade could not be run")


def test_no_picture_no_full_backtest(repo: InProcess, monkeypatch: pytest.MonkeyPatch) -> None:
    find = importlib.util.find_spec
    monkeypatch.setattr(
        "importlib.util.find_spec", lambda name: None if name == "matplotlib" else find(name)
    )
    failed(
        repo("-s", "backtest-full(fast)"),
        "matplotlib is not installed, which comes with the extra 'backtest' of tradai-tasks; add",
    )
    for module in ("sessions.release.backtest", "backtest.record_builder"):
        monkeypatch.setattr(f"tradai_tasks.{module}.has_matplotlib", lambda: False)
    smoke = repo("-s", "backtest-smoke(fast)", script=playing(strategy=result()))
    assert smoke.status == 0, smoke.log
    assert "no picture: matplotlib is not installed" in smoke.log


def test_freqtrade_that_is_not_locked_is_told(repo: InProcess) -> None:
    lock = repo.home / "strategies/fast/uv.lock"
    lock.write_text(LOCK.replace('[{ name = "freqtrade" }]', "[]"))
    failed(repo("-s", "backtest-smoke(fast)"), "freqtrade is not locked for fast-strategy")


@pytest.mark.parametrize("session", ["backtest-data", "backtest-smoke", "backtest-full"])
def test_a_dry_run_starts_nothing(repo: InProcess, session: str) -> None:
    ran = repo("-s", f"{session}(fast)", "--", "--dry-run")
    assert ran.status == 0, ran.log
    assert ran.commands == []
    assert "nothing was done: this is a dry run" in ran.log
    assert "2026-01-02" in ran.out or session == "backtest-full"
    failed(repo("-s", f"{session}(fast)", "--", "--nope"), "see: nox -s", "--help")


# --- backtest-data -------------------------------------------------------------------------------

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


def test_what_a_folder_does_not_have_is_told(bare: InProcess) -> None:
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


def test_a_smoke_pair_that_the_full_backtest_lacks_is_brought_too(bare: InProcess) -> None:
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


def test_a_bucket_that_breaks_off_is_told(bare: InProcess, monkeypatch: pytest.MonkeyPatch) -> None:
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


def test_a_download_that_cannot_be_run_is_told(bare: InProcess) -> None:
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


def test_a_session_of_another_command_needs_one(repo: InProcess) -> None:
    failed(repo("-s", "freqtrade(fast)"), 'which command? such as: nox -s "freqtrade(fast)"')


def test_an_analysis_without_a_result_fails(repo: InProcess) -> None:
    for session in ("lookahead", "recursive"):
        ran = repo("-s", f"{session}(fast)", script=playing({"status": 0}))
        failed(ran, f"fast: {session}-analysis: freqtrade came to no result that can be read")


def test_a_strategy_that_sees_the_future_fails(repo: InProcess) -> None:
    found = {"analysis": "lookahead", "trades": 20, "least": 10, "entries": 2, "columns": ["move"]}
    ran = repo("-s", "lookahead(fast)", script=playing({"status": 0, "analyses": [found]}))
    failed(ran, "fast: lookahead-analysis: it uses candles that a live bot does not have yet")
    (command,) = [c for c in ran.commands if c[-1].endswith("order.json")]
    order = json.loads(Path(command[-1]).read_text())
    assert order["command"] == ["lookahead-analysis"]
