"""Hints on projects that uv does not read as they are: of other tools, and outside a workspace."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from typing import Any

from tradai_tasks.errors import TasksError
from tradai_tasks.files.file_tree import Tree, join
from tradai_tasks.settings.load import parse_toml

_DEEPEST = 3  # folders below the root in which projects are looked for
_SKIPPED = frozenset({"node_modules", "build", "dist", "__pycache__", "venv"})


def no_project(tree: Tree, root: Mapping[str, Any]) -> str:
    """Return what to do about a repository without any project that uv knows, in one line."""
    where = "pyproject.toml" if root else "this folder"
    if isinstance(root.get("tool"), Mapping) and "poetry" in root["tool"]:
        return (
            f"{where}: no project found: it is one of Poetry, and uv reads the tables [project] "
            f"and [dependency-groups] instead; move name, version and dependencies there, by hand "
            f"or with: uvx migrate-to-uv"
        )
    found = [*_projects(tree, ".", _DEEPEST)]
    if found:
        line = f"members = {json.dumps(found, ensure_ascii=False)}"
        into = "[tool.tradai-tasks] of pyproject.toml" if root else "tradai-tasks.toml"
        return (
            f"{where}: no project found; there are some below it: to have them as independent "
            f"projects, write this line into {into}: {line}"
        )
    return (
        f"{where}: no project found; add [tool.uv.workspace] or [project] to the root "
        f"pyproject.toml, strategies/*/, or name independent projects in the setting `members`"
    )


def _projects(tree: Tree, folder: str, depth: int) -> Iterator[str]:
    """Yield the folders with a project, or a glob where all folders of one have some."""
    inner = [
        join(folder, name)
        for name in tree.folders(folder)
        if not name.startswith(".") and name not in _SKIPPED
    ]
    own = [path for path in inner if _is_project(tree, path)]
    if len(own) > 1 and folder != "." and own == inner:
        yield join(folder, "*")
    else:
        yield from own
    if depth > 1:
        for path in inner:
            if path not in own:
                yield from _projects(tree, path, depth - 1)


def _is_project(tree: Tree, folder: str) -> bool:
    file = join(folder, "pyproject.toml")
    if not tree.is_file(file):
        return False
    try:
        return "project" in parse_toml(tree.read(file), file)
    except TasksError:
        return False  # it is only a hint


def unread_dependencies(document: Mapping[str, Any], file: str) -> Iterator[str]:
    """Yield a line for each table with development dependencies that uv does not read."""
    tool = document.get("tool", {})
    poetry, pdm, hatch = (_table(tool, name) for name in ("poetry", "pdm", "hatch"))
    tables = [f"tool.poetry.{key}" for key in ("dependencies", "dev-dependencies") if key in poetry]
    tables += [f"tool.poetry.group.{name}" for name in _table(poetry, "group")]
    tables += ["tool.pdm.dev-dependencies"] if _table(pdm, "dev-dependencies") else []
    tables += [
        f"tool.hatch.envs.{name}"
        for name, one in _table(hatch, "envs").items()
        if isinstance(one, Mapping) and {"dependencies", "extra-dependencies"} & one.keys()
    ]
    for name in tables:
        yield (
            f"{file}: uv does not read [{name}]; what sessions need of it, such as pytest, belongs "
            f"into [dependency-groups]: uv add --dev NAME"
        )


def _table(parent: Mapping[str, Any], name: str) -> Mapping[str, Any]:
    found = parent.get(name, {})
    return found if isinstance(found, Mapping) else {}
