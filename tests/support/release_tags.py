"""A strategy's repository with a tag to release."""

from __future__ import annotations

from pathlib import Path

from tests.support.real import git, write

PROJECT = '[project]\nname = "momentum"\nversion = "1.0.0"\nrequires-python = ">=3.11"\n'
FILES = {
    "noxfile.py": "import tradai_tasks\n\ntradai_tasks.register()\n",
    "strategies/momentum/pyproject.toml": PROJECT,
    "strategies/momentum/uv.lock": 'version = 1\n[[package]]\nname = "momentum"\n',
    ".gitignore": "build/\n.nox/\n__pycache__/\n",
}
TAG = "momentum-v1.0.0"


def repository(home: Path) -> Path:
    write(home, FILES)
    git(home, "init", "-q", "-b", "main")
    git(home, "add", "-A")
    git(home, "commit", "-qm", "First")
    return home
