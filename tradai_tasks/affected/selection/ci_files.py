"""Find the files of `.github/` on which the sessions of CI depend.

Only workflows that run nox do, with the actions, scripts and workflows that they name.
"""

from __future__ import annotations

import functools
import posixpath
import re
from collections.abc import Collection, Iterable, Mapping, Sequence

from tradai_tasks.affected.resolve.reachability import reached
from tradai_tasks.files.file_tree import Tree

_WORKFLOWS = ".github/workflows/"
_SCRIPTS = (".bash", ".js", ".py", ".sh")
_PATH = re.compile(r"[\w.-]+(?:/[\w.-]+)*")
_ELSEWHERE = re.compile(r"uses:\s*[\w.-]+/[\w.-]+/\.github/workflows/")  # what it runs is unknown
# What may run nox by itself, where its own file says so.
_RUNNERS: Mapping[str, str] = {
    **dict.fromkeys((".justfile", "Justfile", "justfile"), "just"),
    **dict.fromkeys((".pre-commit-config.yaml", "prek.toml"), "pre-commit|prek"),
    **dict.fromkeys(("GNUmakefile", "Makefile", "makefile"), "make"),
    **dict.fromkeys(("Taskfile.yaml", "Taskfile.yml"), "task"),
    **dict.fromkeys((".mise.toml", "mise.toml"), "mise"),
    "package.json": "npm|pnpm|yarn|bun",
    "pyproject.toml": "poe|hatch|pdm|taskipy",
    "tasks.py": "inv|invoke",
    "tox.ini": "tox",
}


def files_of_sessions(tree: Tree, files: Collection[str]) -> frozenset[str]:
    """Return the workflows that run nox, and the files that they name."""
    ci = [path for path in files if path.startswith(".github/")]
    by_name: dict[str, list[str]] = {}
    for path in (*ci, *(path for path in files if path.endswith(_SCRIPTS))):
        by_name.setdefault(posixpath.basename(path), []).append(path)
    present = [file for file in _RUNNERS if tree.is_file(file)]
    runners = [_RUNNERS[file] for file in present if b"nox" in tree.read(file)]
    runs = re.compile(rf"\b(?:nox|NOX\w*|noxfile|{'|'.join(['tradai-tasks', *runners])})\b")

    @functools.cache
    def text_of(path: str) -> str:
        return tree.read(path).decode("utf-8", "replace")

    @functools.cache
    def named_by(path: str) -> list[str]:
        return [p for name in {*_PATH.findall(text_of(path))} for p in _meant(name, ci, by_name)]

    def workflows_named_by(path: str) -> list[str]:
        return [one for one in named_by(path) if one.startswith(_WORKFLOWS)]

    found: set[str] = set()
    for path in (path for path in ci if path.startswith(_WORKFLOWS)):
        all_of_it = reached([path], named_by)
        called = reached([path], workflows_named_by)
        if any(runs.search(text_of(one)) for one in all_of_it):
            found |= all_of_it
        elif any(_ELSEWHERE.search(text_of(one)) for one in called):
            found |= called  # a workflow of another repository may run nox, but no script of here
    return frozenset(found)


def _meant(name: str, ci: Iterable[str], by_name: Mapping[str, Sequence[str]]) -> list[str]:
    """Return the files that a path in a workflow may mean: a script, or an action's folder."""
    name = name.lstrip("./").rstrip("/")
    if name.startswith("github/"):  # the dot is gone
        name = f".{name}"
    named = by_name.get(posixpath.basename(name), ())
    found = [path for path in named if f"/{path}".endswith(f"/{name}")]
    return found + [path for path in ci if "/" in name and path.startswith(f"{name}/")]
