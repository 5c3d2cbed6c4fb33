"""A repository of three packages, a lambda and a service, and what a change in it affects."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path

from tests.support.real import clean_env, edit, git, write
from tests.support.trees import project
from tradai_tasks.affected.selection.change_analysis import ChangeAnalysis, analyse_change
from tradai_tasks.files.file_tree import DiskTree
from tradai_tasks.repository import read_repository

ROOT = """\
[tool.uv.workspace]
members = ["libs/*"]

[dependency-groups]
dev = ["pytest"]
"""


LOCK = """\
version = 1
requires-python = ">=3.11"

[manifest]
members = ["alone", "app", "base"]

[manifest.dependency-groups]
dev = [{ name = "pytest", specifier = "*" }]

[[package]]
name = "alone"
version = "1.0"
source = { editable = "libs/alone" }
dependencies = [{ name = "six" }]

[[package]]
name = "app"
version = "1.0"
source = { editable = "libs/app" }
dependencies = [{ name = "base" }]

[[package]]
name = "base"
version = "1.0"
source = { editable = "libs/base" }

[[package]]
name = "pytest"
version = "9.0"
source = { registry = "https://index.example/simple" }

[[package]]
name = "six"
version = "1.16"
source = { registry = "https://index.example/simple" }
"""


_NEEDS_BASE = 'version = "1.0"\ndependencies = ["base"]'


def needing_base(name: str) -> str:
    return project(name).replace('version = "1.0"', _NEEDS_BASE)


FILES = {
    "pyproject.toml": ROOT,
    "uv.lock": LOCK,
    ".gitignore": ".cache/\n",
    "libs/base/pyproject.toml": project("base"),
    "libs/base/src/base/__init__.py": "",
    "libs/base/src/base/used.py": "X = 1\n",
    "libs/base/rust/lib.rs": "",
    "libs/base/setup.py": "",
    "libs/base/notes.txt": "",
    "libs/app/pyproject.toml": needing_base("app"),
    "libs/app/src/app/__init__.py": "from base.used import X\n",
    "libs/alone/pyproject.toml": project("alone")
    + '[project.scripts]\nalone = "alone:main"\n[project.entry-points.things]\nx = "alone:x"\n',
    "libs/alone/src/alone/__init__.py": "",
    "lambdas/tick/Dockerfile": "",
    "lambdas/tick/handler.py": "import base.used\n",
    "services/web/Dockerfile": "",
    "docs/index.md": "",
}


def repository(home: Path, files: dict[str, str]) -> Path:
    write(home, files)
    git(home, "init", "-q", "-b", "main")
    commit(home)
    return home


def commit(home: Path) -> str:
    git(home, "add", "-A")
    git(home, "commit", "-q", "--allow-empty", "-m", "A commit")
    return git(home, "rev-parse", "HEAD")


def found(
    home: Path,
    *,
    base: str | None = "HEAD",
    head: str | None = None,
    with_graph: bool = False,
    env: Mapping[str, str] | None = None,
) -> ChangeAnalysis:
    return analyse_change(
        read_repository(home, DiskTree(home)),
        {**clean_env(TRADAI_TASKS_CACHE=str(home / ".cache")), **(env or {})},
        base=base,
        head=head,
        with_graph=with_graph,
    )


def upgrade(dist: str) -> Callable[[Path], None]:
    return lambda home: edit(
        home / "uv.lock", f'name = "{dist}"\nversion = "', f'name = "{dist}"\nversion = "9'
    )


def touch(file: str) -> Callable[[Path], None]:
    def change(home: Path) -> None:
        with (home / file).open("a") as opened:
            opened.write("\n# changed\n")

    return change


def release(name: str) -> Callable[[Path], None]:
    return lambda home: edit(home / f"libs/{name}/pyproject.toml", '"1.0"', '"1.1"')
