"""One answer, whatever is cached: after any sequence of changes to a repository.

TRADAI_TASKS_EXAMPLES=25 pytest tests/e2e/affected/test_cache_property.py     # 500 sequences
"""

from __future__ import annotations

import json
import os
import random
import subprocess
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, note, settings
from hypothesis import strategies as st

from tests.support.answers import NO_CACHE, answer, one_answer
from tests.support.examples import examples
from tests.support.real import clean_env, write
from tests.support.trees import project
from tradai_tasks.vcs import index_stamps as stamps_module

ROOT = '[tool.uv.workspace]\nmembers = ["libs/*"]\n\n[dependency-groups]\ndev = ["pytest"]\n'
SOURCES = "\n[tool.uv.sources]\nbase = { workspace = true }\nlegacy = { path = '../../legacy' }\n"
SCRIPTS = '[project.scripts]\nrun-base = "base.used:main"\n[project.entry-points.of]\nx = "base"\n'


def lock(*, plug: tuple[str, ...] = ("base",), extra: bool = True) -> str:
    """A lock in which `app` needs a third party that needs members in its turn."""
    edges = {
        "app": ["plug"],
        "base": [],
        "far": ["base"],
        "plug": list(plug),
        "six": [],
    }
    text = 'version = 1\n\n[manifest]\nmembers = ["app", "base", "far"]\n'
    for name, needed in edges.items():
        is_member = name in {"app", "base", "far"}
        source = f'editable = "libs/{name}"' if is_member else 'registry = "https://index.example"'
        listed = ", ".join(f'{{ name = "{other}" }}' for other in needed)
        text += f'\n[[package]]\nname = "{name}"\nversion = "1.0"\nsource = {{ {source} }}\n'
        text += f"dependencies = [{listed}]\n"
        if name == "base" and extra:
            text += '[package.optional-dependencies]\nmore = [{ name = "six" }]\n'
    return text


START = {
    "pyproject.toml": ROOT,
    "uv.lock": lock(),
    ".gitignore": "ignored/\n",
    "README.md": "",
    "libs/base/pyproject.toml": project("base", SCRIPTS),
    "libs/base/src/base/__init__.py": "from base.used import X\n",
    "libs/base/src/base/used.py": "X = 1\n",
    "libs/base/src/base/rates.json": '["base.used"]',
    "libs/base/src/ns/one.py": "",
    "libs/base/tests/test_base.py": "import base\n",
    "libs/app/pyproject.toml": project("app", SOURCES),
    "libs/app/src/app/__init__.py": "",
    "libs/app/src/app/mod.py": "import ns.two\n",
    "libs/app/tests/conftest.py": "",
    "libs/far/pyproject.toml": project("far"),
    "libs/far/src/ns/two.py": "from ns import one\n",
    "libs/far/src/far/__init__.py": "import base\n",
    "legacy/pyproject.toml": project("legacy"),
    "legacy/src/legacy/__init__.py": "",
    "services/web/Dockerfile": "COPY libs/base /app/\n",
    "services/web/main.py": "import base.used\n",
    "docs/index.md": ">>> import base.used\n",
}
LAZY = (
    "import importlib\n_T = {'X': '.used', 'Y': '.more'}\n\n\ndef __getattr__(name):\n"
    "    return getattr(importlib.import_module(_T[name], __name__), name)\n"
)
TEXTS = (
    "",
    "X = 1\n",
    "X = 2\n",
    "X = 3\r\n",
    "import base\n",
    "import base as it\n\nit.Y\nuse(it)\n",
    "from base import X\n",
    "from base import *\n",
    "import ns.one, ns.two\n",
    "import far\nimport legacy\n",
    "import importlib\n\n\ndef f(name):\n    importlib.import_module(name)\n",
    "import importlib\n\n\ndef f(name):\n    importlib.import_module(f'base.{name}')\n",
    "from importlib.resources import files\n\nfiles('base')\n",
    "from importlib.metadata import entry_points\n\nentry_points(group='of')\n",
    "import subprocess\n\nsubprocess.run(['run-base'])\n",
    "import sys\n\nsys.path.insert(0, 'tools')\n",
    "pytest_plugins = ['base.used']\n",
    '"""Say.\n\n>>> import base.used\n"""\n',
    "from pathlib import Path\n\nPath(__file__).parents[4] / 'libs' / 'base' / 'src'\n",
    LAZY,
    "def broken(:\n",
    '["far", "base.used"]\n',
)
PATHS = (
    *(path for path in START if path.endswith((".py", ".json", ".md"))),
    "libs/base/src/base/more.py",
    "libs/base/src/base/more.pyi",
    "libs/base/src/base/__init__.pyi",
    "libs/base/src/ns/__init__.py",
    "libs/base/conftest.py",
    "libs/app/tests/test_app.py",
    "libs/app/src/app/data.yaml",
    "libs/far/tests/test_far.py",
    "tools/tool.py",
    "conftest.py",
    "ignored/x.py",
)
SHAPES = (
    ("uv.lock", lock()),
    ("uv.lock", lock(plug=())),
    ("uv.lock", lock(plug=("far",))),
    ("uv.lock", lock(extra=False)),
    ("libs/base/pyproject.toml", project("base")),
    ("libs/base/pyproject.toml", project("base", SCRIPTS)),
    ("libs/app/pyproject.toml", project("app", '[project.optional-dependencies]\nx = ["base"]\n')),
    ("libs/app/pyproject.toml", project("app", SOURCES)),
    ("libs/far/pyproject.toml", project("far", "[tool.pytest.ini_options]\npythonpath = ['x']\n")),
    ("pyproject.toml", ROOT + "[tool.pytest.ini_options]\naddopts = '--doctest-modules'\n"),
    ("pyproject.toml", ROOT),
    (".gitattributes", "* text=auto\n"),
    (".gitattributes", "*.py text eol=crlf\n"),
    (".gitattributes", ""),
    ("services/web/Dockerfile", ""),
)


class Yard:
    """A repository to which anything may happen."""

    def __init__(self, home: Path, choices: random.Random) -> None:
        self.home = home
        self.choices = choices
        self.done: list[str] = []
        write(home, START)
        self.git("init", "-q", "-b", "main")
        self.git("add", "-A")
        self.git("commit", "-q", "-m", "Start")
        self.git("tag", "start")
        self.git("branch", "side")

    def git(self, *args: str) -> str:
        """Run git; what it refuses is not done."""
        env = clean_env()
        done = subprocess.run(
            ["git", *args], cwd=self.home, env=env, capture_output=True, check=False
        )
        self.done.append(" ".join(["git", *args, "" if done.returncode == 0 else "(refused)"]))
        return done.stdout.decode("utf-8", "surrogateescape")

    def change(self) -> None:
        """Do one thing."""
        steps = [self.edit] * 5 + [self.shape] * 2 + [self.delete, self.move, self.flag, self.flag]
        steps += [self.commit, self.commit, self.switch, self.stash, self.mode, self.link]
        steps += [self.index, self.disguise, self.convert, self.pipe]
        self.choices.choice(steps)()

    def edit(self) -> None:
        path, text = self.choices.choice(PATHS), self.choices.choice(TEXTS)
        self._put(path, text)
        self.done.append(f"write {path}: {text!r}")

    def shape(self) -> None:
        path, text = self.choices.choice(SHAPES)
        self._put(path, text)
        self.done.append(f"write {path}: {text!r}")

    def _put(self, path: str, text: str) -> None:
        file = self.home / path
        if any(not p.is_dir() and p.exists() for p in file.parents) or file.is_dir():
            return
        file.parent.mkdir(parents=True, exist_ok=True)
        if file.is_symlink() or not file.is_file():
            file.unlink(missing_ok=True)
        file.write_bytes(text.encode())

    def _some(self) -> Path:
        found = [path for path in PATHS if (self.home / path).is_file()]
        return self.home / self.choices.choice(found or ["README.md"])

    def delete(self) -> None:
        file = self._some()
        file.unlink(missing_ok=True)
        self.done.append(f"delete {file.name}")

    def move(self) -> None:
        file, to = self._some(), self.home / self.choices.choice(PATHS)
        if file.is_file() and to.parent.is_dir() and not to.is_dir():
            file.replace(to)
            self.done.append(f"move {file} {to}")

    def flag(self) -> None:
        flag = self.choices.choice(["assume-unchanged", "skip-worktree"])
        undo = self.choices.choice(["", "no-"])
        path = self.choices.choice([*PATHS, *(path for path, _ in SHAPES)])
        self.git("update-index", f"--{undo}{flag}", path)

    def commit(self) -> None:
        self.git("add", "-A")
        self.git("commit", "-q", "-m", "Change")

    def switch(self) -> None:
        force = self.choices.choice([["-f"], []])
        self.git("checkout", "-q", *force, self.choices.choice(["main", "side", "start"]))

    def stash(self) -> None:
        self.git("stash", *self.choices.choice([["push", "-u", "-q"], ["push", "-q"], ["pop"]]))

    def mode(self) -> None:
        file = self._some()
        if file.is_file():
            file.chmod(self.choices.choice([0o755, 0o644]))
            self.done.append(f"chmod {file.name}")

    def link(self) -> None:
        file = self._some()
        file.unlink(missing_ok=True)
        target = self.choices.choice(["used.py", "../far", "../../../base/src/base", "/nowhere"])
        if file.parent.is_dir():
            file.symlink_to(target)
            self.done.append(f"link {file.name} to {target}")

    def index(self) -> None:
        path = str(self._some().relative_to(self.home))
        how = (["add", path], ["add", "-N", path], ["reset", "-q"], ["rm", "-q", "--cached", path])
        self.git(*self.choices.choice([*how, ["reset", "-q", "--hard", "start"]]))

    def disguise(self) -> None:
        """Change a file such that its size and its time stay."""
        file = self._some()
        if file.is_file() and (text := file.read_bytes()):
            before = file.stat()
            file.write_bytes(text[:-2] + b"3" + text[-1:] if b"=" in text else b"#" + text[1:])
            os.utime(file, ns=(before.st_atime_ns, before.st_mtime_ns))
            self.done.append(f"disguise {file.name}")

    def convert(self) -> None:
        self.git("config", "core.autocrlf", self.choices.choice(["true", "input", "false"]))

    def pipe(self) -> None:
        file = self._some()
        file.unlink(missing_ok=True)
        if file.parent.is_dir():
            os.mkfifo(file)
            self.done.append(f"pipe {file.name}")


@settings(
    max_examples=examples(20),
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.function_scoped_fixture],
)
@given(seed=st.integers(0, 2**32))
def test_the_answer_is_one_after_any_changes(
    tmp_path_factory: pytest.TempPathFactory, seed: int
) -> None:
    choices = random.Random(seed)
    home = tmp_path_factory.mktemp("yard") / "home"
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(stamps_module, "_SETTLED", 10_000_000)  # a few ticks of this system's clock
        yard = Yard(home, choices)
        for _ in range(4):
            for _ in range(choices.randint(1, 4)):
                yard.change()
            base = choices.choice(["HEAD", "HEAD", "start", "main"])
            head = choices.choice([None, None, None, "HEAD", "side"])
            yard.done.append(f"=> base {base}, head {head}")
            try:
                one_answer(home, home.with_name("warm"), base, head)
            except AssertionError:
                note(json.dumps(yard.done, indent=1))
                raise


def test_the_sequences_select_and_err(tmp_path: Path) -> None:
    """Most sequences must come to a selection by the graph, or they would show nothing."""
    seen = []
    for seed in range(12):
        yard = Yard(tmp_path / str(seed), random.Random(seed))
        for _ in range(4):
            yard.change()
        seen.append(answer(yard.home, NO_CACHE, "start"))
    by_graph = [s for s in seen if len(s) == 3 and not s[0].everything and s[0].changed]
    assert len(by_graph) >= 4
