"""Both example monorepos: clean they pass, and each fault fails exactly the session it should."""

from __future__ import annotations

import os
import re
import shutil
import tomllib
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.osv import advisory, osv_server
from tests.support.output_page import alike, block, shown, write_block
from tests.support.real import Result, copy_example, edit, git, nox

_UNUSED_IMPORT = "\nimport os\n"
_WRONG_TYPE = '\n\nWRONG: int = "text"\n'
_PASSWORD = '\n\nPASSWORD = "hunter2"\n'


class Example:
    """A locked copy of an example whose advisory service is a loopback one."""

    def __init__(self, home: Path, settings: str, table: str) -> None:
        self.home = home
        self.settings = home / settings
        self.table = table
        self.plain = self.settings.read_text() if self.settings.exists() else ""

    def run(self, vulnerable: str | None = None) -> Result:
        known = {}
        if vulnerable:
            known = {
                (vulnerable, self.version(vulnerable)): [advisory("GHSA-x", "99", "CVE-2026-7")]
            }
        with osv_server(known) as url:
            self.settings.write_text(f'{self.plain}\n[{self.table}]\nservice-url = "{url}"\n')
            return nox(self.home, "-j", "auto", "-s", "check", "security")

    def version(self, name: str) -> str:
        for lock in sorted(self.home.rglob("uv.lock")):
            for package in tomllib.loads(lock.read_text())["package"]:
                if package["name"] == name:
                    return str(package["version"])
        raise AssertionError(f"{name} is in no lock file")

    def restore(self) -> None:
        git(self.home, "checkout", "-q", ".")
        git(self.home, "clean", "-qfd", "-e", "tradai-tasks.toml")


def example(name: str, home: Path, settings: str, table: str) -> Example:
    copied = copy_example(name, home)
    git(copied, "init", "-q", "-b", "main")
    git(copied, "add", "-A")
    git(copied, "commit", "-qm", "An example")
    result = nox(copied, "-s", "lock")
    assert result.status == 0, result.text
    return Example(copied, settings, table)


@pytest.fixture(scope="module")
def _platform(tmp_path_factory: pytest.TempPathFactory) -> Example:
    home = tmp_path_factory.mktemp("platform") / "tradai-uv"
    return example("tradai-uv", home, "pyproject.toml", "tool.tradai-tasks.security")


@pytest.fixture(scope="module")
def _strategies(tmp_path_factory: pytest.TempPathFactory) -> Example:
    home = tmp_path_factory.mktemp("strategies")
    copy_example("tradai-uv", home / "tradai-uv")  # where its local source points
    return example("tradai-strategies", home / "tradai-strategies", "tradai-tasks.toml", "security")


@pytest.fixture
def platform(_platform: Example) -> Iterator[Example]:
    yield _platform
    _platform.restore()


@pytest.fixture
def strategies(_strategies: Example) -> Iterator[Example]:
    yield _strategies
    _strategies.restore()


def append(file: Path, text: str) -> None:
    file.write_text(file.read_text() + text)


def failing(result: Result) -> set[str]:
    """The sessions that failed, but for the aggregate that required them."""
    assert "Traceback" not in result.log, result.text
    bad = {name for name, how in result.verdicts().items() if how in {"failed", "aborted"}}
    return bad - {"check"}


def quoted(name: str, command: str, text: str, home: Path) -> None:
    """Compare a run with its block in docs/output.md; with the variable set, write the block."""
    text = shown(text, home)
    if os.environ.get("TRADAI_TASKS_WRITE_OUTPUT"):
        write_block(name, command, text)
    assert alike(block(name)) == alike(text), name


def test_the_platform_passes_in_few_lines(platform: Example) -> None:
    result = nox(platform.home, "-j", "auto", "-s", "check")
    assert result.status == 0, result.text
    assert result.verdicts()["check"] == "success"
    assert len(result.text.splitlines()) <= 40, result.text  # one for each session, and nox's own
    quoted("success", "nox -j auto -s check", result.text, platform.home)


def test_each_fault_of_the_platform_fails_its_session_and_is_its_last_line(
    platform: Example,
) -> None:
    home = platform.home
    append(home / "libs/tradai-data/src/tradai/data/storage.py", _UNUSED_IMPORT)
    append(home / "services/backend/src/backend/settings.py", _WRONG_TYPE)
    append(home / "libs/tradai-common/src/tradai/common/ids.py", _PASSWORD)
    file = home / "libs/tradai-common/tests/test_money.py"
    edit(file, 'usdt("0.1") + usdt("0.2") == usdt("0.3")', 'usdt("0.1") == usdt("0.3")')
    lines = "".join(f"NUMBER_{number} = {number}\n" for number in range(2000))
    untested = home / "services/mlflow/src/mlflow_service/untested.py"
    untested.write_text(f'"""Untested."""\n\n{lines}')
    shutil.rmtree(home / "lambdas/order-alerts/tests")
    result = platform.run(vulnerable="starlette")
    assert failing(result) == set(_LAST_LINES)
    blocks = dict(_BLOCKS.findall(result.text))
    for session, (name, *told) in _LAST_LINES.items():
        command = "nox -j auto -s security" if session == "security" else "nox -j auto -s check"
        quoted(name, command, blocks[session], home)
        last = blocks[session].partition(f"nox > Session {session} aborted: ")[2]
        assert last.count("\n") == (2 if session == "security" else 1), last  # nothing is below
        for words in told:
            assert words in last, last


_BLOCKS = re.compile(
    r"^=+ ↯ (\S+): aborted.*?=+\n(.*?^nox > Session \1 aborted: .*?\n)"
    r"(?=Starting session|nox > Ran|=+ ↯|\S+: |\Z)",
    re.MULTILINE | re.DOTALL,
)
# session -> its block in docs/output.md, and what its last line says: what, where, the command
_LAST_LINES = {
    "lint": (
        "lint",
        "the first of 3: libs/tradai-data/src/tradai/data/storage.py:109: E402 Module level import",
        "apply automatic fixes with: nox -s fmt",
    ),
    "typecheck": (
        "typecheck",
        "mypy found faults: services/backend/src/backend/settings.py:35: Incompatible types in",
        "check again with: nox -s typecheck",
    ),
    "test(tradai-common)": (
        "failing test",
        "1 of 63 tests failed, the first at libs/tradai-common/tests/test_money.py:13 (test_",
        'narrow it down with: nox -s "test(tradai-common)" -- --lf -x',
    ),
    "test(mlflow-service)": (
        "floor",
        "is under its floor of 60 %",
        "most untested lines are in services/mlflow/src/mlflow_service/untested.py:3 (2000 lines)",
        'check again with: nox -s "test(mlflow-service)"',
    ),
    "test(order-alerts)": (
        "no tests",
        "no tests collected: lambdas/order-alerts has code but no test files; add tests",
        'check again with: nox -s "test(order-alerts)"',
    ),
    "security": (
        "security",
        "bandit found faults: libs/tradai-common/src/tradai/common/ids.py:53: B105",
        "again: nox -s security",
        "pip-audit found advisories: starlette ",
        "CVE-2026-7, fixed in 99",
        "upgrade with: nox -s lock -- --upgrade-package starlette",
    ),
}


def test_a_stale_lock_is_named_where_a_session_installs_from_it(platform: Example) -> None:
    file = platform.home / "libs/tradai-common/pyproject.toml"
    edit(file, 'dependencies = ["httpx>=0.27"]', 'dependencies = ["httpx>=0.27", "humanize"]')
    result = nox(platform.home, "-s", "test(tradai-common)")
    assert result.status != 0
    assert (
        "aborted: test(tradai-common): stale: uv.lock; make it fresh with: nox -s lock"
        in (result.text.splitlines()[-1])
    )
    text = result.out + result.log  # uv's message, and then what nox logs
    quoted("stale lock", 'nox -s "test(tradai-common)"', text, platform.home)


def test_the_strategies_pass(strategies: Example) -> None:
    result = strategies.run()
    assert result.status == 0, result.text
    assert result.verdicts()["check"] == "success"


def test_strategy_missing_method_breaks_its_protocol(strategies: Example) -> None:
    file = strategies.home / "strategies/momentum/src/momentum/strategy.py"
    edit(file, "def populate_exit_trend", "def populate_exit_trends")
    result = strategies.run()
    assert "typecheck(momentum)" in failing(result)
    assert failing(result) <= {"typecheck(momentum)", "test(momentum)"}
    assert "protocol_compliance.py" in result.text
    assert "populate_exit_trend" in result.text


def test_strategy_faults_fail_that_strategys_sessions_alone(strategies: Example) -> None:
    home = strategies.home / "strategies"
    append(home / "momentum/src/momentum/strategy.py", _WRONG_TYPE)
    append(home / "ml-rsi/src/ml_rsi/model.py", _UNUSED_IMPORT)
    append(home / "trend-following/src/trend_following/strategy.py", _PASSWORD)
    result = strategies.run()
    assert failing(result) == {"typecheck(momentum)", "lint(ml-rsi)", "security"}
    assert 'nox -s "fmt(ml-rsi)"' in result.text
    assert 'nox -s "typecheck(momentum)"' in result.text


def test_strategy_broken_test_missed_floor_and_vulnerable_pin(strategies: Example) -> None:
    home = strategies.home / "strategies"
    lines = "".join(f"NUMBER_{number} = {number}\n" for number in range(200))
    (home / "ml-rsi/src/ml_rsi/untested.py").write_text(f'"""Untested."""\n\n{lines}')
    append(
        home / "momentum/tests/test_strategy.py",
        "\n\ndef test_broken() -> None:\n    assert 1 == 2\n",
    )
    result = strategies.run(vulnerable="pandas")
    assert failing(result) == {"test(ml-rsi)", "test(momentum)", "security"}
    assert "is under its floor of 80 %" in result.text
    assert "momentum: 1 of " in result.text


def test_one_strategys_ci_and_refused_arguments(strategies: Example) -> None:
    # its smoke backtest needs freqtrade and candles, and has tests of its own
    strategies.settings.write_text("[packages.momentum.backtest]\nenabled = false\n")
    result = nox(strategies.home, "-s", "ci(momentum)")
    assert result.status == 0, result.text
    assert set(result.verdicts()) >= {"lint(momentum)", "typecheck(momentum)", "test(momentum)"}
    assert "ml-rsi" not in "".join(result.verdicts())
    refused = nox(strategies.home, "-s", "ci(momentum)", "--", "-x")
    assert refused.status != 0
    assert "ci(momentum): takes no arguments after `--`" in refused.log
    assert "Running session" not in refused.log


def test_the_platforms_integration_test_runs_beside_members_of_like_named_modules(
    platform: Example,
) -> None:
    result = nox(platform.home, "-s", "integration")
    assert result.status == 0, result.text
    assert "1 passed" in result.text
