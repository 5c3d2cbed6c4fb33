"""What the sessions cost: start-up on 100 packages, and `check` in parallel.

    uv run python benchmarks/sessions.py [--runs N] [--packages N]

1. `nox -l` on a workspace of 100 packages, against `nox -l` on a plain noxfile with as many
   sessions (target: at most 1.5x).
2. `nox -j 2` of 12 small tests in workspaces of 20, 100 and 1,000 packages: processor time, against
   pytest alone in the same environments, with the same reports of coverage and as JUnit (target:
   at most 1.2x) and without. Where everything is run it is also recorded, unless replay is off.
3. `nox -j auto -s check` in a copy of examples/tradai-uv, against the same tools run one after the
   other by a shell script in one environment, both warm (target: under 1x).
"""

from __future__ import annotations

import argparse
import os
import resource
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterable
from pathlib import Path

from timing import Command, in_turn, seconds, show

ROOT = Path(__file__).resolve().parent.parent
NOXFILE = "import tradai_tasks\n\ntradai_tasks.register()\n"
_DROPPED = (
    *("NOX", "VIRTUAL_ENV", "UV_PROJECT_ENVIRONMENT", "UV_PYTHON", "GITHUB_", "CI"),
    *("PYTHONDONTWRITEBYTECODE", "TRADAI_TASKS"),
)


def clean_env() -> dict[str, str]:
    """Return the environment without what an outer nox or CI has set."""
    return {key: value for key, value in os.environ.items() if not key.startswith(_DROPPED)}


def workspace(home: Path, packages: int) -> None:
    """Write a workspace of small packages with code and a test each."""
    home.mkdir()
    (home / "pyproject.toml").write_text('[tool.uv.workspace]\nmembers = ["packages/*"]\n')
    (home / "noxfile.py").write_text(NOXFILE)
    for number in range(packages):
        name = f"package-{number:03}"
        module = name.replace("-", "_")
        folder = home / "packages" / name
        (folder / "src" / module).mkdir(parents=True)
        (folder / "tests").mkdir()
        (folder / "pyproject.toml").write_text(
            f'[project]\nname = "{name}"\nversion = "0.1.0"\nrequires-python = ">=3.11"\n'
            'dependencies = ["httpx>=0.27"]\n\n[build-system]\nrequires = ["uv_build>=0.9,<1"]\n'
            'build-backend = "uv_build"\n'
        )
        (folder / "src" / module / "__init__.py").write_text("ANSWER = 42\n")
        (folder / "tests" / f"test_{module}.py").write_text(
            f"import {module}\n\n\ndef test_answer() -> None:\n    assert {module}.ANSWER == 42\n"
        )


def plain(home: Path, sessions: list[str]) -> None:
    """Write a noxfile without the library, with sessions of the same names."""
    home.mkdir()
    lines = ["import nox"]
    for base in dict.fromkeys(name.partition("(")[0] for name in sessions):
        ids = [name.partition("(")[2][:-1] for name in sessions if name.startswith(f"{base}(")]
        lines += ["", ""]
        if ids:
            lines.append(
                f"@nox.parametrize('package', [nox.param(n, id=n, tags=[n]) for n in {ids}])"
            )
        lines += [
            f"@nox.session(name={base!r})",
            f"def {base.replace('-', '_')}(session{', package' if ids else ''}):",
            f'    """{base}."""',
        ]
    (home / "noxfile.py").write_text("\n".join(lines) + "\n")


def listed(home: Path) -> list[str]:
    """Return the names of all sessions of a noxfile, selected or not."""
    done = subprocess.run(
        [sys.executable, "-m", "nox", "-l"],
        cwd=home,
        env=clean_env(),
        capture_output=True,
        text=True,
        check=True,
    )
    return [line[2:].split(" ")[0] for line in done.stdout.splitlines() if line[:2] in {"* ", "- "}]


def start_up(scratch: Path, packages: int, runs: int) -> None:
    """Compare `nox -l` with and without the library."""
    ours, bare = scratch / "ours", scratch / "plain"
    workspace(ours, packages)
    sessions = listed(ours)
    plain(bare, sessions)
    if sorted(listed(bare)) != sorted(sessions):
        sys.exit("the plain noxfile has other sessions")
    argv = [sys.executable, "-m", "nox", "-l"]
    found = in_turn(
        [
            Command(name="plain noxfile", argv=argv, cwd=bare, env=clean_env()),
            Command(name="tradai_tasks.register()", argv=argv, cwd=ours, env=clean_env()),
        ],
        runs,
    )
    show(f"nox -l, {packages} packages, {len(sessions)} sessions", found, "plain noxfile")


def processor_seconds(commands: Iterable[Command]) -> float:
    """Run commands and return the user and system time of all their processes, in seconds."""
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    for command in commands:
        seconds(command)
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    return after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime


def small_tests(scratch: Path, packages: int, runs: int) -> None:
    """Compare the processor time of small tests under `nox -j 2` with that of pytest alone."""
    home = scratch / f"tests-{packages}"
    workspace(home, packages)
    with (home / "pyproject.toml").open("a") as file:
        file.write('\n[dependency-groups]\ndev = ["pytest", "pytest-cov"]\n')
    (home / ".gitignore").write_text(".nox/\nbuild/\n__pycache__/\n")
    subprocess.run(["git", "init", "--quiet"], cwd=home, check=True)
    env = {**clean_env(), "TRADAI_TASKS_CACHE": str(scratch / f"cache-{packages}")}
    nox = [sys.executable, "-m", "nox"]
    subprocess.run([*nox, "-s", "lock"], cwd=home, env=env, check=True, capture_output=True)
    names = [f"package-{number * packages // 12:03}" for number in range(12)]
    reports = [f"--cov-report={kind}:{scratch}/report" for kind in ("xml", "json")]
    measured = [*reports, "--cov-report=term-missing:skip-covered", f"--junit-xml={scratch}/junit"]

    def alone(name: str, *more: str) -> Command:
        python = str(home / ".nox" / f"test-{name}" / "bin" / "python")
        argv = [python, "-m", "pytest", *more, "tests"]
        return Command(name=name, argv=argv, cwd=home / "packages" / name, env=env)

    def ours(*words: str, **variables: str) -> list[Command]:
        argv = [*nox, "-j", "2", "-s", *(f"test({name})" for name in names), *words]
        return [Command(name="nox -j 2", argv=argv, cwd=home, env={**env, **variables})]

    ways = {
        "pytest alone, with the same reports": [
            alone(one, "--cov=src", *measured) for one in names
        ],
        "pytest alone": [alone(name) for name in names],
        "nox -j 2, all is run": ours(TRADAI_TASKS_REPLAY="never"),
        "nox -j 2, all is run and recorded": ours("--", "--fresh"),
        "nox -j 2, nothing has changed": ours(),
    }
    processor_seconds(ours())  # makes the environments
    found: dict[str, list[float]] = {way: [] for way in ways}
    for _ in range(runs):
        for way, commands in ways.items():
            found[way].append(processor_seconds(commands))
    show(f"12 small tests of {packages} packages, processor time", found, next(iter(ways)))


SCRIPT = """#!/bin/sh
set -e
uv sync --quiet --locked --all-packages --all-extras --all-groups
. .venv/bin/activate
ruff check .
ruff format --check .
mypy --namespace-packages --explicit-package-bases {libraries}
for package in {packages}; do
    (cd "$package" && python -m pytest --cov=. --cov-report=xml:/dev/null tests)
done
"""


def check(scratch: Path, runs: int) -> None:
    """Compare `nox -j auto -s check` with a shell script."""
    home = scratch / "tradai-uv"
    ignore = shutil.ignore_patterns(".nox", ".venv", "build", "uv.lock", "__pycache__")
    shutil.copytree(ROOT / "examples" / "tradai-uv", home, ignore=ignore)
    subprocess.run(["git", "init", "--quiet"], cwd=home, check=True)
    nox = [sys.executable, "-m", "nox"]
    subprocess.run([*nox, "-s", "lock"], cwd=home, env=clean_env(), check=True, capture_output=True)
    members = sorted(p.parent for p in home.glob("*/*/pyproject.toml"))
    tested = [str(m.relative_to(home)) for m in members if (m / "tests").is_dir()]
    sources = [str((m / "src").relative_to(home)) for m in members if (m / "src").is_dir()]
    script = home.parent / "check.sh"
    script.write_text(SCRIPT.format(libraries=" ".join(sources), packages=" ".join(tested)))
    path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
    search = os.pathsep.join(str(home / source) for source in sources)
    env = {**clean_env(), "PATH": path, "MYPYPATH": search}
    found = in_turn(
        [
            Command(
                name="shell script, one after the other",
                argv=["sh", str(script)],
                cwd=home,
                env=env,
            ),
            Command(
                name="nox -j auto -s check",
                argv=[*nox, "-j", "auto", "-s", "check"],
                cwd=home,
                env=clean_env(),
            ),
        ],
        runs,
    )
    show(
        f"check of examples/tradai-uv, {os.cpu_count()} cores, warm",
        found,
        "shell script, one after the other",
    )


def main() -> None:
    """Run the comparisons."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    parser.add_argument("--runs", type=int, default=5)
    parser.add_argument("--packages", type=int, default=100)
    parser.add_argument("--only", choices=["start-up", "tests", "check"])
    options = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="tradai-benchmark-") as folder:
        scratch = Path(folder).resolve()
        if options.only in {None, "start-up"}:
            start_up(scratch, options.packages, options.runs)
        for packages in (20, 100, 1000) if options.only in {None, "tests"} else ():
            small_tests(scratch, packages, options.runs)
        if options.only in {None, "check"}:
            check(scratch, options.runs)


if __name__ == "__main__":
    main()
