"""freqtrade's analyses of bias on the example strategies, and other commands of freqtrade."""

from __future__ import annotations

import shutil
import subprocess
import zipfile
from collections.abc import Iterator
from pathlib import Path

import pytest
from nox.virtualenv import UV

from tests.support.freqtrade import Strategies
from tests.support.real import clean_env, edit, failed_with, nox

PLANTED = 'smoothed = frame["close"].pct_change().shift(-1)'
HONEST = 'smoothed = ema(returns(frame["close"]), self.smoothing)'


@pytest.fixture
def repo(_made: Strategies) -> Iterator[Strategies]:
    shutil.rmtree(_made.home / "build", ignore_errors=True)
    _made.set(f'data-dir = "{_made.candles}"\nfull-months = 2')
    yield _made
    _made.restore()


def test_a_planted_look_ahead_is_found_and_the_honest_strategy_is_cleared(
    repo: Strategies,
) -> None:
    honest = repo.nox("lookahead")
    assert honest.status == 0, honest.text
    assert "momentum: no look-ahead in the signals of 20 trades" in honest.out
    settled = repo.nox("recursive")
    assert settled.status == 0, settled.text
    assert "momentum: indicators settle within 72 start-up candles" in settled.out
    repo.edit(HONEST, PLANTED)
    said = "it uses candles that a live bot does not have yet: without them"
    failed_with(repo.nox("lookahead"), f"momentum: lookahead-analysis: {said}", "move")
    failed_with(repo.nox("recursive"), f"momentum: recursive-analysis: {said} move differ")


def test_indicators_that_do_not_settle_are_named(repo: Strategies) -> None:
    repo.edit("return frame\n", 'frame["sum"] = frame["close"].cumsum()\n        return frame\n')
    failed_with(
        repo.nox("recursive"), "with the 72 start-up candles", "sum", "raise startup_candle_count"
    )


@pytest.mark.parametrize("name", ["trend-following", "ml-rsi"])
def test_the_other_examples_are_cleared(repo: Strategies, name: str) -> None:
    lock = [UV, "lock", "--quiet", "--project", f"strategies/{name}"]
    subprocess.run(lock, cwd=repo.home, env=clean_env(), check=True)
    repo.install(name)
    for session in ("lookahead", "recursive"):
        ran = nox(repo.home, "-s", f"{session}({name})", timeout=900)
        assert ran.status == 0, ran.text


def test_a_strategy_that_chooses_by_chance_has_no_figures(repo: Strategies) -> None:
    repo.set(f'data-dir = "{repo.candles}"\nfull-months = 1')
    repo.edit(
        "return RULES.populate_indicators(dataframe)",
        "import random\n\n"
        "        found = RULES.populate_indicators(dataframe)\n"
        "        found['move'] *= [random.choice([1, -1]) for _ in range(len(found))]\n"
        "        return found",
        file="src/momentum/bot.py",
    )
    failed_with(
        repo.nox("backtest-full"), "momentum: not deterministic: two runs on the same candles"
    )
    assert not (repo.reports("full") / "record.json").exists()


def test_any_command_of_freqtrade_is_as_hermetic(repo: Strategies) -> None:
    listed = repo.nox("freqtrade", "--", "list-strategies", "--one-column")
    assert listed.status == 0, listed.text
    assert "MomentumBot" in listed.out.split()
    failed_with(repo.nox("freqtrade", "--", "nonsense"), "freqtrade has no command 'nonsense'")
    failed_with(
        repo.nox("freqtrade", "--", "list-strategies", "--nonsense"), "list-strategies failed"
    )
    failed_with(repo.nox("freqtrade", "--", "list-markets"), "it wanted GET /fapi/v1/ticker/24hr")


def test_no_secret_of_a_configuration_is_kept(repo: Strategies) -> None:
    edit(
        repo.strategy / "configs" / "config.json",
        '"dry_run": true,',
        '"dry_run": true,\n  "telegram": {"enabled": false, "token": "1:XYZZY", "chat_id": "9"},\n'
        '  "api_server": {"enabled": false, "listen_ip_address": "127.0.0.1", "listen_port": 8080,'
        ' "username": "me", "password": "XYZZY", "jwt_secret_key": "XYZZY-jwt-'
        '0123456789012345678901234567", "ws_token": "XYZZY-ws"},',
    )
    ran = repo.nox("backtest-smoke")
    assert ran.status == 0, ran.text
    assert "XYZZY" not in ran.text
    kept = [file for file in repo.reports("smoke").rglob("*") if file.is_file()]
    assert kept
    assert [file.name for file in kept if b"XYZZY" in _unpacked(file)] == []


def _unpacked(file: Path) -> bytes:
    if file.suffix != ".zip":
        return file.read_bytes()
    with zipfile.ZipFile(file) as archive:
        return b"".join(archive.read(name) for name in archive.namelist())
