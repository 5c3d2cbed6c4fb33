"""Modules that a framework imports without a word of them in the code: apps, plugins, tables."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.support.edges import Tree, hold
from tests.support.snapshots import graph_of, member

# What Django does with its settings, in short: the code of a third party is not there to be read.
DJANGO = """\
import os
from importlib import import_module
from importlib.util import find_spec


class AppConfig:
    name = ""


def setup():
    settings = import_module(os.environ["DJANGO_SETTINGS_MODULE"])
    for entry in settings.INSTALLED_APPS:
        module, _, name = entry.rpartition(".")
        if name[:1].isupper():
            entry = getattr(import_module(module), name).name
        for inner in ("models", "admin"):
            if find_spec(f"{entry}.{inner}"):
                import_module(f"{entry}.{inner}")
"""
CONFIG = "from django.apps import AppConfig\n\n\nclass One(AppConfig):\n    name = 'a.one'\n"
SETTINGS = [
    ("a package", "INSTALLED_APPS = ['a.one']"),
    ("a class of configuration", "INSTALLED_APPS = ['a.one.apps.One']"),
    ("a class that is elsewhere", "INSTALLED_APPS = ['a.config.One']"),
    ("a class that inherits", "INSTALLED_APPS = ['a.one.apps.Two']"),
    ("lists put together", "LOCAL_APPS = ['a.one']\nINSTALLED_APPS = ['b'] + LOCAL_APPS"),
    ("a list under another name", "MINE = ['a.one']\nINSTALLED_APPS = [*MINE]"),
    ("a list made longer", "INSTALLED_APPS = []\nINSTALLED_APPS += ['a.one']"),
    ("appended", "INSTALLED_APPS = []\nINSTALLED_APPS.append('a.one')"),
    ("extended", "APPS = []\nAPPS.extend(['a.one'])\nINSTALLED_APPS = tuple(APPS)"),
    ("a keyword", "globals().update(INSTALLED_APPS=['a.one'])"),
    ("an annotation", "INSTALLED_APPS: list[str] = ['a.one']"),
    ("chosen", "INSTALLED_APPS = ['b', *(['a.one'] if True else [])]"),
]


@pytest.mark.parametrize(("why", "settings"), SETTINGS, ids=[why for why, _ in SETTINGS])
def test_modules_of_apps_that_settings_name(tmp_path: Path, why: str, settings: str) -> None:
    del why
    tree = Tree(
        why="",
        files={
            "libs/a/src/a/one/__init__.py": "",
            "libs/a/src/a/one/apps.py": (f"{CONFIG}\n\nclass Two(One):\n    name = 'a.one'\n"),
            "libs/a/src/a/config.py": CONFIG,
            "libs/a/src/a/one/models.py": "VALUE = 1\n",
            "libs/a/src/a/one/admin.py": "VALUE = 1\n",
            "libs/b/src/b/settings.py": f"{settings}\n",
            "libs/b/tests/test_b.py": (
                "import os\nimport django\n\n\ndef test_b():\n"
                "    os.environ['DJANGO_SETTINGS_MODULE'] = 'b.settings'\n    django.setup()\n"
            ),
        },
        changed="libs/a/src/a/one/admin.py",
        installed={
            "django/__init__.py": DJANGO,
            "django/apps.py": "from django import AppConfig\n",
        },
    )
    hold(tmp_path, tree)


# What Scrapy does with its settings, in short.
SCRAPY = """\
import os
import pkgutil
from importlib import import_module


def crawl():
    settings = import_module(os.environ["SCRAPY_SETTINGS_MODULE"])
    for name in settings.SPIDER_MODULES:
        for one in pkgutil.iter_modules(import_module(name).__path__):
            import_module(f"{name}.{one.name}")
"""


def test_modules_in_which_scrapy_looks_for_spiders(tmp_path: Path) -> None:
    tree = Tree(
        why="",
        files={
            "libs/a/src/a/spiders/__init__.py": "",
            "libs/a/src/a/spiders/one.py": "VALUE = 1\n",
            "libs/a/src/a/other.py": "",
            "libs/b/src/b/settings.py": 'BASE = "a"\nSPIDER_MODULES = [f"{BASE}.spiders"]\n',
            "libs/b/tests/test_b.py": (
                "import os\nimport scrapy\n\n\ndef test_b():\n"
                "    os.environ['SCRAPY_SETTINGS_MODULE'] = 'b.settings'\n    scrapy.crawl()\n"
            ),
        },
        changed="libs/a/src/a/spiders/one.py",
        installed={"scrapy.py": SCRAPY},
    )
    hold(tmp_path, tree)


# What a third party does with the entry points of a group, of all that is installed.
BACKENDS = """\
from importlib.metadata import entry_points


def open_all():
    for point in entry_points(group="backends.of_b"):
        point.load()
"""


def test_entry_points_of_what_is_installed_that_a_third_party_loads(tmp_path: Path) -> None:
    tree = Tree(
        why="",
        files={
            "libs/b/tests/test_b.py": (
                "import backends\n\n\ndef test_b():\n    backends.open_all()\n"
            ),
            "libs/c/src/c.py": "",
        },
        members=(
            member("libs/a", entry_points=[("backends.of_b", "a.mod"), ("scripts", "a:run")]),
            member("libs/b", "a"),
            member("libs/c"),
        ),
        installed={
            "backends.py": BACKENDS,
            "a-1.dist-info/entry_points.txt": "[backends.of_b]\nmine=a.mod\n",
        },
        spared=frozenset({"c"}),
    )
    hold(tmp_path, tree)


def test_commands_of_what_is_installed_are_loaded_by_who_starts_them() -> None:
    scripts = [(group, "a.mod:run") for group in ("scripts", "console_scripts")]
    members = (member("libs/a", entry_points=scripts), member("libs/b", "a"))
    files = {"libs/a/src/a/mod.py": "", "libs/b/tests/test_b.py": ""}
    assert set(graph_of(files, members).affected_by(["libs/a/src/a/mod.py"])) == {"a"}


LAZY = """\
import importlib
import types


class Lazy(types.ModuleType):
    def __init__(self, name, path, table):
        super().__init__(name)
        self.__path__ = [path]
        self._of = {symbol: module for module, symbols in table.items() for symbol in symbols}

    def __getattr__(self, name):
        if name not in self._of:
            raise AttributeError(name)
        return getattr(importlib.import_module("." + self._of[name], self.__name__), name)
"""


def test_a_table_whose_modules_a_class_takes_from_the_own_package(tmp_path: Path) -> None:
    tree = Tree(
        why="",
        files={
            "libs/a/src/a/lazy.py": LAZY,
            "libs/a/src/a/__init__.py": (
                "import os\nimport sys\nfrom a.lazy import Lazy\n\n"
                "TABLE = {'mod': ['VALUE'], 'other': ['OTHER']}\n"
                "sys.modules[__name__] = Lazy(__name__, os.path.dirname(__file__), TABLE)\n"
            ),
            "libs/a/src/a/other.py": "OTHER = 1\n",
            "libs/b/tests/test_b.py": "def test_b():\n    from a import VALUE\n    assert VALUE\n",
        },
    )
    hold(tmp_path, tree)


def test_a_member_that_a_third_party_needs(tmp_path: Path) -> None:
    tree = Tree(
        why="",
        files={
            "libs/a/tests/test_a.py": "def test_a():\n    pass\n",
            "libs/b/tests/test_b.py": "import third\n\n\ndef test_b():\n    pass\n",
            "libs/c/src/c.py": "",
        },
        members=(
            member("libs/a"),
            member("libs/b", "a", third_party_members=["a"]),
            member("libs/c", "a"),
        ),
        installed={"third.py": "import a.mod\n"},
        spared=frozenset({"c"}),
    )
    hold(tmp_path, tree)
    files = tree.all_files()
    assert set(graph_of(files, tree.members).affected_by(["libs/a/tests/test_a.py"])) == {"a"}


RUN = (
    "import subprocess\nimport sys\n\n\ndef test_b():\n"
    "    argv = [sys.executable, '-m', 'pytest', '-p', 'no:cacheprovider', '--pyargs', 'a.own']\n"
    "    assert subprocess.run(argv).returncode == 0\n"
)
READ = "def test_b():\n    assert {call}.read_text() == '1'\n"
PUT_TOGETHER = [
    Tree(
        why="a target of a patch that a helper puts together",
        files={
            "libs/b/tests/helper.py": (
                "from unittest.mock import patch\n\n\ndef fake(name):\n"
                "    return patch('a.' + name, 2)\n"
            ),
            "libs/b/tests/test_b.py": (
                "from helper import fake\n\n\ndef test_b():\n"
                "    with fake('mod.VALUE') as value:\n        assert value == 2\n"
            ),
        },
    ),
    Tree(
        why="tests of a package that pytest is given by name",
        files={
            "libs/a/src/a/own/__init__.py": "",
            "libs/a/src/a/own/test_own.py": "def test_own():\n    pass\n",
            "libs/b/tests/test_b.py": RUN,
        },
        changed="libs/a/src/a/own/test_own.py",
    ),
    *(
        Tree(
            why=f"a resource by {call}",
            files={
                "libs/a/src/a/rates.txt": "1",
                "libs/b/tests/test_b.py": f"{imports}\n\n\n{READ.format(call=call)}",
            },
            changed="libs/a/src/a/rates.txt",
        )
        for imports, call in (
            ("from importlib import resources as res", "res.files('a').joinpath('rates.txt')"),
            ("import importlib.resources as r", "r.files('a').joinpath('rates.txt')"),
            (
                "from importlib.util import find_spec as where\nfrom pathlib import Path",
                "(Path(where(name='a').origin).parent / 'rates.txt')",
            ),
        )
    ),
]


@pytest.mark.parametrize("tree", PUT_TOGETHER, ids=lambda tree: tree.why)
def test_names_that_are_put_together_or_renamed(tmp_path: Path, tree: Tree) -> None:
    hold(tmp_path, tree)
