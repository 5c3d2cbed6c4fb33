"""What the release adds around freqtrade, docker and MLflow.

    uv run python benchmarks/release.py

A strategy is released with the real parts that the end-to-end tests start (freqtrade, a Docker
engine, a registry, ECR's login by moto, MLflow), once from nothing and once more. Printed are each
step's time, and the library's own share: the wall time in which no gate's session, no docker
command and no registration in MLflow was under way. Waiting for answers when looking counts as its
own. Target: under 2 s on a machine that does nothing else.
"""

from __future__ import annotations

import json
import logging
import os
import re
import shutil
import stat
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass, field
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))

from tests.support.real import clean_env, git  # noqa: E402 - found only now
from tests.support.release_yard import Yard, release_yard  # noqa: E402 - as above

TAG = "momentum-v1.0.0"
_BEGUN = re.compile(r"nox > (\S+ \S+): (?!done|there|left|failed)")
_DONE = re.compile(r"nox > (\S+ \S+): (done|there|left|failed)")
_SHIM = """\
#!{python}
import subprocess, sys, time
start = time.time()
status = subprocess.run(["{docker}", *sys.argv[1:]]).returncode
with open("{log}", "a") as log:
    log.write(f"{{start}} {{time.time()}} {{' '.join(sys.argv[1:3])}}\\n")
sys.exit(status)
"""

Span = tuple[float, float]


@dataclass
class Run:
    """One release: when it ran, its steps, and the spans in which others worked."""

    wall: Span
    steps: dict[str, Span] = field(default_factory=dict)
    docker: list[tuple[str, Span]] = field(default_factory=list)
    gates: list[Span] = field(default_factory=list)
    cpu: float = 0.0  # seconds of processor time, with that of git, docker and the gates

    @property
    def own(self) -> float:
        """Seconds in which no gate's session, no docker command and no registration ran."""
        models = [span for name, span in self.steps.items() if name.startswith("mlflow ")]
        others = [*self.gates, *models, *(span for _, span in self.docker)]
        return self.wall[1] - self.wall[0] - union(others)


def union(spans: list[Span]) -> float:
    """Return the seconds that are in at least one span."""
    total, end = 0.0, float("-inf")
    for start, stop in sorted(spans):
        total += max(0.0, stop - max(start, end))
        end = max(end, stop)
    return total


def release(yard: Yard, shims: Path) -> Run:
    """Release, and note when each line of progress came."""
    log = shims / "log"
    log.write_text("")
    start = time.time()
    process = subprocess.Popen(
        [sys.executable, "-m", "nox", "-s", "release", "--", TAG],
        cwd=yard.home,
        env=clean_env(**{**yard.env, "PATH": f"{shims}{os.pathsep}{os.environ['PATH']}"}),
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )
    begun: dict[str, float] = {}
    run = Run(wall=(start, start))
    said = []
    for line in process.stdout or ():
        said.append(line)
        now = time.time()
        if found := _DONE.match(line):
            run.steps[found[1]] = (begun.get(found[1], now), now)
        elif found := _BEGUN.match(line):
            begun.setdefault(found[1], now)
    _, status, used = os.wait4(process.pid, 0)
    if status != 0:
        sys.exit("".join(said))
    run.wall = (start, time.time())
    run.cpu = used.ru_utime + used.ru_stime
    for line in log.read_text().splitlines():
        first, last, words = line.split(" ", 2)
        run.docker.append((words, (float(first), float(last))))
    for stage in ("lint", "typecheck", "test", "backtest-full"):
        if (span := run.steps.get(f"{stage} momentum")) is not None:
            evidence = json.loads((yard.evidence(TAG) / f"{stage}.json").read_bytes())
            # the session itself, as nox timed it: its process's start is the release's doing
            seconds = evidence["steps"]["momentum"]["record"]["seconds"]
            run.gates.append((span[1] - seconds, span[1]))
    return run


def show(title: str, run: Run) -> None:
    """Print a run."""
    start, end = run.wall
    print(f"\n{title}: {end - start:.2f} s")
    for name, (begin, stop) in run.steps.items():
        if stop > begin:
            print(f"  {name:28} {stop - begin:7.2f} s   from {begin - start:6.2f} s on")
    for words, (begin, stop) in run.docker:
        print(f"  docker {words:21} {stop - begin:7.2f} s   from {begin - start:6.2f} s on")
    print(f"  the library's own share      {run.own:7.2f} s   (load {os.getloadavg()[0]:.1f})")


def main() -> None:
    """Release twice."""
    logging.getLogger("werkzeug").setLevel(logging.ERROR)  # moto's, of each request
    folder = Path(tempfile.mkdtemp(prefix="tradai-benchmark-")).resolve()
    shims = folder / "shims"
    shims.mkdir()
    shim = shims / "docker"
    given = {"python": sys.executable, "docker": shutil.which("docker"), "log": shims / "log"}
    shim.write_text(_SHIM.format(**given))
    shim.chmod(shim.stat().st_mode | stat.S_IXUSR)
    try:
        with release_yard(folder / "yard", folder) as yard:
            git(yard.home, "tag", "-a", "-m", "x", TAG)
            first = release(yard, shims)
            second = release(yard, shims)
        show("From nothing", first)
        show("Everything is there", second)
        print(f"  of which processor time      {second.cpu:7.2f} s")
        together = sum(stop - start for start, stop in first.steps.values())
        took = first.wall[1] - first.wall[0]
        print(
            f"\nThe steps of the first took {together:.2f} s, one after the other; all {took:.2f} s"
        )
    finally:
        shutil.rmtree(folder, ignore_errors=True)


if __name__ == "__main__":
    main()
