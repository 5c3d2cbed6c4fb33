"""Which Python is asked for, and whether an environment has it."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.support.project import DictTree, found, pyproject
from tradai_tasks.checks.pythons import (
    Interpreter,
    answers,
    interpreter_of,
    own_interpreter,
    python_for,
)

CPYTHON = Interpreter(name="cpython", release=(3, 12, 1))
THREADED = Interpreter(name="cpython", release=(3, 13, 0), free_threaded=True)
PYPY = Interpreter(name="pypy", release=(3, 10, 14))


@pytest.mark.parametrize(
    ("made", "request_", "expected"),
    [
        (CPYTHON, "3.12", True),
        (CPYTHON, "3.12.1", True),
        (CPYTHON, "3", True),
        (CPYTHON, "python3.12", True),
        (CPYTHON, "cpython3.12", True),
        (CPYTHON, ">=3.12", True),
        (CPYTHON, "3.1", False),
        (CPYTHON, "3.12.2", False),
        (CPYTHON, "3.13", False),
        (CPYTHON, "3.12t", False),
        (CPYTHON, "pypy3.12", False),
        (CPYTHON, ">=3.13", False),
        (THREADED, "3.13t", True),
        (THREADED, "3.13", False),
        (PYPY, "pypy3.10", True),
        (PYPY, "pypy-3.10", True),
        (PYPY, "3.10", False),
        (CPYTHON, "/usr/bin/python3.12", None),
        (CPYTHON, "python", None),
    ],
)
def test_an_interpreter_is_held_against_what_was_asked_for(
    made: Interpreter, request_: str, expected: bool | None
) -> None:
    assert answers(made, request_, CPYTHON) is expected


def test_without_a_request_it_is_the_one_that_runs_nox() -> None:
    assert answers(CPYTHON, None, CPYTHON) is True
    assert answers(CPYTHON, None, own_interpreter()) is (own_interpreter() == CPYTHON)
    assert answers(CPYTHON, None, THREADED) is False


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("home = /x\nimplementation = CPython\nuv = 0.9\nversion_info = 3.12.1\n", CPYTHON),
        ("home = /x\nversion = 3.12.1\n", CPYTHON),
        ("implementation = PyPy\nversion_info = 3.10.14\n", PYPY),
        (
            "version_info = 3.14.0rc2\n",
            Interpreter(name="cpython", release=(3, 14, 0)),
        ),
        ("home = /x\n", None),
        ("", None),
    ],
)
def test_an_environment_states_its_interpreter(
    tmp_path: Path, text: str, expected: Interpreter | None
) -> None:
    assert interpreter_of(tmp_path) is None
    (tmp_path / "pyvenv.cfg").write_text(text)
    assert interpreter_of(tmp_path) == expected


def test_a_free_threaded_one_is_known_by_its_library(tmp_path: Path) -> None:
    (tmp_path / "pyvenv.cfg").write_text("version_info = 3.13.0\n")
    (tmp_path / "lib/python3.13t").mkdir(parents=True)
    assert interpreter_of(tmp_path) == THREADED
    assert str(THREADED) == "Python 3.13.0t"
    assert str(PYPY) == "pypy 3.10.14"


@pytest.mark.parametrize(
    ("requires", "pinned", "expected"),
    [
        (">=3.11", None, None),
        (">=3.11", "3.11", None),
        (">=3.11", "3.11.2", None),
        (">=3.11", "3.12", "3.12"),
        (">=3.11", "3.12.1\n", "3.12"),
        (">=3.11", "3.10", None),
        (">=3.12", "3.11", "3.12"),
        (">=3.12", "3.13", "3.13"),
        (">=3.12", None, "3.12"),
        (">=3.11", "pypy3.10", None),
    ],
)
def test_the_pinned_python_comes_before_the_one_that_runs_nox(
    requires: str, pinned: str | None, expected: str | None
) -> None:
    files = {"pyproject.toml": pyproject("own", f'requires-python = "{requires}"\n')}
    tree = DictTree({**files, **({".python-version": pinned} if pinned else {})})
    assert python_for(tree, found(tree).packages, "3.11.7") == expected
