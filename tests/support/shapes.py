"""Workspaces of a shape, committed: many packages, each with one module, in a row if asked for."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from tests.support.real import NOXFILE, git, write
from tests.support.trees import project

ROOT = '[tool.uv.workspace]\nmembers = ["libs/*"]\n'


def workspace(
    home: Path, count: int, *, chained: bool = False, more: Mapping[str, str] | None = None
) -> Path:
    """Write and commit packages p0, p1, ..., each needing and importing the one before it.

    Args:
        home: The folder.
        count: How many packages.
        chained: Whether a package needs another at all.
        more: Further files.
    """
    names = [f"p{number}" for number in range(count)]
    files = {
        "pyproject.toml": ROOT,
        "noxfile.py": NOXFILE,
        ".gitignore": ".nox/\n__pycache__/\n",
    }
    lock = f"version = 1\n\n[manifest]\nmembers = {names!r}\n".replace("'", '"')
    for name, needed in zip(names, [None, *names], strict=False):
        needs = needed if chained else None
        text = project(name)
        if needs:
            text = text.replace("\n\n[build", f'\ndependencies = ["{needs}"]\n\n[build')
            text += f"[tool.uv.sources]\n{needs} = {{ workspace = true }}\n"
        files[f"libs/{name}/pyproject.toml"] = text
        files[f"libs/{name}/src/{name}/__init__.py"] = (
            f"import {needs}\n" if needs else "VALUE = 1\n"
        )
        lock += f'\n[[package]]\nname = "{name}"\nversion = "1.0"\n'
        lock += f'source = {{ editable = "libs/{name}" }}\n'
        lock += f'dependencies = [{{ name = "{needs}" }}]\n' if needs else ""
    write(home, {**files, "uv.lock": lock, **(more or {})})
    for words in (["init", "-q", "-b", "main"], ["add", "-A"], ["commit", "-qm", "Shape"]):
        git(home, *words)
    return home
