"""Backtests by freqtrade itself, on candles made from a seed."""

from __future__ import annotations

import json
import shutil
import socket
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import replace
from pathlib import Path

import pytest

from tests.support.binance import exchange
from tests.support.freqtrade import Strategies
from tests.support.real import failed_with, need
from tests.support.without_namespaces import without_namespaces
from tradai_tasks.process import sandbox_fault
from tradai_tasks.sandbox import Sandbox

_HOUR = 3_600_000
_END = 1_769_904_000_000  # 2026-02-01, milliseconds


@pytest.fixture
def repo(_made: Strategies) -> Iterator[Strategies]:
    """The strategies' repository with the candles in their place."""
    folder = _made.home / "user_data"
    shutil.rmtree(folder, ignore_errors=True)
    shutil.rmtree(_made.home / "build", ignore_errors=True)
    shutil.copytree(_made.candles, folder / "data")
    yield _made
    _made.restore()


def test_candles_are_brought_and_a_smoke_backtest_runs_on_them_the_same_each_time(
    repo: Strategies,
) -> None:
    shutil.rmtree(repo.home / "user_data")
    absent = repo.nox("backtest-smoke")
    failed_with(absent, "no snapshot of the exchange's markets", 'nox -s "backtest-data(momentum)"')
    repo.set(f'source = "{repo.candles}"')
    brought = repo.nox("backtest-data")
    assert brought.status == 0, brought.text
    assert "9 files brought" in brought.log
    assert "2025-01-29" in brought.out  # the start-up candles of 12 months
    result = repo.nox("backtest-smoke")
    assert result.status == 0, result.text
    first = repo.record("smoke")
    assert (first.start, first.end, first.pairs) == ("2026-01-02", "2026-02-01", ("BTC/USDT:USDT",))
    assert first.metrics["trades"] > 0
    assert first.verdicts == ()
    again = repo.nox("backtest-smoke")
    assert again.status == 0, again.text
    assert replace(repo.record("smoke"), files=()) == replace(first, files=())


def test_a_strategy_with_an_edge_passes_every_gate(repo: Strategies, tmp_path: Path) -> None:
    summary = tmp_path / "summary.md"
    result = repo.nox("backtest-full", GITHUB_STEP_SUMMARY=str(summary))
    assert result.status == 0, result.text
    record = repo.record("full")
    assert (record.start, record.end) == ("2025-02-01", "2026-02-01")
    assert record.pairs == ("BTC/USDT:USDT", "ETH/USDT:USDT", "SOL/USDT:USDT")
    assert [verdict.passed for verdict in record.verdicts] == [True] * 4
    assert "| trades |" in summary.read_text()
    raw = json.loads((repo.reports("full") / "record.json").read_text())
    assert raw["freqtrade"]
    assert (repo.reports("full") / "equity.png").stat().st_size > 20_000


def test_a_strategy_without_an_edge_fails_and_leaves_its_record(repo: Strategies) -> None:
    repo.set(f'data-dir = "{repo.noise}"\nfull-months = 2')
    failed_with(repo.nox("backtest-full"), "momentum: ", "gates failed: sharpe", "profit-factor")
    record = repo.record("full")
    assert not record.passed
    assert record.metrics["trades"] > 50


def test_a_strategy_that_never_trades_says_so_and_passes_no_gate(repo: Strategies) -> None:
    repo.edit("threshold = 0.9", "threshold = 1e9")
    smoke = repo.nox("backtest-smoke")
    assert smoke.status == 0, smoke.text
    assert "momentum: no trade was made" in smoke.out
    assert repo.record("smoke").dirty
    repo.set("full-months = 1")
    failed_with(
        repo.nox("backtest-full"),
        "3 of 4 gates failed",
        "undefined: there was no trade (wanted >= 1.000)",
    )


# --- faults: freqtrade ends with 0 on most of them -----------------------------------------------


def test_a_fault_in_the_strategy_fails_and_no_earlier_figures_stay(repo: Strategies) -> None:
    stale = repo.reports("smoke")
    (stale / "work" / "results").mkdir(parents=True)
    (stale / "record.json").write_text("{}")
    (stale / "work" / "results" / "old.zip").write_bytes(b"PK")
    with (repo.strategy / "src/momentum/bot.py").open("a") as file:
        file.write("\ndef broken(:\n")
    failed_with(
        repo.nox("backtest-smoke"), "momentum: freqtrade refused: ", "bot.py", "invalid syntax"
    )
    assert not (stale / "record.json").exists()


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        ('"MomentumBot"', '"OtherBot"', "Impossible to load Strategy 'OtherBot'"),
        ('"bot_name"', 'bot_name"', "freqtrade refused: "),
        ('"BTC/USDT:USDT", ', '".*/USDT:USDT", ', "the pair '.*/USDT:USDT' is a pattern"),
        ('"binance"', '"kraken"', "no backtests on kraken futures; there are: binance futures"),
        ('"SOL/USDT:USDT"', '"DOGE/USDT:USDT"', "DOGE/USDT:USDT: not in "),
    ],
)
def test_a_fault_in_the_configuration_fails(
    repo: Strategies, old: str, new: str, said: str
) -> None:
    repo.edit(old, new, file="configs/config.json")
    failed_with(repo.nox("backtest-full"), "momentum: ", said)
    assert not (repo.reports("full") / "record.json").exists()


def test_candles_that_lack_are_named_before_freqtrade_starts(repo: Strategies) -> None:
    (repo.futures / "ETH_USDT_USDT-1h-futures.feather").unlink()
    (repo.futures / "SOL_USDT_USDT-1h-mark.feather").unlink()
    (repo.futures / "SOL_USDT_USDT-1h-funding_rate.feather").unlink()
    (repo.futures / "BTC_USDT_USDT-1h-mark.feather").write_bytes(b"broken")
    repo.set('end = "2026-02-10"')
    failed_with(
        repo.nox("backtest-full"),
        "momentum: 9 of 9 series have missing candles; fetch them with: nox -s",
        "ETH/USDT:USDT 1h futures: no file of that name",
        "SOL/USDT:USDT 1h mark: no file of that name",
        "SOL/USDT:USDT 1h funding_rate: no file of that name",
        "BTC/USDT:USDT 1h mark: the file cannot be read",
        "BTC/USDT:USDT 1h futures: nothing from 2026-02-01 to 2026-02-10",
    )
    assert "Backtesting with data from" not in (repo.reports("full") / "freqtrade.log").read_text()


def test_a_strategy_that_reaches_out_fails_though_it_catches_the_refusal(repo: Strategies) -> None:
    repo.edit(
        "return RULES.populate_indicators(dataframe)",
        "import contextlib, socket\n"
        "        with contextlib.suppress(OSError):\n"
        "            socket.create_connection(('192.0.2.1', 443), timeout=1)\n"
        "        return RULES.populate_indicators(dataframe)",
        file="src/momentum/bot.py",
    )
    failed_with(repo.nox("backtest-smoke"), "momentum: it wanted 192.0.2.1:443", "nothing else")


def test_candles_that_are_read_and_not_declared_fail(repo: Strategies) -> None:
    repo.edit(
        "return RULES.populate_indicators(dataframe)",
        'self.dp.get_pair_dataframe("ETH/USDT:USDT", "1h")\n'
        "        return RULES.populate_indicators(dataframe)",
        file="src/momentum/bot.py",
    )
    failed_with(
        repo.nox("backtest-smoke"), "it read candles that it does not declare (ETH/USDT:USDT"
    )
    repo.set('informative = ["ETH/USDT:USDT 1h"]')
    declared = repo.nox("backtest-smoke")
    assert declared.status == 0, declared.text


def test_ci_of_a_strategy_requires_the_smoke_backtest(repo: Strategies) -> None:
    (repo.futures / "BTC_USDT_USDT-1h-futures.feather").unlink()
    result = repo.nox("ci")
    failed_with(result, "BTC/USDT:USDT 1h futures: no file of that name", "backtest-data(momentum)")
    verdicts = result.verdicts()
    assert verdicts["test(momentum)"] == "success"
    assert verdicts["backtest-smoke(momentum)"] != "success"
    assert verdicts.get("ci(momentum)") != "success"


def test_candles_are_downloaded_from_the_exchange(repo: Strategies) -> None:
    shutil.rmtree(repo.home / "user_data")
    with exchange(first=_END - 400 * 24 * _HOUR, until=_END + 5 * _HOUR) as served:
        repo.set(f'api-url = "{served.url}"')
        brought = repo.nox("backtest-data", "--", "--smoke")
        assert brought.status == 0, brought.text
        assert {"/fapi/v1/klines", "/fapi/v1/markPriceKlines", "/fapi/v1/fundingRate"} <= set(
            served.asked
        )
        result = repo.nox("backtest-smoke")
        assert result.status == 0, result.text
        served.down = True
        refused = repo.nox("backtest-data", "--", "--smoke", "--refresh")
        failed_with(refused, "exchangeInfo", "451", "by the setting backtest.source")


def starting(repo: Strategies, code: str) -> None:
    """Have the strategy start a process that asks a server on this machine."""
    repo.edit(
        "return RULES.populate_indicators(dataframe)",
        f"{code}\n        return RULES.populate_indicators(dataframe)",
        file="src/momentum/bot.py",
    )


@contextmanager
def listening() -> Iterator[tuple[int, list[object]]]:
    """A server outside the namespace; what connected to it."""
    came: list[object] = []
    with socket.create_server(("127.0.0.1", 0)) as server:
        server.settimeout(0.1)
        stop = threading.Event()

        def take() -> None:
            while not stop.is_set():
                with suppress(TimeoutError):
                    came.append(server.accept()[1])

        thread = threading.Thread(target=take)
        thread.start()
        try:
            yield server.getsockname()[1], came
        finally:
            stop.set()
            thread.join()


CHILD = (
    "import os, subprocess, sys\n"
    "        code = 'import socket; socket.create_connection((\"127.0.0.1\", {port}), 2)'\n"
    "        done = subprocess.run([sys.executable, '-c', code])\n"
    "        open({said!r}, 'w').write(repr((done.returncode, dict(os.environ))))"
)


def test_a_process_that_a_strategy_starts_has_no_network_and_no_secrets(
    repo: Strategies, tmp_path: Path
) -> None:
    if sandbox_fault(Sandbox(network=False)):
        need(False, "a network namespace")
    with listening() as (port, came):
        starting(repo, CHILD.format(port=port, said=str(tmp_path / "said")))
        marked = {
            "BINANCE_API_SECRET": "marked-exchange",
            "FREQTRADE__EXCHANGE__SECRET": "marked-freqtrade",
            "MLFLOW_TRACKING_URI": "https://me:marked-mlflow@mlflow.example",
        }
        result = repo.nox("backtest-smoke", **marked)
    assert result.status == 0, result.text
    assert came == []
    said = (tmp_path / "said").read_text()
    assert said.startswith("(1, ")  # the connection was refused
    assert "marked-" not in said


def test_without_namespaces_a_strategy_that_starts_a_process_is_refused(
    repo: Strategies, tmp_path: Path
) -> None:
    starting(repo, CHILD.format(port=1, said=str(tmp_path / "said")))
    ran = without_namespaces(
        [sys.executable, "-m", "nox", "-s", "backtest-smoke(momentum)"], repo.home
    )
    failed_with(
        ran, "no network namespace (unshare: No space left on device)", "momentum: it started"
    )
    repo.restore()
    honest = without_namespaces(
        [sys.executable, "-m", "nox", "-s", "backtest-smoke(momentum)"], repo.home
    )
    assert honest.status == 0, honest.text
