"""Edges of uncommon kinds: a file that is made to raise breaks the tests of members selected.

Each tree is real: `b` (and `c`) is run by pytest with the file as it is, and with the file made to
raise. The first run passes and the second does not, so that the selection must hold the member.
"""

from __future__ import annotations

import json
import os
import subprocess
from pathlib import Path

import pytest

from tests.support.edges import RAISES, A, B, Tree, b_runs, hold
from tests.support.real import clean_env, write
from tests.support.snapshots import graph_of, member

CODE = '"""Say.\n\n>>> import a.mod\n>>> a.mod.VALUE\n1\n"""\n'
NAMES = (
    "import json, pathlib\nfrom importlib import import_module\n\n\ndef load(path):\n"
    "    for name in json.loads(pathlib.Path(path).read_text()):\n        import_module(name)\n"
)
NOTEBOOK = json.dumps(
    {"cells": [{"cell_type": "code", "source": ["import os\n", "from a import (\n", "    mod)\n"]}]}
)
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
        STARTS.format(module="os", call="os.system('cd . && a-cli') == 0"),
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


OF_OTHERS = [
    ("pytest.main of a path", "import pytest\nassert pytest.main(['../a/tests']) == 0"),
    (
        "pytest.main of a computed path",
        "import pytest\nassert pytest.main([str(Path(__file__).parents[2] / 'a')]) == 0",
    ),
    (
        "a command in another member",
        (
            "where = Path(__file__).parents[2] / 'a'\n"
            "subprocess.run([sys.executable, '-m', 'pytest'], cwd=where,\n"
            "    check=True)"
        ),
    ),
    (
        "a command with another member's folder",
        (
            "subprocess.run([sys.executable, '-m', 'unittest', 'discover', '-s', '../a/tests'],\n"
            "    check=True)"
        ),
    ),
    (
        "unittest's discovery",
        (
            "import unittest\nsuite = unittest.TestLoader().discover('../a/tests')\n"
            "assert unittest.TextTestRunner().run(suite).wasSuccessful()"
        ),
    ),
]


@pytest.mark.parametrize(("why", "code"), OF_OTHERS, ids=[why for why, _ in OF_OTHERS])
def test_tests_of_another_member(tmp_path: Path, why: str, code: str) -> None:
    del why
    tree = Tree(
        why="",
        files={
            "libs/a/tests/test_a.py": (
                "import unittest\n\n\nclass TestA(unittest.TestCase):\n"
                "    def test_a(self):\n        pass\n"
            ),
            **b_runs(code),
        },
        changed="libs/a/tests/test_a.py",
    )
    hold(tmp_path, tree)


LISTED = [
    "assert '1' in ''.join(p.read_text() for p in (ROOT / 'libs').glob('*/words.md'))",
    (
        "for root, _, names in os.walk(ROOT / 'libs'):\n"
        "    for name in names:\n"
        "        assert name != 'words.md' or '1' in Path(root, name).read_text()"
    ),
]


@pytest.mark.parametrize("code", LISTED)
def test_data_of_others_that_is_listed_from_a_folder_around_them(tmp_path: Path, code: str) -> None:
    tree = Tree(
        why="",
        files={
            "libs/a/words.md": "1",
            **b_runs(f"ROOT = Path(__file__).parents[3]\n{code}"),
            "libs/c/src/c.py": "import b\n",
        },
        changed="libs/a/words.md",
        members=(A, B, member("libs/c", "b")),
        spared=frozenset({"c"}),
    )
    hold(tmp_path, tree)


OF_NONE = [
    ("docs/x.md", "assert '1' in (ROOT / 'docs' / 'x.md').read_text()"),
    ("docs/x.md", "assert '1' in ''.join(p.read_text() for p in (ROOT / 'docs').glob('*.md'))"),
    (
        "CHANGES.md",
        "assert [1 for p in ROOT.iterdir()]\nassert '1' in (ROOT / 'CHANGES.md').read_text()",
    ),
    ("infra/x.yaml", "assert '1' in (ROOT / 'infra/x.yaml').read_text()"),
]


@pytest.mark.parametrize(("changed", "code"), OF_NONE)
def test_data_that_belongs_to_no_member_and_affects_not_everything(
    tmp_path: Path, changed: str, code: str
) -> None:
    files = {changed: "1", **b_runs(f"ROOT = Path(__file__).parents[3]\n{code}")}
    hold(tmp_path, Tree(why="", files=files, changed=changed))
