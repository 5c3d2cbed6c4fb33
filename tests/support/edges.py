"""A tree of members whose tests are run with a file as it is, and with the file made to raise."""

from __future__ import annotations

import os
import subprocess
import sys
from dataclasses import dataclass, field
from pathlib import Path

from tests.support.answers import one_answer
from tests.support.real import git, write
from tests.support.snapshots import graph_of, member
from tests.support.trees import project
from tradai_tasks.affected.resolve.model import Member

RAISES = "raise RuntimeError('broken')\n"
A = member("libs/a")
B = member("libs/b", "a")


@dataclass(kw_only=True)
class Tree:
    """Files of members `a` and `b`, the latter needing the former, beside what all trees have."""

    why: str
    files: dict[str, str | bytes]
    changed: str = "libs/a/src/a/mod.py"
    args: tuple[str, ...] = ()
    members: tuple[Member, ...] = (A, B)
    broken: str = "b"
    spared: frozenset[str] = field(default_factory=frozenset)  # must not be selected
    installed: dict[str, str] = field(default_factory=dict)  # third parties: git has none of them

    def all_files(self) -> dict[str, str | bytes]:
        """Return the files with those that every tree has."""
        common = {
            "pyproject.toml": "[tool.pytest.ini_options]\n",
            "libs/a/src/a/__init__.py": "",
            "libs/a/src/a/mod.py": "VALUE = 1\n",
            "libs/b/src/b/__init__.py": "",
            "libs/b/tests/test_b.py": "def test_b():\n    assert True\n",
        }
        return common | self.files


def passes(home: Path, tree: Tree) -> tuple[bool, str]:
    """Tell whether the tests of the member pass, run as in an editable install."""
    one = next(m for m in tree.members if m.name == tree.broken)
    roots = [root for m in tree.members if m.name in one.closure for root in m.source_roots]
    roots.append("installed")
    env = {
        "PATH": os.environ["PATH"],
        "PYTHONDONTWRITEBYTECODE": "1",
        "PYTHONPATH": os.pathsep.join(str(home / root) for root in roots),
    }
    argv = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "-p", "no:anyio"]
    argv += ["-p", "no:hypothesispytest", "-p", "no:cov", *tree.args]
    done = subprocess.run(
        argv, cwd=home / one.path, env=env, capture_output=True, text=True, check=False
    )
    return done.returncode == 0, done.stdout + done.stderr


def put(home: Path, files: dict[str, str | bytes]) -> None:
    """Write files, those that are no text too."""
    write(home, {path: text for path, text in files.items() if isinstance(text, str)})
    for path, data in files.items():
        if isinstance(data, bytes):
            (home / path).parent.mkdir(parents=True, exist_ok=True)
            (home / path).write_bytes(data)


def hold(home: Path, tree: Tree) -> None:
    """Run the tests twice, and look whether the member is selected whose tests break.

    By the import graph alone, and as `changes` selects it: without a cache, cold and warm.
    """
    files = tree.all_files()
    put(home, files)
    write(home / "installed", tree.installed)
    good, said = passes(home, tree)
    assert good, said
    whole = (home / tree.changed).read_bytes()
    (home / tree.changed).write_text(RAISES)
    good, said = passes(home, tree)
    assert not good, said
    picked = set(graph_of(files, tree.members).affected_by([tree.changed]))
    assert tree.broken in picked
    assert not tree.spared & picked
    (home / tree.changed).write_bytes(whole)
    picked = picked_by_changes(home, tree)
    assert tree.broken in picked
    assert not tree.spared & picked


def picked_by_changes(home: Path, tree: Tree) -> set[str]:
    """Commit the tree as a uv workspace, change the file, and return the packages selected."""
    write(home, as_workspace(tree))
    git(home, "init", "-q", "-b", "main")
    git(home, "add", "-A")
    git(home, "commit", "-q", "-m", "A tree")
    warm = home.with_name(f"{home.name}-cache")
    one_answer(home, warm)
    (home / tree.changed).write_text(RAISES)
    selection, _, _ = one_answer(home, warm)
    assert not selection.everything
    return set(selection.affected("packages"))


def as_workspace(tree: Tree) -> dict[str, str]:
    """Return the project files and the lock from which the tree's members are found."""
    root = str(tree.all_files()["pyproject.toml"])
    files = {
        "pyproject.toml": f'{root}\n[tool.uv.workspace]\nmembers = ["libs/*"]\n',
        ".gitignore": "installed/\n",
    }
    packages = []
    for one in tree.members:
        tables: dict[str, str] = {}
        for number, (group, target) in enumerate(one.entry_points):
            table = group if group == "scripts" else f'entry-points."{group}"'
            tables[table] = tables.get(table, "") + f'e{number} = "{target}"\n'
        more = "".join(f"[project.{table}]\n{rows}" for table, rows in tables.items())
        files[f"{one.path}/pyproject.toml"] = project(one.name, more)
        needed = sorted(one.closure - {one.name} - {*one.third_party_members})
        packages.append((one.name, f'editable = "{one.path}"', [*needed, f"for-{one.name}"]))
        packages.append(
            (
                f"for-{one.name}",
                'registry = "https://index.example"',
                sorted(one.third_party_members),
            )
        )
    names = ", ".join(f'"{one.name}"' for one in tree.members)
    files["uv.lock"] = f"version = 1\n\n[manifest]\nmembers = [{names}]\n" + "".join(
        f'\n[[package]]\nname = "{name}"\nversion = "1.0"\nsource = {{ {source} }}\n'
        f"dependencies = [{', '.join(f'{{ name = {other!r} }}' for other in needed)}]\n"
        for name, source, needed in packages
    )
    return files


def b_runs(code: str) -> dict[str, str | bytes]:
    """Return a test of `b` with some lines in it, after some imports."""
    head = "import importlib.util, os, runpy, subprocess, sys\nfrom pathlib import Path\nimport a\n"
    lines = "".join(f"    {line}\n" for line in code.strip().split("\n"))
    return {"libs/b/tests/test_b.py": f"{head}\n\ndef test_b():\n{lines}"}
