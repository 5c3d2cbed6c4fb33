"""The example strategies with freqtrade, and candles made from a seed."""

from __future__ import annotations

import fcntl
import os
import subprocess
from dataclasses import dataclass
from pathlib import Path

from nox.virtualenv import UV

from tests.support.real import REPOSITORY, Result, clean_env, copy_example, edit, need, nox
from tradai_tasks.backtest.record import BacktestRecord, read_record

__all__ = ["COMMITTED", "Strategies", "install", "strategies"]

COMMITTED = "2026-02-01T15:30:00Z"  # when the copy was committed: its windows end that day
START, END = "2024-12-01", "2026-02-01"


@dataclass(frozen=True)
class Strategies:
    """A copy of the strategies' repository whose momentum has its environment."""

    home: Path
    shared: Path  # folder of the whole test run
    candles: Path  # where moves tend to go on, so that momentum has an edge
    noise: Path  # where they do not

    @property
    def environment(self) -> Path:
        return self.home / ".nox" / ".cache" / "backtest-momentum"

    @property
    def settings(self) -> Path:
        return self.home / "tradai-tasks.toml"

    @property
    def strategy(self) -> Path:
        return self.home / "strategies" / "momentum"

    @property
    def futures(self) -> Path:
        return self.home / "user_data" / "data" / "binance" / "futures"

    def edit(self, old: str, new: str, *, file: str = "src/momentum/strategy.py") -> None:
        edit(self.strategy / file, old, new)

    def set(self, text: str) -> None:
        """Set `[backtest]`."""
        self.settings.write_text(f"[backtest]\n{text}\n", encoding="utf-8")

    def nox(self, session: str, *args: str, **env: str) -> Result:
        return nox(self.home, "-s", f"{session}(momentum)", *args, env=env)

    def record(self, kind: str) -> BacktestRecord:
        return read_record(self.reports(kind))

    def reports(self, kind: str) -> Path:
        return self.home / "build" / "reports" / "backtest" / "momentum" / kind

    def install(self, slug: str) -> None:
        """Make the environment of another strategy, before its session would."""
        install(self.home, slug, self.shared)

    def restore(self) -> None:
        _git(self.home, "checkout", "-q", ".")
        _git(self.home, "clean", "-qfd")


def strategies(home: Path, shared: Path) -> Strategies:
    """Copy, commit and lock the example, and install momentum with freqtrade.

    Args:
        home: Where.
        shared: The folder of the whole test run, which all its workers have.
    """
    beside = copy_example("tradai-uv", home / "tradai-uv")  # where its local source points
    for argv in (("init", "-q", "-b", "main"), ("add", "-A"), ("commit", "-qm", "The library")):
        _git(beside, *argv)
    copied = copy_example("tradai-strategies", home / "tradai-strategies")
    made = Strategies(copied, shared, home / "candles", home / "noise")
    edit(copied / ".gitignore", "uv.lock\n", "")  # a release needs its lock to be committed
    assert _uv(copied, "lock", "--project", "strategies/momentum").returncode == 0
    for argv in (("init", "-q", "-b", "main"), ("add", "-A"), ("commit", "-qm", "An example")):
        _git(copied, *argv)
    made.install("momentum")
    for folder, persistence in ((made.candles, "0.35"), (made.noise, "0")):
        make_candles(made.environment, folder / "binance", persistence)
    return made


def install(home: Path, slug: str, shared: Path) -> None:
    """Make the environment that a strategy's backtests run in, as their sessions do."""
    where = home / ".nox" / ".cache" / f"backtest-{slug}"
    sync = ["sync", "--locked", "--no-default-groups", "--extra", "freqtrade"]
    sync += ["--no-install-project", "--no-install-local", "--project", f"strategies/{slug}"]
    env = {"UV_PROJECT_ENVIRONMENT": str(where)}
    if _uv(home, *sync, "--offline", **env).returncode != 0:
        # 771 MB: only where all must be there
        need(bool(_required()), "freqtrade in uv's cache")
        done = _uv(home, *sync, **env)
        assert done.returncode == 0, done.stderr
    _compile(where, shared)


def _compile(environment: Path, shared: Path) -> None:
    """Have freqtrade's byte code there, which is made once in a test run: it takes 10 seconds.

    uv links its cache's files into each environment, so that byte code made in one holds in all;
    where it does not, Python makes it anew.
    """
    first = shared / "environment-with-bytecode"
    with (shared / "bytecode.lock").open("wb") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not first.exists():
            python = str(environment / "bin" / "python")
            argv = [python, "-c", "import freqtrade.optimize.backtesting"]
            subprocess.run(argv, check=True, timeout=300)
            first.symlink_to(environment)
            return
    for file in (first / "lib").rglob("__pycache__/*.pyc"):
        to = environment / file.relative_to(first)
        if to.parent.parent.is_dir() and not to.exists():
            to.parent.mkdir(exist_ok=True)
            os.link(file, to)


def make_candles(environment: Path, folder: Path, persistence: str) -> None:
    argv = [str(environment / "bin" / "python"), str(REPOSITORY / "tools" / "candles.py")]
    argv += [str(folder), "--start", START, "--end", END, "--persistence", persistence]
    subprocess.run(argv, check=True, timeout=300)


def _required() -> str | None:
    return os.environ.get("TRADAI_TASKS_REQUIRE_ALL")


def _uv(home: Path, *args: str, **env: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [UV, *args],
        cwd=home,
        env=clean_env(**env),
        capture_output=True,
        text=True,
        check=False,
        timeout=900,
    )


def _git(home: Path, *args: str) -> None:
    env = clean_env(GIT_COMMITTER_DATE=COMMITTED, GIT_AUTHOR_DATE=COMMITTED)
    subprocess.run(["git", *args], cwd=home, env=env, check=True, timeout=60)
