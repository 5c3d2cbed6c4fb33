"""Edges of imports, from a changed module to the members that load it."""

from __future__ import annotations

import pytest

from tests.support.snapshots import affected, member
from tests.support.three_members import ALL, PACKAGE, X


def by_b(text: str, *changed: str, **more: str) -> set[str]:
    """Who is affected when module `b.m` has a text."""
    files = {**PACKAGE, "libs/b/src/b/m.py": text, **more}
    return affected(files, ALL, *(changed or (X,)))


@pytest.mark.parametrize(
    "text",
    [
        "import a.x\n",
        "import a.x as other\n",
        "from a import x\n",
        "from a import x as other\n",
        "from a import (\n    y,\n    x,\n)\n",
        "from a.x import VALUE\n",
        "from a.x import *\n",
        "from a import *\n",
        "def late():\n    if True:\n        from a.x import VALUE\n        return VALUE\n",
        "from typing import TYPE_CHECKING\n\nif TYPE_CHECKING:\n    from a.x import VALUE\n",
        "try:\n    import a.x\nexcept ImportError:\n    pass\n",
        "import importlib\n\nmodule = importlib.import_module('a.x')\n",
        "from unittest import mock\n\nmock.patch('a.x.VALUE')\n",
        "TARGET = 'a.x:VALUE'\n",
        "import importlib\n\n\ndef of(name):\n    return importlib.import_module(f'a.{name}')\n",
    ],
)
def test_every_way_to_import_a_module_is_an_edge(text: str) -> None:
    assert by_b(text) == {"a", "b"}


def test_a_module_that_nobody_imports_affects_its_member_alone() -> None:
    assert by_b("import a.y\n") == {"a"}


def test_the_users_of_users_are_affected_too() -> None:
    files = {
        **PACKAGE,
        "libs/b/src/b/m.py": "import a.x\n",
        "libs/c/tests/test_c.py": "from b import m\n",
    }
    assert affected(files, ALL, X) == {"a", "b", "c"}


@pytest.mark.parametrize("text", ["from .other import it\n", "from . import other\n"])
def test_relative_imports_lead_on_to_other_members(text: str) -> None:
    files = {
        **PACKAGE,
        "libs/b/src/b/other.py": "import a.x\n",
        "libs/b/src/b/m.py": text,
        "libs/c/src/c/m.py": "import b.m\n",
    }
    assert affected(files, ALL, X) == {"a", "b", "c"}


@pytest.mark.parametrize("text", ["from ..other import it\n", "from .. import other\n"])
def test_a_relative_import_goes_up_as_many_packages_as_it_has_dots(text: str) -> None:
    files = {
        **PACKAGE,
        "libs/b/src/b/other.py": "import a.x\n",
        "libs/b/src/b/deep/__init__.py": "",
        "libs/b/src/b/deep/m.py": text,
        "libs/c/src/c/m.py": "import b.deep.m\n",
    }
    assert affected(files, ALL, X) == {"a", "b", "c"}


def test_every_package_around_a_module_runs_before_it() -> None:
    files = {
        **PACKAGE,
        "libs/b/src/b/__init__.py": "import a.x\n",
        "libs/b/src/b/gap/deep/__init__.py": "",
        "libs/b/src/b/gap/deep/m.py": "",
        "libs/c/src/c/m.py": "import b.gap.deep.m\n",
    }
    assert affected(files, ALL, X) == {"a", "b", "c"}


def test_a_star_import_takes_the_packages_that_all_may_name() -> None:
    files = {
        **PACKAGE,
        "libs/b/src/b/__init__.py": "__all__ = ['sub']\n",
        "libs/b/src/b/sub/__init__.py": "import a.x\n",
        "libs/c/src/c/m.py": "from b import *\n",
    }
    assert affected(files, ALL, X) == {"a", "b", "c"}


def test_a_star_import_of_a_module_takes_none_of_its_neighbours() -> None:
    assert by_b("from a.y import *\n") == {"a"}


@pytest.mark.parametrize(
    "text", ["from .gap import m\n", "from b.gap import m\n", "import b.gap.m\n"]
)
def test_a_folder_without_init_is_a_package_all_the_same(text: str) -> None:
    files = {
        **PACKAGE,
        "libs/b/src/b/gap/m.py": "import a.x\n",
        "libs/b/src/b/y.py": text,
        "libs/c/src/c/m.py": "import b.y\n",
    }
    assert affected(files, ALL, X) == {"a", "b", "c"}


def test_a_stub_affects_the_users_of_its_module_and_the_reverse() -> None:
    files = {**PACKAGE, "libs/a/src/a/x.pyi": "VALUE: int\n", "libs/b/src/b/m.py": "import a.x\n"}
    assert affected(files, ALL, "libs/a/src/a/x.pyi") == {"a", "b"}
    only = {**files, "libs/a/src/a/x.pyi": "from b.types import V\n", "libs/b/src/b/types.py": ""}
    assert affected(only, ALL, "libs/b/src/b/types.py") >= {"a", "b"}


def test_a_package_of_stubs_stands_for_its_package() -> None:
    files = {
        **PACKAGE,
        "libs/a/src/other-stubs/__init__.pyi": "",
        "libs/b/src/b/m.py": "import other\n",
    }
    assert affected(files, ALL, "libs/a/src/other-stubs/__init__.pyi") == {"a", "b"}


@pytest.mark.parametrize(
    "text",
    [
        "from pkg_a_load import load\nload(f'pkg_a.{NAME}')\n",
        "from unittest.mock import patch\npatch(\n    f'pkg_a.{NAME}.VALUE', 2)\n",
        "from unittest.mock import patch as fake\nfake(f'pkg_a.{NAME}.VALUE', 2)\n",
        "from unittest.mock import patch\npatch('pkg_a.%s.VALUE' % NAME, 2)\n",
        "from unittest.mock import patch\npatch('pkg_a.{}.VALUE'.format(NAME), 2)\n",
        "from unittest.mock import patch\nTOP = 'pkg_a'\nAT = TOP + '.one.VALUE'\npatch(AT, 2)\n",
        "pytest_plugins = []\npytest_plugins.extend(f'pkg_a.{one}' for one in ['one'])\n",
        (
            "import importlib.util as u\nfound = u.find_spec('.' + NAME, 'pkg_a')\n"
            "found.loader.exec_module(u.module_from_spec(found))\n"
        ),
        "import subprocess, sys\nsubprocess.run([sys.executable], input='import pkg_a.one\\n')\n",
        "import sys\ngo(sys.executable, '-c', 'from pkg_a import one')\n",
        "import subprocess, sys\nsubprocess.run([sys.executable, '-Bm', 'pkg_a.one'])\n",
        "import pytest\npytestmark = pytest.mark.filterwarnings('ignore::pkg_a.one.Loud')\n",
        "import pytest\npytestmark = pytest.mark.filterwarnings('error:text:pkg_a.one.Loud')\n",
    ],
)
def test_less_usual_ways_to_load_a_module_are_edges(text: str) -> None:
    files = {
        "libs/a/src/pkg_a/__init__.py": "",
        "libs/a/src/pkg_a/one.py": "VALUE = 1\n",
        "libs/b/tests/test_b.py": text,
    }
    members = [member("libs/a"), member("libs/b", "a")]
    assert "b" in affected(files, members, "libs/a/src/pkg_a/one.py")


@pytest.mark.parametrize(
    "text",
    [
        "import runpy\nrunpy.run_module('pkg_a')\n",
        "from runpy import run_module as run\nrun('pkg_a')\n",
        "import subprocess, sys\nsubprocess.run([sys.executable, '-mpkg_a'])\n",
        "import subprocess, sys\n\ndef go(m):\n    subprocess.run([sys.executable, '-m', m])\n",
    ],
)
def test_a_package_that_is_run_runs_its_main(text: str) -> None:
    files = {
        "libs/a/src/pkg_a/__init__.py": "",
        "libs/a/src/pkg_a/__main__.py": "",
        "libs/b/tests/test_b.py": text,
    }
    members = [member("libs/a"), member("libs/b", "a")]
    assert "b" in affected(files, members, "libs/a/src/pkg_a/__main__.py")


def test_a_message_of_a_commit_is_no_module_that_is_run() -> None:
    files = {
        "libs/a/src/pkg_a/__init__.py": "",
        "libs/b/tests/test_b.py": "def go(text):\n    run(['git', 'commit', '-m', text])\n",
    }
    members = [member("libs/a"), member("libs/b", "a")]
    assert affected(files, members, "libs/a/src/pkg_a/__init__.py") == {"a"}
