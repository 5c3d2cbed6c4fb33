from __future__ import annotations

import pytest

from tests.support.snapshots import affected, member
from tradai_tasks.affected.graph.lazy_nodes import path_parts
from tradai_tasks.affected.parse.dotted_names import depth_of, folders_around
from tradai_tasks.affected.resolve.file_table import is_collected

A = member("libs/a")
B = member("libs/b", "a")


@pytest.mark.parametrize(
    ("name", "parts"), [("a", 1), ("a.b.c", 3), (".", 0), ("..", 0), ("..a", 1), (".a.b", 2)]
)
def test_leading_dots_are_no_parts_of_a_name(name: str, parts: int) -> None:
    assert depth_of(name) == parts


def test_the_folders_around_a_folder_end_with_the_root() -> None:
    assert list(folders_around("a/b")) == ["a/b", "a", ""]
    assert list(folders_around("")) == [""]


@pytest.mark.parametrize("path", ["conftest.py", "a/test_x.py", "a/x_test.py"])
def test_what_pytest_imports_by_itself(path: str) -> None:
    assert is_collected(path)
    assert not is_collected(path.replace("test", "tent"))


def test_a_lazy_module_is_reached_through_any_part_of_its_path() -> None:
    assert path_parts(["libs/a/src/a/__init__.py", "x/lazy.py"]) == {
        "libs",
        "a",
        "src",
        "x",
        "lazy",
    }


@pytest.mark.parametrize(
    "text",
    [
        "import runpy\n\nrunpy.run_path('../../a/scripts/job.py')\n",
        "import subprocess, sys\n\nsubprocess.run([sys.executable, 'libs/a/scripts/job.py'])\n",
    ],
)
def test_a_path_in_a_string_leads_to_the_file(text: str) -> None:
    files = {"libs/a/scripts/job.py": "", "libs/b/tests/test_b.py": text}
    assert affected(files, (A, B), "libs/a/scripts/job.py") == {"a", "b"}


def test_a_path_in_a_string_that_is_no_file_leads_nowhere() -> None:
    files = {"libs/a/x.py": "", "libs/b/tests/test_b.py": "PATH = 'scripts/none.py'\n"}
    assert affected(files, (A, B), "libs/a/x.py") == {"a"}


def test_a_stub_that_has_a_getattr_of_its_own_hides_nothing_of_its_module() -> None:
    getter = (
        "import importlib\n_T = {'X': '.x'}\n\n\ndef __getattr__(name):\n"
        "    return importlib.import_module(_T[name], __name__)\n"
    )
    files = {
        "libs/a/src/a/__init__.py": "",
        "libs/a/src/a/x.py": "",
        "libs/b/src/b/__init__.py": "import a.x\n",
        "libs/b/src/b/__init__.pyi": getter,
        "libs/c/src/c.py": "import b\n",
    }
    members = (A, B, member("libs/c", "b", "a"))
    assert affected(files, members, "libs/a/src/a/x.py") == {"a", "b", "c"}


def test_lazy_modules_of_one_name_at_different_depths_are_all_asked() -> None:
    lazy = (
        "import importlib\n_T = {'X': '.x'}\n\n\ndef __getattr__(name):\n"
        "    return importlib.import_module(_T[name], __name__)\n"
    )
    members = (A, member("very/deep/down/d"), member("libs/c", "a", "d"))
    files = {
        "libs/a/src/p/__init__.py": lazy,
        "libs/a/src/p/x.py": "",
        "very/deep/down/d/src/p/__init__.py": "",
        "libs/c/src/c.py": "from p import X\n",
    }
    assert affected(files, members, "libs/a/src/p/x.py") == {"a", "c"}
