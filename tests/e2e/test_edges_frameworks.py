"""Modules that a framework imports by a name of its own, of packages that settings name."""

from __future__ import annotations

from pathlib import Path

import pytest
from tests.support.edges import Tree, hold

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
    ("a table", "globals().update({'INSTALLED_APPS': ['a.one']})"),
    ("a keyword", "globals().update(INSTALLED_APPS=['a.one'])"),
    ("an annotation", "INSTALLED_APPS: list[str] = ['a.one']"),
    ("chosen", "INSTALLED_APPS = ['b', *(['a.one'] if True else [])]"),
    ("a subscript", "globals()['INSTALLED_APPS'] = ['a.one']"),
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
