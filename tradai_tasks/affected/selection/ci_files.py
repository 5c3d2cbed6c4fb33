"""Find the files of `.github/` on which the sessions of CI depend.

Only workflows that run nox do, with the actions, scripts and workflows that they name.
"""

from __future__ import annotations

import posixpath
import re
from collections.abc import Collection, Iterable, Mapping, Sequence
from typing import Protocol

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


class _Files(Protocol):
    def is_file(self, path: str) -> bool: ...

    def read(self, path: str) -> bytes: ...


def files_of_sessions(tree: _Files, files: Collection[str]) -> frozenset[str]:
    """Return the workflows that run nox, and the files that they name.

    Args:
        tree: The repository.
        files: Its files.
    """
    ci = [path for path in files if path.startswith(".github/")]
    by_name: dict[str, list[str]] = {}
    for path in (*ci, *(path for path in files if path.endswith(_SCRIPTS))):
        by_name.setdefault(posixpath.basename(path), []).append(path)
    runners = [word for file, word in _RUNNERS.items() if _says(tree, file, "nox")]
    runs = re.compile(rf"\b(?:nox|NOX\w*|noxfile|{'|'.join(['tradai-tasks', *runners])})\b")
    found: set[str] = set()
    for path in ci:
        if not path.startswith(_WORKFLOWS):
            continue
        reached = {path: None}
        queue = [path]
        is_ours = is_elsewhere = False
        for one in queue:
            text = tree.read(one).decode("utf-8", "replace")
            is_ours |= bool(runs.search(text))
            is_elsewhere |= bool(_ELSEWHERE.search(text))
            named = dict.fromkeys(_PATH.findall(text))
            new = [p for name in named for p in _meant(name, ci, by_name) if p not in reached]
            reached |= dict.fromkeys(new)
            queue += dict.fromkeys(new)
        if is_ours:
            found.update(reached)
        elif is_elsewhere:  # a workflow of another repository may run nox, but none of these
            found.update(one for one in reached if one.startswith(_WORKFLOWS))
    return frozenset(found)


def _meant(name: str, ci: Iterable[str], by_name: Mapping[str, Sequence[str]]) -> list[str]:
    """Return the files that a path in a workflow may mean: a script, or an action's folder."""
    name = name.lstrip("./").rstrip("/")
    if name.startswith("github/"):  # the dot is gone
        name = f".{name}"
    named = by_name.get(posixpath.basename(name), ())
    found = [path for path in named if f"/{path}".endswith(f"/{name}")]
    return found + [path for path in ci if "/" in name and path.startswith(f"{name}/")]


def _says(tree: _Files, file: str, word: str) -> bool:
    return tree.is_file(file) and word.encode() in tree.read(file)
