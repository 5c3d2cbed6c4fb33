"""Timing whole commands in pairs: medians, and ratios within the same run."""

from __future__ import annotations

import statistics
import subprocess
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True, kw_only=True)
class Command:
    """A command to time, and how often its failure is no failure of the benchmark."""

    name: str
    argv: Sequence[str]
    cwd: Path
    env: Mapping[str, str] | None = None
    before: Callable[[], None] | None = None  # run untimed before each run


def seconds(command: Command) -> float:
    """Run a command once and return its wall time; end the benchmark where it fails."""
    if command.before:
        command.before()
    start = time.perf_counter()
    env = None if command.env is None else dict(command.env)
    done = subprocess.run(
        command.argv, cwd=command.cwd, env=env, capture_output=True, text=True, check=False
    )
    taken = time.perf_counter() - start
    if done.returncode != 0:
        sys.exit(f"{command.name}: exit status {done.returncode}\n{done.stdout}{done.stderr}")
    return taken


def in_turn(commands: Sequence[Command], runs: int) -> dict[str, list[float]]:
    """Run the commands in turn, A B A B ..., after one run of each that does not count."""
    for command in commands:
        seconds(command)
    found: dict[str, list[float]] = {command.name: [] for command in commands}
    for _ in range(runs):
        for command in commands:
            found[command.name].append(seconds(command))
    return found


def show(title: str, found: Mapping[str, Sequence[float]], base: str) -> None:
    """Print medians, and each command's ratio to the base, pair by pair."""
    print(f"\n{title}")
    print(f"  {'':42} {'median':>9} {'min':>9} {'max':>9} {'ratio':>7}")
    for name, taken in found.items():
        ratio = statistics.median(a / b for a, b in zip(taken, found[base], strict=True))
        print(
            f"  {name:42} {statistics.median(taken):8.3f}s {min(taken):8.3f}s "
            f"{max(taken):8.3f}s {ratio:6.2f}x"
        )
