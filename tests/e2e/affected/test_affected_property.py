"""Affected selection held against what tests really run, in workspaces made at random."""

from __future__ import annotations

import json
import os
import random
import subprocess
import sys
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

import msgspec
import pytest
from hypothesis import HealthCheck, given, note, settings
from hypothesis import strategies as st

from tests.support.examples import examples
from tests.support.snapshots import graph_of
from tradai_tasks.affected.resolve.model import Member

# Writes which files ran or were read: audit hooks see every module's code, whoever loads it.
RECORDER = """\
import atexit, json, os, sys

ran = set()


def hook(event, arguments):
    if event == "exec":
        code = arguments[0]
        if getattr(code, "co_name", "") == "<module>":
            ran.add(code.co_filename)
    elif event == "open" and str(arguments[0]).endswith(".txt"):
        ran.add(str(arguments[0]))


sys.addaudithook(hook)
atexit.register(lambda: open(os.environ["RAN"], "w").write(json.dumps(sorted(ran))))
"""
LAZY = (
    "import importlib\n_TABLE = {'One': '.one', 'Two': '.two'}\n\n\ndef __getattr__(name):\n"
    "    if name not in _TABLE:\n        raise AttributeError(name)\n"
    "    return importlib.import_module(_TABLE[name], __name__).VALUE\n"
)


@dataclass(kw_only=True)
class Made:
    """A workspace: files by path, members, and the modules that can be imported so far."""

    files: dict[str, str] = field(default_factory=dict)
    members: list[Member] = field(default_factory=list)
    modules: dict[str, list[str]] = field(default_factory=dict)  # member -> dotted names
    lazy: set[str] = field(default_factory=set)  # packages with LAZY
    packages: set[str] = field(default_factory=set)  # names that are packages
    data: set[str] = field(default_factory=set)  # packages with a file words.txt
    plugins: dict[str, str] = field(default_factory=dict)  # member -> its plugin of pytest


def make(choices: random.Random, *, exact: bool) -> Made:
    """Make a workspace; an exact one has but imports that its tests run, unguarded."""
    made = Made()
    made.files["pyproject.toml"] = "[tool.pytest.ini_options]\naddopts = '-q'\n"
    closures: dict[str, set[str]] = {}
    for number in range(choices.randint(2, 4)):
        name = "abcd"[number]
        needs = {other for other in closures if choices.random() < 0.7}
        closures[name] = {name, *needs, *(n for other in needs for n in closures[other])}
        add_member(made, choices, name, closures[name], exact=exact)
    if choices.random() < 0.4:
        some = choices.choice(sorted(made.modules))
        if all(some in closures[name] for name in closures):
            made.files["conftest.py"] = f"import {choices.choice(made.modules[some])}\n"
        else:
            made.files["conftest.py"] = "VALUE = 0\n"
    return made


def add_member(
    made: Made, choices: random.Random, name: str, closure: set[str], *, exact: bool
) -> None:
    path = f"libs/{name}"
    layout = choices.choice(["src", "flat", "namespace"])
    root = path if layout == "flat" else f"{path}/src"
    package = f"ns.{name}" if layout == "namespace" else f"pkg_{name}"
    folder = f"{root}/{package.replace('.', '/')}"
    made.members.append(
        Member(name=name, path=path, source_roots=(root,), closure=frozenset(closure))
    )
    reach = [module for other in sorted(closure) for module in made.modules.get(other, ())]
    own: list[str] = []
    made.modules[name] = own

    def text(at: str, count: int) -> str:
        lines = [
            statement(made, choices, at, choices.choice([*reach, *own]), exact=exact)
            for _ in range(count)
            if reach or own
        ]
        return "".join(lines) + "VALUE = 1\n"

    if choices.random() < 0.3:
        made.files[f"{folder}/words.txt"] = "words\n"
        made.data.add(package)
    is_lazy = choices.random() < 0.3
    made.packages.add(package)
    made.files[f"{folder}/__init__.py"] = LAZY if is_lazy else text(package, choices.randint(0, 1))
    own.append(package)
    if is_lazy:
        made.lazy.add(package)
    for module in ("one", "two"):
        made.files[f"{folder}/{module}.py"] = text(f"{package}.", choices.randint(0, 2))
        own.append(f"{package}.{module}")
    if choices.random() < 0.6:
        if choices.random() < 0.6:
            made.files[f"{folder}/sub/__init__.py"] = text("", choices.randint(0, 1))
            made.packages.add(f"{package}.sub")
            own.append(f"{package}.sub")
        made.files[f"{folder}/sub/leaf.py"] = text("", choices.randint(0, 2))
        own.append(f"{package}.sub.leaf")
    if choices.random() < 0.3:
        add_plugin(made, name, f"{folder}/plugged.py", f"{package}.plugged", text("", 1))
    add_tests(made, choices, path, own, text)
    if not exact:
        add_texts(made, choices, f"{path}/tests", [*reach, *own])


def add_texts(made: Made, choices: random.Random, tests: str, reach: list[str]) -> None:
    """Give a member's tests names in a data file, or an example in a text."""
    if choices.random() < 0.3:
        made.files[f"{tests}/names.json"] = json.dumps([choices.choice(reach)])
        made.files[f"{tests}/test_names.py"] = (
            "import importlib, json, pathlib\n\n\ndef test_names():\n"
            "    file = pathlib.Path(__file__).with_name('names.json')\n"
            "    for name in json.loads(file.read_text()):\n"
            "        importlib.import_module(name)\n"
        )
    if choices.random() < 0.3:
        made.files[f"{tests}/test_example.txt"] = f">>> import {choices.choice(reach)}\n"


def add_plugin(made: Made, name: str, file: str, module: str, text: str) -> None:
    """Give a member a plugin of pytest, as an entry point."""
    made.files[file] = text
    made.plugins[name] = module
    made.members[-1] = msgspec.structs.replace(
        made.members[-1], entry_points=(("pytest11", module),)
    )


def add_tests(
    made: Made, choices: random.Random, path: str, own: list[str], text: Callable[[str, int], str]
) -> None:
    tests = f"{path}/tests"
    prefix = ""
    if choices.random() < 0.5:
        made.files[f"{tests}/__init__.py"] = text("", choices.randint(0, 1))
        prefix = "tests."
    if choices.random() < 0.5:
        made.files[f"{tests}/conftest.py"] = text("", 1)
    if choices.random() < 0.3:
        made.files[f"{path}/conftest.py"] = text("", 1)
    made.files[f"{tests}/helpers.py"] = text("", choices.randint(0, 2))
    plugins = [module for module in own if choices.random() < 0.1 and module not in made.lazy]
    made.files[f"{tests}/test_it.py"] = (
        f"pytest_plugins = {plugins!r}\n"
        + "".join(f"import {module}\n" for module in own)
        + f"import {prefix}helpers\n"
        + text("", 1)
        + "\n\ndef test_it():\n    assert VALUE == 1\n"
    )


def statement(made: Made, choices: random.Random, at: str, target: str, *, exact: bool) -> str:
    """Write one statement in a module of package `at` that imports a module."""
    parent, _, leaf = target.rpartition(".")
    kinds = [
        f"import {target}\n",
        f"import {target} as other\n",
        f"from {target} import __name__ as other\n",
        f"try:\n    import {target}\nexcept ImportError:\n    raise\n",
        f"def now():\n    import {target}\n\n\nnow()\n",
    ]
    if target not in made.lazy or not exact:  # as a value, a lazy module is taken as a whole
        kinds.append(f"import importlib\n\nimportlib.import_module('{target}')\n")
        kinds.append(f"__import__('{target}')\n")
    if parent:
        kinds.append(f"from {parent} import {leaf} as other\n")
    if target not in made.packages:
        kinds.append(f"from {target} import *\n")
    if at.endswith(".") and parent == at[:-1]:
        kinds += [f"from . import {leaf}\n", f"from .{leaf} import VALUE as other\n"]
    if parent in made.lazy and leaf in {"one", "two"}:
        kinds.append(f"from {parent} import {leaf.title()} as other\n")
        kinds.append(f"import {parent}\n\nother = {parent}.{leaf.title()}\n")
    if target in made.lazy and exact:  # under another name it may be handed on
        kinds = [kind for kind in kinds if " as other" not in kind or ".__name__" in kind]
    if target in made.data:
        kinds.append(
            f"import {target}\nimport pathlib\n\n"
            f"pathlib.Path({target}.__file__).with_name('words.txt').read_text()\n"
        )
    if not exact:
        kinds += more_statements(made, target)
    return choices.choice(kinds)


def more_statements(made: Made, target: str) -> list[str]:
    """Return statements that run at times only, or whose effect is not seen exactly."""
    parent, _, leaf = target.rpartition(".")
    kinds = [
        f"from typing import TYPE_CHECKING\n\nif TYPE_CHECKING:\n    import {target}\n",
        f"def later():\n    import {target}\n",
        (
            f"import importlib\nPARTS = {target.split('.')!r}\n"
            "importlib.import_module('.'.join(PARTS))\n"
        ),
        (
            "import importlib\n"
            f"importlib.import_module(bytes.fromhex('{target.encode().hex()}').decode())\n"
        ),
        (
            f"import importlib\nNAMES = []\nNAMES.append('{target}')\n"
            "for NAME in NAMES:\n    importlib.import_module(NAME)\n"
        ),
        (
            f"import importlib\nTABLE = {{'key': '{target.upper()}'}}\n"
            "importlib.import_module(TABLE['key'].lower())\n"
        ),
        f"exec('import {target}')\n",
    ]
    code = f"bytes.fromhex('{target.encode().hex()}').decode()"
    load = "import importlib\n\n\ndef load(name):\n    importlib.import_module(name)\n\n\n"
    kinds += [f"{load}load({code})\n", f"{load}load('{target}')\n"]
    if parent and target not in made.packages:
        kinds += run_by_place(parent, leaf)
    if parent:
        kinds += [
            f"import importlib\nLEAF = '{leaf}'\nimportlib.import_module(f'{parent}.{{LEAF}}')\n",
            f"__import__('{parent}', fromlist=['{leaf}'])\n",
            f"import importlib\nimportlib.import_module('.{leaf}', package='{parent}')\n",
        ]
    if target in made.packages:
        kinds += [
            f"import importlib.resources\nimportlib.resources.files('{target}')\n",
            (
                f"import importlib, pkgutil\nimport {target}\n"
                f"for one in pkgutil.iter_modules({target}.__path__, '{target}.'):\n"
                "    importlib.import_module(one.name)\n"
            ),
        ]
    elif target not in made.lazy:
        kinds.append(
            f"from unittest import mock\n\nmock.patch('{target}.VALUE', 2, create=True).start()\n"
        )
    return kinds


def run_by_place(parent: str, leaf: str) -> list[str]:
    """Return statements that run a module's file from where its package lies."""
    guarded = [
        f"runpy.run_path(pathlib.Path({parent}.__path__[0]) / '{leaf}.py')",
        (
            f"LEAF = pathlib.Path(list({parent}.__path__)[0], '{leaf}.py')\n"
            "    exec(compile(LEAF.read_text(), LEAF, 'exec'), {'__name__': 'x'})"
        ),
        (
            f"for LEAF in pathlib.Path({parent}.__path__[0]).glob('{leaf}.py'):\n"
            "        exec(compile(LEAF.read_text(), LEAF, 'exec'), {'__name__': 'x'})"
        ),
        (
            f"SPEC = PathFinder.find_spec('{leaf}', list({parent}.__path__))\n"
            "    SPEC.loader.exec_module(importlib.util.module_from_spec(SPEC))"
        ),
    ]
    head = f"import importlib.util, pathlib, runpy, {parent}\n"
    head += "from importlib.machinery import PathFinder\n"
    # by itself it has no package, to which its own imports may be relative
    return [f"{head}try:\n    {code}\nexcept ImportError:\n    pass\n" for code in guarded]


def write(home: Path, files: dict[str, str]) -> None:
    for path, text in files.items():
        (home / path).parent.mkdir(parents=True, exist_ok=True)
        (home / path).write_text(text)


def installed(home: Path, made: Made, closure: frozenset[str]) -> list[str]:
    """Return folders with the metadata of members that have entry points."""
    found = []
    for name in sorted(closure & made.plugins.keys()):
        folder = home / ".installed" / name / f"{name}-1.dist-info"
        folder.mkdir(parents=True, exist_ok=True)
        (folder / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {name}\nVersion: 1\n")
        (folder / "entry_points.txt").write_text(f"[pytest11]\n{name} = {made.plugins[name]}\n")
        found.append(str(folder.parent))
    return found


def run(home: Path, made: Made, one: Member, plugins: Path) -> tuple[int, set[str], str]:
    """Run a member's tests as its editable install would; return what ran of the workspace."""
    roots = [root for m in made.members if m.name in one.closure for root in m.source_roots]
    folders = [str(home / root) for root in roots] + installed(home, made, one.closure)
    env = {
        "PATH": os.environ["PATH"],
        "PYTHONDONTWRITEBYTECODE": "1",
        "PYTHONPATH": os.pathsep.join([*folders, str(plugins)]),
        "RAN": str(plugins / "ran.json"),
    }
    argv = [sys.executable, "-m", "pytest", "-q", "-p", "recorder", "-p", "no:cacheprovider"]
    argv += ["-p", "no:hypothesispytest", "-p", "no:cov", "-p", "no:anyio"]
    done = subprocess.run(
        argv, cwd=home / one.path, env=env, capture_output=True, text=True, check=False
    )
    files = {Path(name).resolve() for name in json.loads((plugins / "ran.json").read_text())}
    base = home.resolve()
    ran = {file.relative_to(base).as_posix() for file in files if file.is_relative_to(base)}
    return done.returncode, ran, done.stdout + done.stderr


@pytest.fixture(scope="module")
def plugins(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("plugins")
    (folder / "recorder.py").write_text(RECORDER)
    return folder


def held_against_runs(
    made: Made, home: Path, plugins: Path
) -> dict[str, tuple[set[str], set[str]]]:
    """Return for each Python file the members selected, and those whose tests ran it."""
    write(home, made.files)
    graph = graph_of(made.files, made.members)
    ran: dict[str, set[str]] = {}
    for one in made.members:
        status, files, output = run(home, made, one, plugins)
        assert status == 0, output
        ran[one.name] = files
    found = {}
    for path in made.files:
        if path.endswith((".py", ".txt")):
            selected = set(graph.affected_by([path]))
            found[path] = (selected, {name for name, files in ran.items() if path in files})
    return found


QUICK = settings(
    max_examples=examples(8),
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.function_scoped_fixture],
)


@QUICK
@given(seed=st.integers(0, 2**32))
def test_unguarded_imports_select_exactly_the_members_whose_tests_run_the_file(
    tmp_path_factory: pytest.TempPathFactory, plugins: Path, seed: int
) -> None:
    made = make(random.Random(seed), exact=True)
    home = tmp_path_factory.mktemp("exact")
    note(json.dumps(made.files, indent=1))
    for path, (selected, ran) in held_against_runs(made, home, plugins).items():
        if path.endswith(".py"):
            assert selected == ran, path
        assert selected >= ran, path


@QUICK
@given(seed=st.integers(0, 2**32))
def test_no_member_whose_tests_run_a_file_is_ever_missed(
    tmp_path_factory: pytest.TempPathFactory, plugins: Path, seed: int
) -> None:
    made = make(random.Random(seed), exact=False)
    home = tmp_path_factory.mktemp("any")
    note(json.dumps(made.files, indent=1))
    for path, (selected, ran) in held_against_runs(made, home, plugins).items():
        assert selected >= ran, path


@pytest.mark.parametrize("seed", [1, 2, 3])
def test_a_file_made_to_raise_breaks_the_tests_of_selected_members_alone(
    tmp_path: Path, plugins: Path, seed: int
) -> None:
    choices = random.Random(seed)
    made = make(choices, exact=True)
    write(tmp_path, made.files)
    graph = graph_of(made.files, made.members)
    python = sorted(path for path in made.files if path.endswith(".py"))
    for path in choices.sample(python, 3):
        (tmp_path / path).write_text("raise RuntimeError('broken')\n")
        broken = {m.name for m in made.members if run(tmp_path, made, m, plugins)[0] != 0}
        assert broken == set(graph.affected_by([path])), path
        (tmp_path / path).write_text(made.files[path])
