"""What the sessions cost: start-up on 100 packages, and `check` in parallel.

    uv run python benchmarks/sessions.py [--runs N] [--packages N]

1. `nox -l` on a workspace of 100 packages, against `nox -l` on a plain noxfile with as many
   sessions (target: at most 1.5x).
2. `nox -j auto -s check` in a copy of examples/tradai-uv, against the same tools run one after the
   other by a shell script in one environment, both warm (target: under 1x).
"""

from __future__ import annotations

import argparse
import os
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

from timing import Command, in_turn, show

ROOT = Path(__file__).resolve().parent.parent
NOXFILE = "import tradai_tasks\n\ntradai_tasks.register()\n"
_DROPPED = ("NOX", "VIRTUAL_ENV", "UV_PROJECT_ENVIRONMENT", "UV_PYTHON", "GITHUB_", "CI")


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
        (folder / "tests" / f"test_{module}.py").write_text("def test_answer() -> None: ...\n")


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
    """Run both comparisons."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    parser.add_argument("--runs", type=int, default=5)
    parser.add_argument("--packages", type=int, default=100)
    parser.add_argument("--only", choices=["start-up", "check"])
    options = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="tradai-benchmark-") as folder:
        scratch = Path(folder).resolve()
        if options.only != "check":
            start_up(scratch, options.packages, options.runs)
        if options.only != "start-up":
            check(scratch, options.runs)


if __name__ == "__main__":
    main()
