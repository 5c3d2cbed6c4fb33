"""A small locked workspace for the real tools: three members, each tool in the root's group."""

from __future__ import annotations

import shutil
from pathlib import Path

from tests.support.pyprojects import UV_BUILD, pyproject
from tests.support.real import NOXFILE, nox, write

__all__ = ["member", "small_workspace", "with_lock"]

TOOLS = '"pytest==9.2.0", "pytest-cov==7.1.0", "mypy==2.4.1"'


def member(folder: str, *, more: str = "", build: str = UV_BUILD) -> dict[str, str]:
    """Files of one package in the src layout: its code, and tests of all of it.

    Args:
        folder: Where; its last part is the name.
        more: TOML between the tables [project] and [build-system].
        build: What stands in [build-system], and tables after it.
    """
    name = folder.rpartition("/")[2]
    return {
        f"{folder}/pyproject.toml": pyproject(name, more=more, build=build),
        f"{folder}/src/{name}/__init__.py": "",
        f"{folder}/src/{name}/py.typed": "",
        f"{folder}/src/{name}/core_{name}.py": "def answer() -> int:\n    return 42\n",
        f"{folder}/tests/test_core_{name}.py": f"from {name}.core_{name} import answer\n\n\n"
        "def test_answer() -> None:\n    assert answer() == 42\n",
    }


def small_workspace(home: Path, files: dict[str, str] | None = None) -> Path:
    """Write the workspace, with further files over its own, and lock it."""
    root = '[tool.uv.workspace]\nmembers = ["libs/*", "services/*"]\n\n'
    write(
        home,
        {
            "pyproject.toml": f"{root}[dependency-groups]\ndev = [{TOOLS}]\n",
            "noxfile.py": NOXFILE,
            ".gitignore": ".nox/\nuv.lock\nbuild/\n__pycache__/\n*.egg-info/\n",
            **member("libs/alpha"),
            **member("libs/beta"),
            **member("services/gamma"),
            **(files or {}),
        },
    )
    return with_lock(home)


def with_lock(home: Path) -> Path:
    """Lock every project."""
    result = nox(home, "-s", "lock")
    assert result.status == 0, result.text
    return home


def copied(template: Path, home: Path) -> Path:
    """Copy a locked workspace."""
    shutil.copytree(template, home, ignore=shutil.ignore_patterns(".nox"), dirs_exist_ok=True)
    return home
