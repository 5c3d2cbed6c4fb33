"""Replay and a run of everything come to the same, after any sequence of edits.

TRADAI_TASKS_EXAMPLES=25 pytest tests/e2e/results/test_replay_property.py     # 100 workspaces
"""

from __future__ import annotations

import json
import os
import random
import re
import shutil
import sys
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from xml.etree import ElementTree as ET

import nox
import pytest
from nox import _cli

from tests.support import pythons
from tests.support.examples import examples
from tests.support.real import NOXFILE, git, write
from tests.support.real import nox as run_nox
from tests.support.replay_shop import Shop
from tests.support.replay_ways import BASE, CODE, TESTS

_MEMBER = """\
[project]
name = "{name}"
version = "0.1.0"
requires-python = ">={python}"
dependencies = [{needs}]

[dependency-groups]
dev = ["pytest==9.2.0", "pytest-cov==7.1.0"]

[build-system]
requires = ["uv_build>=0.9,<1"]
build-backend = "uv_build"

[tool.uv.build-backend]
module-name = "{name}"

[tool.uv.sources]
base = {{ workspace = true }}
"""
_SETTINGS = """
[tool.uv.workspace]
members = ["libs/*"]

[tool.coverage.run]
branch = {branch}

[tool.tradai-tasks.test]
floor = 0

[tool.tradai-tasks.results]
replay = "auto"
store = "../store"
"""
_EDITS = 4  # of a workspace; after each everything is compared


@dataclass(frozen=True)
class Outcome:
    """What a run came to."""

    tests: Mapping[str, str]
    covered: Mapping[str, tuple[Any, ...]]  # path -> executed and missing lines and branches
    replayed: int
    text: str


class Yard:
    """A workspace with an environment, in which one generated shop after the other stands."""

    def __init__(self, home: Path, python: str) -> None:
        self.home = home
        write(home, {
            "pyproject.toml": _SETTINGS.format(branch="false"),
            "noxfile.py": NOXFILE,
            ".gitignore": ".nox/\nuv.lock\nbuild/\n__pycache__/\n",
            ".python-version": f"{python}\n",
            "libs/base/pyproject.toml": _MEMBER.format(name="base", python=python, needs=""),
            "libs/shop/pyproject.toml": _MEMBER.format(name="shop", python=python, needs='"base"'),
            f"{BASE}/__init__.py": "",
            f"{CODE}/__init__.py": "",
            f"{TESTS}/test_it.py": "def test_it() -> None: ...\n",
        })  # fmt: skip
        git(home, "init", "-q", "-b", "work")
        for session in ("lock", "test(shop)"):
            made = run_nox(home, "-s", session)
            assert made.status == 0, made.text

    def clear(self, *, branches: bool) -> None:
        """Remove the shop and all results."""
        for folder in ("libs/shop/src", "libs/shop/tests", "libs/base/src", "../store"):
            shutil.rmtree(self.home / folder, ignore_errors=True)
        settings = _SETTINGS.format(branch=str(branches).lower())
        write(self.home, {"pyproject.toml": settings})

    def put(self, files: Mapping[str, str]) -> None:
        """Let there be these files and no others."""
        wanted = {f"{BASE}/__init__.py": "", f"{CODE}/__init__.py": "LEVEL = 0\n", **files}
        for top in ("libs/shop/src", "libs/shop/tests", "libs/base/src"):
            for file in sorted((self.home / top).rglob("*"), reverse=True):
                is_left = file.relative_to(self.home).as_posix() not in wanted
                if file.is_dir() and not any(file.iterdir()):
                    file.rmdir()
                elif file.is_file() and is_left and file.suffix != ".pyc":
                    file.unlink()
        for path, text in wanted.items():
            file = self.home / path
            if not file.is_file() or file.read_text() != text:
                write(self.home, {path: text})
        time.sleep(0.2)  # what is written while the tests run is no input that can be kept

    def test(
        self,
        patch: pytest.MonkeyPatch,
        capfd: pytest.CaptureFixture[str],
        variables: Mapping[str, str],
    ) -> Outcome:
        """Run the tests of shop in the environment that is there."""
        shutil.rmtree(self.home / "build", ignore_errors=True)
        with patch.context() as here:
            for name in [one for one in os.environ if one.startswith(("COV", "PYTEST", "SHOP_"))]:
                here.delenv(name)
            for name in ("CI", "GITHUB_ACTIONS", "NOXSESSION", "PYTHONPATH", "TRADAI_TASKS_REPLAY"):
                here.delenv(name, raising=False)
            for name, value in variables.items():
                here.setenv(name, value)
            here.setattr(sys, "argv", ["nox", "-R", "-s", "test(shop)"])
            here.chdir(self.home)
            nox.registry.reset()
            with pytest.raises(SystemExit):
                _cli.nox_main()
            sys.modules.pop("user_nox_module", None)
        said = capfd.readouterr()
        text = said.out + said.err
        (folder,) = (self.home / "build/reports/test").iterdir()
        cases = ET.parse(folder / "junit.xml").iter("testcase")
        measured = json.loads((folder / "coverage.json").read_text())["files"]
        names = ("executed_lines", "missing_lines", "executed_branches", "missing_branches")
        found = re.search(r"test files: \d+ run, (\d+) unchanged", text)
        return Outcome(
            {
                f"{case.get('classname')}::{case.get('name')}": next(
                    (one.tag for one in case if one.tag != "properties"), "passed"
                )
                for case in cases
            },
            {path: tuple(one.get(name) for name in names) for path, one in measured.items()},
            int(found[1]) if found else 0,
            text,
        )


def _pythons() -> list[str]:
    own = f"{sys.version_info[0]}.{sys.version_info[1]}"
    with_functions = [one for one in pythons.others() if int(one.split(".")[1]) >= 12]
    return [own, *with_functions[-1:]]


@pytest.fixture(scope="module", params=_pythons())
def yard(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Yard]:
    folders = [str(path.parent) for path in pythons.others().values()]
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("PATH", os.pathsep.join([os.environ["PATH"], *folders]))
        yield Yard(tmp_path_factory.mktemp("replay") / "home", request.param)


@pytest.mark.parametrize("seed", range(examples(2)))
def test_replay_and_a_run_of_everything_come_to_the_same(
    yard: Yard,
    seed: int,
    monkeypatch: pytest.MonkeyPatch,
    capfd: pytest.CaptureFixture[str],
) -> None:
    choices = random.Random(seed)
    shop = Shop(choices, count=24)
    yard.clear(branches=choices.random() < 0.5)
    done: list[str] = []
    replayed = 0
    for _ in range(_EDITS + 1):
        yard.put(shop.files())
        replay = yard.test(monkeypatch, capfd, shop.variables)
        full = yard.test(monkeypatch, capfd, {**shop.variables, "TRADAI_TASKS_REPLAY": "never"})
        replayed += replay.replayed
        said = f"{json.dumps(done, indent=1)}\n{replay.text}"
        wrong = {name for name in full.tests if replay.tests.get(name) != full.tests[name]}
        assert not wrong, (wrong, said)
        assert replay.tests.keys() == full.tests.keys(), said
        differs = {
            path: (replay.covered.get(path), full.covered.get(path))
            for path in {*replay.covered, *full.covered}
            if replay.covered.get(path) != full.covered.get(path)
        }
        assert not differs, (differs, said)
        done += [shop.change() for _ in range(choices.randint(1, 3))]
    assert replayed, done
