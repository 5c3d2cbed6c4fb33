"""Lint every workflow of this repository and of its examples, and check that none has drifted.

All checkers run, then any status that is not 0 counts: whoever fixes sees all there is.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
HOMES = (".", "examples/tradai-uv", "examples/tradai-strategies")


def checkers(files: list[str]) -> list[list[str]]:
    """Return the argument list of each checker."""
    return [
        ["zizmor", "--offline", "--quiet", "--no-progress", "--persona=pedantic", *files],
        # the scripts are single commands, whose form a test holds
        ["actionlint", "-no-color", "-shellcheck=", "-pyflakes=", *files],
        ["jactionlint", "--no-color", "--shellcheck=", *files],
        ["check-jsonschema", "--builtin-schema", "vendor.github-workflows", *files],
    ]


def lint(home: str, scratch: Path) -> list[str]:
    """Lint a copy at the top of a repository, where GitHub and the checkers look for it."""
    source = ROOT / home / ".github" / "workflows"
    copy = scratch / home / ".github" / "workflows"
    shutil.copytree(source, copy)
    (scratch / home / ".git").mkdir()
    files = sorted(f".github/workflows/{file.name}" for file in copy.iterdir())
    if not files:
        sys.exit(f"{home}: no workflow found, so there is nothing to lint")
    print(f"{home}: {len(files)} workflows", flush=True)
    return [
        f"{home}: {argv[0]}"
        for argv in checkers(files)
        if subprocess.run(argv, cwd=scratch / home, check=False).returncode
    ]


def drift(home: str, scratch: Path, *, write: bool) -> list[str]:
    """Check that the files are as the library writes them, or write them.

    An example is copied: in its place it is a folder of this repository, and not one of its own.
    """
    source = ROOT / home
    place = source if home == "." else scratch / "copies" / home
    if place != source:
        left = shutil.ignore_patterns(".nox", ".venv", "build", "uv.lock", "__pycache__")
        shutil.copytree(source, place, ignore=left)
    # the nox session that runs this must not choose the sessions of the one below it
    env = {key: value for key, value in os.environ.items() if not key.startswith("NOX")}
    argv = [sys.executable, "-m", "nox", "-s", "workflows", *([] if write else ["--", "--check"])]
    done = subprocess.run(argv, cwd=place, env=env, check=False)
    if write and place != source:
        folder = Path(".github", "workflows")
        shutil.copytree(place / folder, source / folder, dirs_exist_ok=True)
    return [f"{home}: {' '.join(argv[2:])}"] if done.returncode else []


def main() -> None:
    """Check everything, and name what found fault; with --write, write the files first."""
    write = sys.argv[1:] == ["--write"]
    with tempfile.TemporaryDirectory() as folder:
        scratch = Path(folder)
        failed = [fault for home in HOMES for fault in drift(home, scratch, write=write)]
        failed += [fault for home in HOMES for fault in lint(home, scratch / "lint")]
    if failed:
        sys.exit(f"lint_workflows: fault found by {'; '.join(failed)}")


if __name__ == "__main__":
    main()
