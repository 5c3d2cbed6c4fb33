"""What the checks of `doctor` look at, for a repository of files in memory."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from tests.support.project import DictTree, checkout_of, inventory_in, pyproject
from tradai_tasks.doctor.repository import DoctorContext
from tradai_tasks.repository import read_repository

ROOT = '[tool.uv.workspace]\nmembers = ["libs/*"]\n'
LIB = {"libs/a/pyproject.toml": pyproject("a")}


def doctor_context(
    files: Mapping[str, str],
    env: Mapping[str, str] | None = None,
    *,
    root: Path = Path("/nowhere"),
    environments: tuple[str, ...] = (),
) -> DoctorContext:
    tree = DictTree(files)
    return DoctorContext(
        repository=read_repository(root, tree),
        inventory=inventory_in(tree),
        env=env or {},
        uv="uv",
        checkout=lambda: checkout_of(tree),
        environments=environments,
        seconds=5,
    )


def repository(
    files: Mapping[str, str],
    env: Mapping[str, str] | None = None,
    *,
    root: str = ROOT,
    place: Path = Path("/nowhere"),
) -> DoctorContext:
    known = {"PATH": "/nowhere", **(env or {})}
    return doctor_context({"pyproject.toml": root, **LIB, **files}, known, root=place)
