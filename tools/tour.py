"""A tour: the library at work on a scratch copy of an example monorepo.

Each step prints the command first, as a user would type it, and fails the tour where it fails.
"""

from __future__ import annotations

import argparse
import os
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path

from tour_release import empty_servers

ROOT = Path(__file__).resolve().parent.parent
_IDENTITY = {
    "GIT_AUTHOR_NAME": "A reader",
    "GIT_AUTHOR_EMAIL": "reader@example.com",
    "GIT_COMMITTER_NAME": "A reader",
    "GIT_COMMITTER_EMAIL": "reader@example.com",
}

_FULL = ("backtest-full(momentum)", "--", "--dry-run")
_BUMP = ("momentum", "minor", "--tag")


@dataclass(frozen=True, kw_only=True)
class Tour:
    """A scratch repository and what was done in it."""

    home: Path
    env: Mapping[str, str]
    done: list[tuple[str, float]] = field(default_factory=list)  # what, seconds

    def step(self, what: str, argv: Sequence[str], shown: str) -> None:
        """Run one command in the scratch repository; end the tour where it fails."""
        print(f"\n\033[1m# {what}\033[0m\n$ {shown}", flush=True)
        start = time.monotonic()
        status = subprocess.run(argv, cwd=self.home, env=dict(self.env), check=False).returncode
        if status != 0:
            sys.exit(f"tour: {shown}: exit status {status}; the scratch copy is {self.home}")
        self.done.append((what, time.monotonic() - start))

    def nox(self, what: str, *args: str) -> None:
        """Run nox with the interpreter that runs this."""
        quoted = [f'"{arg}"' if "(" in arg else arg for arg in args]
        self.step(what, [sys.executable, "-m", "nox", *args], f"nox {' '.join(quoted)}")

    def change(self, file: str) -> None:
        """Change a file as an editor would: a comment at its top."""
        path = self.home / file
        print(f"\n\033[1m# Somebody changes {file}\033[0m", flush=True)
        text = path.read_text(encoding="utf-8")
        path.write_text(f"# A change.\n{text}", encoding="utf-8")

    def git(self, what: str, *args: str) -> None:
        """Run git."""
        self.step(what, ["git", *args], f"git {' '.join(args)}")


def scratch(example: str, home: Path, done: list[tuple[str, float]] | None = None) -> Tour:
    """Copy an example into a git repository of its own."""
    ignore = shutil.ignore_patterns(".nox", ".venv", "build", "uv.lock", "__pycache__")
    shutil.copytree(ROOT / "examples" / example, home, ignore=ignore)
    # what this very nox session sets must not steer the sessions in the copy
    dropped = ("NOX", "VIRTUAL_ENV", "UV_PROJECT_ENVIRONMENT", "UV_PYTHON", "GIT_", "COV_")
    env = {key: value for key, value in os.environ.items() if not key.startswith(dropped)}
    env |= {**_IDENTITY, "GIT_CONFIG_GLOBAL": os.devnull}
    return Tour(home=home, env=env, done=[] if done is None else done)


def walk(tour: Tour) -> None:
    """Go through what the library does, step by step."""
    tour.git("A monorepo of its own", "init", "--quiet", "--initial-branch=main")
    tour.git("Everything is in it", "add", "--all")
    tour.git("and committed", "commit", "--quiet", "--message=An example monorepo")
    tour.nox("The sessions that fit this repository", "--list")
    tour.nox("Lock files are made where they are needed", "-s", "lock")
    tour.nox("Lint, types and tests, in parallel", "-j", "auto", "-s", "check")
    tour.change("libs/tradai-common/src/tradai/common/money.py")
    tour.nox("What that change affects, and why", "-s", "changes")
    tour.nox("The same as jobs for CI", "-s", "changes", "--", "--json")
    tour.nox("Only what it can break is checked", "-s", "affected")
    # a strategy is released only with a commit of what it takes from here
    tour.git("The change is committed", "commit", "--quiet", "--all", "--message=Change money")


def walk_strategies(tour: Tour) -> None:
    """Backtest a strategy, on candles made from a seed."""
    today = datetime.now(UTC).date()
    # the strategy reads three days before the thirty of the backtest
    days = ["--start", str(today - timedelta(days=40)), "--end", str(today)]
    make = ["uv", "run", "--no-project", "--with", "pandas", "--with", "pyarrow"]
    make += ["python", str(ROOT / "tools" / "candles.py"), "candles/binance", *days]
    settings = tour.home / "tradai-tasks.toml"
    settings.write_text('[backtest]\nsource = "candles"\n', encoding="utf-8")
    tour.git("The strategies have a repository of their own", "init", "--quiet")
    tour.git("with settings that say where candles come from", "add", "--all")
    tour.git("The window of a backtest ends on the commit's day", "commit", "--quiet", "-m", "All")
    tour.step("Candles from a seed, in place of an exchange's", make, "python candles.py candles")
    tour.nox("Each strategy has its own lock file", "-s", "lock")
    tour.nox("Candles and markets are brought", "-s", "backtest-data(momentum)", "--", "--smoke")
    tour.nox("freqtrade runs on just these", "-s", "backtest-smoke(momentum)")
    tour.nox("What a full backtest would be held against", "-s", *_FULL)


def walk_release(tour: Tour) -> None:
    """Bump and tag a strategy, and see what its release would do."""
    ignored = tour.home / ".gitignore"  # the example's own locks carry no index of yours
    ignored.write_text(ignored.read_text(encoding="utf-8").replace("uv.lock\n", ""), "utf-8")
    tour.git("A strategies repository", "init", "--quiet", "--initial-branch=main")
    tour.git("Everything is in it", "add", "--all")
    tour.git("and committed", "commit", "--quiet", "--message=Strategies")
    lock = ["uv", "lock", "--quiet", "--project", "strategies/momentum"]
    tour.step("The lock file of one strategy", lock, " ".join(lock))
    tour.git("A release needs it in the commit", "add", "--all")
    tour.git("so that any clone can make it again", "commit", "--quiet", "--message=Lock")
    tour.nox("A higher version, committed and tagged", "-s", "bump", "--", *_BUMP)
    tour.nox("What is to do for its release", "-s", "release", "--", "momentum-v1.1.0", "--status")


def main() -> None:
    """Take the tour and print what it did."""
    parser = argparse.ArgumentParser(prog="nox -s tour --", description=__doc__)
    parser.add_argument("--keep", action="store_true", help="leave the scratch copy behind")
    parser.add_argument(
        "--strategies", action="store_true", help="backtest a strategy too (installs freqtrade)"
    )
    given = parser.parse_args()
    keep = given.keep
    folder = Path(tempfile.mkdtemp(prefix="tradai-tour-")).resolve()
    try:
        tour = scratch("tradai-uv", folder / "tradai-uv")
        walk(tour)
        if given.strategies:
            # beside the platform, where its local source points
            tour = scratch("tradai-strategies", folder / "tradai-strategies", done=tour.done)
            walk_strategies(tour)
        with empty_servers() as servers:
            # beside the platform, where its local source points
            shop = scratch("tradai-strategies", folder / "strategies-to-release")
            release = Tour(home=shop.home, env={**shop.env, **servers}, done=tour.done)
            walk_release(release)
    finally:
        if not keep:
            shutil.rmtree(folder, ignore_errors=True)
    print("\nWhat the tour did:")
    for what, seconds in tour.done:
        print(f"  {seconds:6.1f} s  {what}")
    if keep:
        print(f"The scratch copy is {tour.home}")


if __name__ == "__main__":
    main()
