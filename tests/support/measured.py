"""What a run costs: the peak memory of a process, and how many calls a piece of work makes."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

# Runs its arguments after the first under a limit that keeps a run that goes wrong from taking
# the machine's memory, and writes their peak memory into the file named first. A process of its
# own measures: Linux counts what a process held before `exec` as memory of what it became, so a
# child of the (large) process of these tests would be charged with all of that.
MEASURED = (
    "import os, resource, subprocess, sys\n"
    "resource.setrlimit(resource.RLIMIT_AS, (2**31, 2**31))\n"
    "status = subprocess.run(sys.argv[2:]).returncode\n"
    "peak = resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss\n"
    "open(sys.argv[1], 'w').write(str(peak * (1 if sys.platform == 'darwin' else 1024)))\n"
    "sys.exit(status)\n"
)


class Measured(NamedTuple):
    """What a command came to, and what it took."""

    status: int
    out: str
    log: str
    peak: int  # bytes, of the largest process


def measured(
    argv: Sequence[str], home: Path, env: Mapping[str, str], python: str = sys.executable
) -> Measured:
    """Run a command in a folder and measure its memory."""
    peak = home.with_name(f"{home.name}-peak")
    done = subprocess.run(
        [python, "-c", MEASURED, str(peak), *argv],
        cwd=home, env=dict(env), capture_output=True, text=True, timeout=300, check=False,
    )  # fmt: skip
    return Measured(done.returncode, done.stdout, done.stderr, int(peak.read_text()))


def calls_of(work: Callable[[], Any]) -> int:
    """Return how many functions a piece of work calls, those of C too: its cost without a clock."""
    count = 0

    def note(_: Any, event: str, __: Any) -> None:
        nonlocal count
        count += event in {"call", "c_call"}

    before = sys.getprofile()
    sys.setprofile(note)
    try:
        work()
    finally:
        sys.setprofile(before)
    return count
