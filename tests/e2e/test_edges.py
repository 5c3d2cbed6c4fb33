"""Edges of uncommon kinds: a file that is made to raise breaks the tests of members selected.

Each tree is real: `b` (and `c`) is run by pytest with the file as it is, and with the file made to
raise. The first run passes and the second does not, so that the selection must hold the member.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from dataclasses import dataclass, field
from pathlib import Path

import pytest
from tests.support.real import clean_env, write
from tests.support.snapshots import graph_of, member

from tradai_tasks.affected.model import Member

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
    write(home, {path: text for path, text in files.items() if isinstance(text, str)})
    for path, data in files.items():
        if isinstance(data, bytes):
            (home / path).parent.mkdir(parents=True, exist_ok=True)
            (home / path).write_bytes(data)


def hold(home: Path, tree: Tree) -> None:
    files = tree.all_files()
    put(home, files)
    good, said = passes(home, tree)
    assert good, said
    (home / tree.changed).write_text(RAISES)
    good, said = passes(home, tree)
    assert not good, said
    selected = set(graph_of(files, tree.members).affected_by([tree.changed]))
    assert tree.broken in selected
    assert not tree.spared & selected


CODE = '"""Say.\n\n>>> import a.mod\n>>> a.mod.VALUE\n1\n"""\n'
NAMES = (
    "import json, pathlib\nfrom importlib import import_module\n\n\ndef load(path):\n"
    "    for name in json.loads(pathlib.Path(path).read_text()):\n        import_module(name)\n"
)
NOTEBOOK = json.dumps(
    {"cells": [{"cell_type": "code", "source": ["import os\n", "from a import (\n", "    mod)\n"]}]}
)
PICKLE = b"\x80\x04\x95\x11\x00\x00\x00\x00\x00\x00\x00\x8c\x05a.mod\x94\x8c\x05VALUE\x94\x93\x94."
TOLD = [
    Tree(
        why="examples in docstrings that --doctest-modules runs",
        files={"libs/b/src/b/told.py": CODE},
        args=("--doctest-modules", "src", "tests"),
    ),
    Tree(
        why="from-imports over several lines of an example",
        files={
            "libs/b/src/b/told.py": (
                '"""Say.\n\n>>> from a import (\n...     mod,\n... )\n>>> mod.VALUE\n1\n"""\n'
            )
        },
        args=("--doctest-modules", "src"),
    ),
    Tree(
        why="text files of tests",
        files={"libs/b/tests/test_told.txt": ">>> import a.mod\n"},
    ),
    Tree(
        why="a glob for doctests in the root's settings",
        files={
            "pyproject.toml": "[tool.pytest.ini_options]\naddopts = '--doctest-glob=*.md'\n",
            "libs/b/README.md": "# b\n\n    >>> from a.mod import VALUE\n",
        },
    ),
    Tree(
        why="a glob for doctests in the member's settings",
        files={
            "libs/b/pytest.ini": "[pytest]\naddopts = --doctest-glob=*.rst\n",
            "libs/b/README.rst": "b\n=\n\n>>> from a.mod import VALUE\n",
        },
    ),
    Tree(
        why="a notebook whose cells a test runs",
        files={
            "libs/b/docs/one.ipynb": NOTEBOOK,
            "libs/b/tests/test_b.py": (
                "import json\nfrom pathlib import Path\n\ntry:\n    import nbformat\n"
                "except ImportError:\n    pass\n\n\ndef test_b():\n"
                "    file = Path(__file__).parents[1] / 'docs' / 'one.ipynb'\n"
                "    for cell in json.loads(file.read_text())['cells']:\n"
                "        exec(''.join(cell['source']))\n"
            ),
        },
    ),
    Tree(
        why="doctest run by a test on another member's module",
        files={
            "libs/a/src/a/told.py": CODE,
            "libs/b/tests/test_b.py": (
                "import doctest\nimport a.told\n\n\ndef test_b():\n"
                "    assert doctest.testmod(a.told).failed == 0\n"
            ),
        },
    ),
    Tree(
        why="names in JSON handed to another member's loader",
        files={
            "libs/c/src/c/__init__.py": NAMES,
            "libs/b/tests/names.json": '["a.mod"]',
            "libs/b/tests/test_b.py": (
                "import c\nfrom pathlib import Path\n\n\ndef test_b():\n"
                "    c.load(Path(__file__).with_name('names.json'))\n"
            ),
        },
        members=(A, member("libs/b", "a", "c"), member("libs/c")),
    ),
    Tree(
        why="names in JSON of a package whose user is tested",
        files={
            "libs/c/src/c/__init__.py": (
                f"{NAMES}\n\nload(pathlib.Path(__file__).with_name('names.json'))\n"
            ),
            "libs/c/src/c/names.json": '["a.mod"]',
            "libs/b/tests/test_b.py": "import c\n\n\ndef test_b():\n    pass\n",
        },
        members=(A, member("libs/b", "a", "c"), member("libs/c", "a")),
    ),
    Tree(
        why="names in TOML",
        files={
            "libs/b/tests/names.toml": "[plugins]\none = 'a.mod:VALUE'\n",
            "libs/b/tests/test_b.py": (
                "import pkgutil, tomllib\nfrom pathlib import Path\n\n\ndef test_b():\n"
                "    text = Path(__file__).with_name('names.toml').read_text()\n"
                "    pkgutil.resolve_name(tomllib.loads(text)['plugins']['one'])\n"
            ),
        },
    ),
    Tree(
        why="a class in the configuration of logging",
        files={
            "libs/a/src/a/mod.py": "import logging\n\n\nclass H(logging.NullHandler): ...\n",
            "libs/b/tests/logging.ini": (
                "[loggers]\nkeys=root\n[handlers]\nkeys=h\n[formatters]\nkeys=\n"
                "[logger_root]\nhandlers=h\n[handler_h]\nclass=a.mod.H\nargs=()\n"
            ),
            "libs/b/tests/test_b.py": (
                "import logging.config\nfrom pathlib import Path\n\n\ndef test_b():\n"
                "    logging.config.fileConfig(Path(__file__).with_name('logging.ini'))\n"
            ),
        },
    ),
    Tree(
        why="a pickle with a name of a module",
        files={
            "libs/b/tests/one.pkl": PICKLE,
            "libs/b/tests/test_b.py": (
                "import pickle\nfrom pathlib import Path\n\n\ndef test_b():\n"
                "    assert pickle.loads(Path(__file__).with_name('one.pkl').read_bytes()) == 1\n"
            ),
        },
    ),
]


@pytest.mark.parametrize("tree", TOLD, ids=lambda tree: tree.why)
def test_names_in_texts_that_are_no_code(tmp_path: Path, tree: Tree) -> None:
    hold(tmp_path, tree)


def test_examples_of_a_module_are_none_of_its_importers_business(tmp_path: Path) -> None:
    tree = Tree(
        why="",
        files={"libs/b/src/b/told.py": CODE, "libs/c/src/c.py": "import b.told\n"},
        args=("--doctest-modules", "src"),
        members=(A, B, member("libs/c", "b", "a")),
        spared=frozenset({"c"}),
    )
    hold(tmp_path, tree)


PROJECT = """\
[project]
name = "{name}"
version = "1.0"
requires-python = ">=3.11"
{rest}
[build-system]
requires = ["uv_build>=0.9,<1"]
build-backend = "uv_build"
"""
NEEDS_A = 'dependencies = ["a"]\n\n[tool.uv.sources]\na = { workspace = true }\n'
STARTS = "import {module}\n\n\ndef test_b():\n    assert {call}\n"


@pytest.mark.parametrize(
    "test",
    [
        STARTS.format(module="subprocess", call="subprocess.run(['a-cli']).returncode == 0"),
        STARTS.format(module="subprocess", call="subprocess.call('a-cli --now', shell=True) == 0"),
        STARTS.format(
            module="subprocess, sysconfig",
            call="subprocess.call([f'{sysconfig.get_path(\"scripts\")}/a-cli']) == 0",
        ),
        STARTS.format(module="os", call="os.system('a-cli') == 0"),
    ],
)
def test_commands_that_another_member_installs(tmp_path: Path, test: str) -> None:
    scripts = '\n[project.scripts]\na-cli = "a.mod:run"\n'
    files = {
        "pyproject.toml": '[tool.uv.workspace]\nmembers = ["libs/*"]\n\n'
        '[dependency-groups]\ndev = ["pytest"]\n',
        "libs/a/pyproject.toml": PROJECT.format(name="a", rest=scripts),
        "libs/a/src/a/__init__.py": "",
        "libs/a/src/a/mod.py": "def run():\n    pass\n",
        "libs/a/src/a/other.py": "",
        "libs/b/pyproject.toml": PROJECT.format(name="b", rest=NEEDS_A),
        "libs/b/src/b/__init__.py": "",
        "libs/b/tests/test_b.py": test,
    }
    write(tmp_path, files)
    env = clean_env()
    sync = ["uv", "sync", "--quiet", "--all-packages"]
    subprocess.run(sync, cwd=tmp_path, env=env, check=True, capture_output=True)
    env["PATH"] = os.pathsep.join([str(tmp_path / ".venv" / "bin"), env["PATH"]])
    pytest_b = ["python", "-m", "pytest", "-q", "libs/b"]
    assert subprocess.run(pytest_b, cwd=tmp_path, env=env, check=False).returncode == 0
    (tmp_path / "libs/a/src/a/mod.py").write_text(RAISES)
    assert subprocess.run(pytest_b, cwd=tmp_path, env=env, check=False).returncode == 1
    members = (member("libs/a", scripts=[("a-cli", "a.mod:run")]), B)
    graph = graph_of(files, members)
    assert set(graph.affected_by(["libs/a/src/a/mod.py"])) == {"a", "b"}
    assert set(graph.affected_by(["libs/a/src/a/other.py"])) == {"a"}
