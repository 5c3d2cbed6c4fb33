"""A package and a uv.lock of it, built from dicts."""

from __future__ import annotations

from typing import Any

from tests.support.lock_text import lock_text
from tests.support.trees import found, project
from tradai_tasks.workspace.discovery import Package
from tradai_tasks.workspace.locks import locked_tools as locked
from tradai_tasks.workspace.locks.lock_file import (
    LockFile,
    parse_lock_file,
)


def lock_of(document: dict[str, Any]) -> LockFile:
    return parse_lock_file(lock_text({"version": 1, **document}), "uv.lock")


def app(more: str = "", name: str = "app", path: str = "app") -> Package:
    files = {
        "pyproject.toml": f'[tool.uv.workspace]\nmembers = ["{path}"]\n',
        f"{path}/pyproject.toml": project(name, more),
    }
    return found(files).packages[0]


def place(owner: Any, kind: Any, name: str) -> locked.Place:
    return locked.Place(owner=owner, kind=kind, name=name)
