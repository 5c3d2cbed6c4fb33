"""Modules that are named where there is no Python: in commands for a shell, scripts, templates."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.support.edges import Tree, hold
from tests.support.snapshots import graph_of, member

RUN = """\
import os
import subprocess
import sys
from pathlib import Path

HERE = Path(__file__).parent
ENV = {**os.environ, "PYTHON": sys.executable}


def test_b():
"""
SCRIPT = '    subprocess.run(["bash", str(HERE / "run.sh")], cwd=HERE, env=ENV, check=True)\n'
# What serves an application that a word of a command names.
SERVE = """\
import sys
from importlib import import_module

module, _, name = sys.argv[1].partition(":")
getattr(import_module(module), name)
"""
COMMANDS = [
    (
        "code in a command for a shell",
        f"""{RUN}    subprocess.run("python -c 'import a.mod'", shell=True, check=True)\n""",
        {},
    ),
    (
        "code in quotes that are escaped",
        f'{RUN}    assert os.system("python -c \\"from a import mod\\"") == 0\n',
        {},
    ),
    (
        "what serves an application",
        f'{RUN}    subprocess.run("python -m serve a.mod:VALUE", shell=True, check=True)\n',
        {},
    ),
    ("a script that runs a module", RUN + SCRIPT, {"run.sh": '"$PYTHON" -m a.mod\n'}),
    ("a script with code", RUN + SCRIPT, {"run.sh": "\"$PYTHON\" -c 'from a import mod'\n"}),
    (
        "a script that runs another member's file",
        RUN + SCRIPT,
        {"run.sh": '"$PYTHON" ../../a/src/a/mod.py\n'},
    ),
    (
        "a template that becomes code",
        f"{RUN}    text = (HERE / 'x.py.j2').read_text()\n    exec(text.replace('[[x]]', '1'))\n",
        {"x.py.j2": "from a.mod import VALUE\nassert VALUE == [[x]]\n"},
    ),
    (
        "a variable of the environment in a file",
        (
            f"{RUN}    from importlib import import_module\n"
            "    import_module((HERE / '.env').read_text().partition('=')[2].strip())\n"
        ),
        {".env": "SETTINGS=a.mod\n"},
    ),
]


@pytest.mark.parametrize(("why", "test", "files"), COMMANDS, ids=[why for why, *_ in COMMANDS])
def test_names_in_commands_and_scripts(
    tmp_path: Path, why: str, test: str, files: dict[str, str]
) -> None:
    del why
    tree = Tree(
        why="",
        files={
            "libs/b/tests/test_b.py": test,
            **{f"libs/b/tests/{name}": text for name, text in files.items()},
        },
        installed={"serve.py": SERVE},
    )
    hold(tmp_path, tree)


@pytest.mark.parametrize(
    ("file", "text"),
    [
        ("pyproject.toml", '[tool.pytest.ini_options]\nenv = ["APP_SETTINGS=a.mod"]\n'),
        ("pytest.ini", "[pytest]\nenv =\n    APP_SETTINGS=a.mod:VALUE\n"),
        ("pyproject.toml", '[tool.pytest_env]\nAPP_SETTINGS = "a.mod"\n'),
    ],
)
def test_names_in_variables_that_settings_of_tests_set(file: str, text: str) -> None:
    files = {"libs/a/src/a/mod.py": "", f"libs/b/{file}": text, "libs/b/tests/test_b.py": ""}
    graph = graph_of(files, (member("libs/a"), member("libs/b", "a")))
    assert set(graph.affected_by(["libs/a/src/a/mod.py"])) == {"a", "b"}


@pytest.mark.parametrize(
    ("file", "text"),
    [
        ("Makefile", "run:\n\tpython -m a.mod\n"),
        ("justfile", "run:\n    python ../a/src/a/mod.py\n"),
        ("tools.mk", "run:\n\tpython -c 'from a import mod'\n"),
        (".flaskenv", "FLASK_APP=a.mod:app\n"),
        ("src/b.pth", "import a.mod\n"),
        ("src/b/fast.pyx", "from a.mod import VALUE\n"),
    ],
)
def test_names_in_recipes_and_in_code_of_other_kinds(file: str, text: str) -> None:
    files = {"libs/a/src/a/mod.py": "", f"libs/b/{file}": text, "libs/b/tests/test_b.py": ""}
    graph = graph_of(files, (member("libs/a"), member("libs/b", "a")))
    assert set(graph.affected_by(["libs/a/src/a/mod.py"])) == {"a", "b"}


READ = """\
import ast
import os
from glob import glob
from importlib.resources import files
from pathlib import Path

import a

ROOT = Path(__file__).parents[3]


def test_b():
    for path in map(Path, {listing}):
        for node in ast.walk(ast.parse(path.read_text())):
            assert not isinstance(node, ast.Raise)
"""


@pytest.mark.parametrize(
    "listing",
    [
        '(ROOT / "libs").rglob("*.py")',
        '(ROOT / "libs").glob("*/src/**/*.py")',
        'glob("../a/src/**/*.py", recursive=True)',
        'Path(a.__file__).parent.glob("*.py")',
        '(x.path for x in os.scandir(a.__path__[0]) if x.name.endswith(".py"))',
        '(x for x in files("a").iterdir() if x.name.endswith(".py"))',
    ],
)
def test_a_test_that_reads_the_modules_of_others(tmp_path: Path, listing: str) -> None:
    tree = Tree(
        why="",
        files={
            "libs/b/tests/test_b.py": READ.format(listing=listing),
            "libs/c/src/c.py": "import b\n",
        },
        members=(member("libs/a"), member("libs/b", "a"), member("libs/c", "b")),
        spared=frozenset({"c"}),
    )
    hold(tmp_path, tree)
