"""The backtest sessions in-process: freqtrade's part is played by what it would leave behind."""

from __future__ import annotations

import importlib.util
import json
from collections.abc import Sequence
from pathlib import Path

import pytest

from tests.support.backtest_sessions import LOCK, ONE_MONTH, SERIES, START, playing, result
from tests.support.ftresult import HOUR
from tests.support.inprocess import InProcess, failed
from tests.support.repos import Repo
from tradai_tasks.backtest.record import read_record


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


def test_candles_that_are_missing_say_how_to_bring_them(repo: InProcess) -> None:
    facts = {"series": [{**SERIES, "missing": ["nothing from a to b"]}]}
    ran = repo("-s", "backtest-smoke(fast)", script=playing(facts, result()))
    failed(ran, "BTC/USDT:USDT 1h futures: nothing from a to b", 'nox -s "backtest-data(fast)"')


def test_freqtrade_that_does_not_start_is_reported(repo: InProcess) -> None:
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


def test_freqtrade_that_is_not_locked_is_reported(repo: InProcess) -> None:
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
