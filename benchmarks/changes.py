"""What `changes` costs, cold and warm, against the bare parts of the work and against peers.

    uv run --with grimp --with difftrace python benchmarks/changes.py            # synthetic
    uv run python benchmarks/changes.py --packages 1000 --modules 20000
    uv run python benchmarks/changes.py --growth            # from 100 to 1,000 packages
    uv run python benchmarks/changes.py --path ~/some/checkout

Every figure is of a whole process: seconds (median) and the largest resident memory. Ratios are to
`ruff analyze graph` in the same run. Cold: without the extraction cache. Warm: with it, and one
file changed anew in every run. Targets: cold at most 1.5x ruff where a tree has few source roots;
warm under 1 s at 20,000 modules, nox's start-up included.
"""

from __future__ import annotations

import argparse
import math
import os
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path

import synthetic

_DROPPED = ("NOX", "VIRTUAL_ENV", "UV_PROJECT_ENVIRONMENT", "UV_PYTHON", "GITHUB_", "CI")
_READ = (
    "import subprocess, pathlib\n"
    "names = subprocess.run(['git', 'ls-files', '-z', '*.py'], capture_output=True).stdout\n"
    "texts = [pathlib.Path(n).read_bytes() for n in names.decode().split('\\0') if n]\n"
)
_PARSE = _READ + (
    "import ast, warnings\nwarnings.simplefilter('ignore')\n"
    "for text in texts:\n    try:\n        ast.parse(text)\n    except SyntaxError:\n        pass\n"
)
_GRIMP = (
    "import sys, pathlib, grimp\n"
    "roots = [pathlib.Path(root).resolve() for root in sys.argv[1:]]\n"
    "sys.path[:0] = [str(root) for root in roots]\n"
    "names = sorted({p.parent.name for root in roots for p in root.glob('*/__init__.py')\n"
    "    if p.parent.name != 'tests'})\n"
    "grimp.build_graph(*names, cache_dir=None)\n"
)


@dataclass
class Row:
    """One command and what its runs took."""

    name: str
    argv: list[str]
    cold: bool = False
    seconds: list[float] | None = None
    memory: int = 0  # bytes, the largest of all runs
    fault: str = ""


@dataclass
class Place:
    """A checkout to measure in."""

    home: Path
    changed: Path  # the file to change
    cache: Path
    env: dict[str, str]


def measured(row: Row, place: Place, runs: int) -> None:
    """Run a command several times, after one run that does not count, one file changed in each."""
    row.seconds = []
    before = place.changed.read_bytes()
    try:
        for number in range(runs + 1):
            place.changed.write_bytes(before + b"\n# changed: %d\n" % number)
            if row.cold and place.cache.exists():
                shutil.rmtree(place.cache)
            taken, memory, said = once(row.argv, place)
            if said is not None:
                row.fault = said[:60]
                return
            if number:
                row.seconds.append(taken)
                row.memory = max(row.memory, memory)
    finally:
        place.changed.write_bytes(before)


def once(argv: list[str], place: Place) -> tuple[float, int, str | None]:
    """Run a command; return its seconds, its largest memory in bytes, and its last word of woe."""
    with tempfile.TemporaryFile() as errors:
        start = time.perf_counter()
        process = subprocess.Popen(
            argv, cwd=place.home, env=place.env, stdout=subprocess.DEVNULL, stderr=errors
        )
        _, status, usage = os.wait4(process.pid, 0)
        taken = time.perf_counter() - start
        process.returncode = os.waitstatus_to_exitcode(status)
        errors.seek(0)
        said = errors.read().decode("utf-8", "replace").strip().splitlines()
    memory = usage.ru_maxrss * (1 if sys.platform == "darwin" else 1024)
    return taken, memory, (said or ["?"])[-1] if process.returncode else None


def rows(home: Path, *, own_only: bool = False) -> list[Row]:
    """Return what is measured: ours, the bare parts, and those peers that are installed."""
    nox = [sys.executable, "-m", "nox", "-s", "changes", "--", "--base", "HEAD", "--json"]
    own = [Row("changes, cold", nox, cold=True), Row("changes, warm", nox)]
    if own_only:
        return own
    found = [
        Row("git diff --name-only", ["git", "diff", "--name-only", "HEAD"]),
        Row("nox -l", [sys.executable, "-m", "nox", "-l"]),
        Row("read every module", [sys.executable, "-c", _READ]),
        Row("ast.parse every module", [sys.executable, "-c", _PARSE]),
        *own,
    ]
    path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
    ruff = shutil.which("ruff", path=path)
    if ruff:
        setting = f"src = [{', '.join(map(repr, source_roots(home)))}]"
        argv = [ruff, "analyze", "graph", "--config", setting]
        found.append(Row("ruff analyze graph", argv))
    if _has("grimp"):
        found.append(Row("grimp", [sys.executable, "-c", _GRIMP, *source_roots(home)]))
    tool = shutil.which("difftrace", path=str(Path(sys.executable).parent))
    if tool:
        found.append(Row("difftrace", [tool, "--base", "HEAD"]))
    return found


def source_roots(home: Path) -> list[str]:
    """Return the source roots that ruff must be told: src/ of each project, else its folder."""
    argv = ["git", "ls-files", "-z", "pyproject.toml", "*/pyproject.toml"]
    listed = subprocess.run(argv, cwd=home, capture_output=True, text=True, check=True).stdout
    folders = [Path(name).parent for name in listed.split("\0") if name]
    return [str(f / "src" if (home / f / "src").is_dir() else f) for f in folders] or ["."]


def _has(module: str) -> bool:
    return (
        subprocess.run(
            [sys.executable, "-c", f"import {module}"], capture_output=True, check=False
        ).returncode
        == 0
    )


def grow(runs: int) -> None:
    """Measure workspaces of 100 to 1,000 packages, and print how the time grows with their number.

    An exponent of 1 is growth in proportion, 2 is quadratic.
    """
    print(f"  {'packages':>8} {'cold':>9} {'warm':>9} {'peak MiB':>9}")
    medians: list[list[float]] = []
    for packages in (100, 250, 500, 1000):
        with tempfile.TemporaryDirectory(prefix="tradai-benchmark-") as folder:
            home = Path(folder).resolve() / "workspace"
            synthetic.make(home, packages=packages, modules=packages * 10)
            found = compare(home, runs, own_only=True)
        medians.append([statistics.median(row.seconds or [0]) for row in found])
        cold, warm = medians[-1]
        peak = max(row.memory for row in found) / 2**20
        print(f"  {packages:8} {cold:8.3f}s {warm:8.3f}s {peak:9.0f}")
    exponents = [math.log10(last / first) for first, last in zip(*medians[::3], strict=True)]
    print(f"  {'exponent':>8} {exponents[0]:9.2f} {exponents[1]:9.2f}")


def compare(home: Path, runs: int, *, own_only: bool = False) -> list[Row]:
    """Measure everything in one checkout, with one file changed, and print the table."""
    listed = subprocess.run(
        ["git", "ls-files", "-z", "*.py"], cwd=home, capture_output=True, check=True
    )
    modules = [name for name in listed.stdout.decode().split("\0") if name]
    changed = home / modules[len(modules) // 2]
    with tempfile.TemporaryDirectory(prefix="tradai-cache-") as folder:
        cache = Path(folder) / "cache"
        kept = {key: value for key, value in os.environ.items() if not key.startswith(_DROPPED)}
        # a machine that keeps no byte code compiles every module in every run
        compiled = {"PYTHONDONTWRITEBYTECODE": "", "PYTHONPYCACHEPREFIX": str(cache.parent / "pyc")}
        env = {**kept, **compiled, "TRADAI_TASKS_CACHE": str(cache)}
        found = rows(home, own_only=own_only)
        for row in found:
            measured(row, Place(home, changed, cache, env), runs)
    if own_only:
        return found
    print(f"\n{len(modules)} modules, one changed; {os.cpu_count()} cores; median of {runs}")
    base = next(
        (statistics.median(r.seconds) for r in found if r.name.startswith("ruff") and r.seconds),
        None,
    )
    print(f"  {'':26} {'seconds':>9} {'to ruff':>9} {'peak MiB':>9}")
    for row in found:
        if row.fault:
            print(f"  {row.name:26} {'-':>9}   {row.fault}")
            continue
        median = statistics.median(row.seconds or [0])
        ratio = f"{median / base:8.2f}x" if base else f"{'-':>9}"
        print(f"  {row.name:26} {median:8.3f}s {ratio} {row.memory / 2**20:9.0f}")
    return found


def main() -> None:
    """Measure a synthetic workspace, or any checkout with a noxfile."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    parser.add_argument("--packages", type=int, default=100)
    parser.add_argument("--modules", type=int, default=2000)
    parser.add_argument("--runs", type=int, default=5)
    parser.add_argument("--path", type=Path, help="a checkout to measure, with a noxfile")
    parser.add_argument("--growth", action="store_true", help="from 100 to 1,000 packages")
    options = parser.parse_args()
    if options.growth:
        grow(options.runs)
        return
    if options.path:
        compare(options.path.resolve(), options.runs)
        return
    with tempfile.TemporaryDirectory(prefix="tradai-benchmark-") as folder:
        home = Path(folder).resolve() / "workspace"
        synthetic.make(home, packages=options.packages, modules=options.modules)
        compare(home, options.runs)


if __name__ == "__main__":
    main()
