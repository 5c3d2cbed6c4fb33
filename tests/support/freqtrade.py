"""The example strategies with freqtrade, and candles made from a seed."""

from __future__ import annotations

import subprocess
from dataclasses import dataclass
from pathlib import Path

from nox.virtualenv import UV

from tests.support.real import REPOSITORY, Result, clean_env, copy_example, edit, need, nox
from tradai_tasks.backtest.record import BacktestRecord, read_record

__all__ = ["COMMITTED", "Strategies", "strategies"]

COMMITTED = "2026-02-01T15:30:00Z"  # when the copy was committed: its windows end that day
START, END = "2024-12-01", "2026-02-01"


@dataclass(frozen=True)
class Strategies:
    """A copy of the strategies' repository whose momentum has its environment."""

    home: Path
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

    def restore(self) -> None:
        _git(self.home, "checkout", "-q", ".")
        _git(self.home, "clean", "-qfd")


def strategies(home: Path) -> Strategies:
    """Copy, commit and lock the example, and install momentum with freqtrade."""
    beside = copy_example("tradai-uv", home / "tradai-uv")  # where its local source points
    for argv in (("init", "-q", "-b", "main"), ("add", "-A"), ("commit", "-qm", "The library")):
        _git(beside, *argv)
    copied = copy_example("tradai-strategies", home / "tradai-strategies")
    made = Strategies(copied, home / "candles", home / "noise")
    edit(copied / ".gitignore", "uv.lock\n", "")  # a release needs its lock to be committed
    assert _uv(copied, "lock", "--project", "strategies/momentum").returncode == 0
    for argv in (("init", "-q", "-b", "main"), ("add", "-A"), ("commit", "-qm", "An example")):
        _git(copied, *argv)
    sync = ["sync", "--locked", "--no-default-groups", "--extra", "freqtrade"]
    sync += ["--no-install-project", "--no-install-local"]
    where = made.environment
    project = ("--project", "strategies/momentum")
    env = {"UV_PROJECT_ENVIRONMENT": str(where)}
    if _uv(copied, *sync, *project, "--offline", **env).returncode != 0:
        # 771 MB: only where all must be there
        need(bool(_required()), "freqtrade in uv's cache")
        done = _uv(copied, *sync, *project, **env)
        assert done.returncode == 0, done.stderr
    # compiled once, for every copy of it in an image too
    compiled = [str(where / "bin" / "python"), "-c", "import freqtrade.optimize.backtesting"]
    subprocess.run(compiled, check=True, timeout=300)
    for folder, persistence in ((made.candles, "0.35"), (made.noise, "0")):
        make_candles(where, folder / "binance", persistence)
    return made


def make_candles(environment: Path, folder: Path, persistence: str) -> None:
    argv = [str(environment / "bin" / "python"), str(REPOSITORY / "tools" / "candles.py")]
    argv += [str(folder), "--start", START, "--end", END, "--persistence", persistence]
    subprocess.run(argv, check=True, timeout=300)


def _required() -> str | None:
    import os

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
