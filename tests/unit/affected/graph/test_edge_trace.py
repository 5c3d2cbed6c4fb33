"""Chains name the kind and the line of each edge, with a cache and without."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.support.snapshots import MemorySnapshot, cache_in, graph_of, member
from tradai_tasks.affected.graph.graph_builder import build_both
from tradai_tasks.affected.graph.import_graph import unite

MOD = "libs/a/src/a/mod.py"
USER = "libs/b/src/b/m.py"
TEST = "libs/b/tests/test_b.py"
PROJECT = "libs/b/pyproject.toml"
FILES = {"libs/a/src/a/__init__.py": "", MOD: "", "libs/b/src/b/__init__.py": ""}
PLUGIN = member("libs/a", entry_points=[("plugins", "a.mod:run")])
TOOL = member("libs/a", scripts=[("run-a", "a.mod:run")])
B = member("libs/b", "a")
LAZY = "def __getattr__(name):\n    if name == 'X':\n        from .mod import X\n        return X\n"
CASES = {
    "import": ({USER: "import os\n\nfrom a import (\n    mod,\n)\n"}, f"{USER}:3 (import)"),
    "import that goes on": (
        {USER: "import os\n\nfrom a \\\n    import mod\n"},
        f"{USER}:3 (import)",
    ),
    "all that a prefix begins": (
        {USER: "import importlib\n\nfor n in x():\n    importlib.import_module('a.' + n)\n"},
        f"{USER}:4 (import-call, guessed)",
    ),
    "import of a lazy name": (
        {"libs/a/src/a/__init__.py": LAZY, USER: "import a\n\na.X()\n"},
        f"{USER}:3 (import)",
    ),
    "name": (
        {USER: "\nTARGET = 'a.mod.thing'\n"},
        f"{USER}:2 (name, guessed)",
    ),
    "import-call": (
        {USER: "from importlib import import_module as load\n\nload('.mod', 'a')\n"},
        f"{USER}:3 (import-call)",
    ),
    "command": (
        {USER: "NAME = 'a.mod'\n\n\nsubprocess.run([sys.executable, '-m', NAME])\n"},
        f"{USER}:4 (command)",
    ),
    "patch": ({USER: "P = 'a.mod'\n\n\nmock.patch(P + '.x')\n"}, f"{USER}:4 (patch)"),
    "path": (
        {"libs/b/run.py": "\n\nrun('../a/src/a/mod.py')\n"},
        "libs/b/run.py:3 (path, guessed)",
    ),
    "plugin": ({TEST: "pytest_plugins = ['a.mod']\n"}, f"{TEST}:1 (plugin)"),
    "plugin of settings": (
        {PROJECT: "[tool.pytest.ini_options]\naddopts = '-p a.mod'\n"},
        f"{PROJECT}:2 (plugin)",
    ),
    "entry-points": (
        {USER: "from importlib.metadata import entry_points\n\nentry_points(group='plugins')\n"},
        f"{PROJECT} (entry-points)",
    ),
    "console-command": (
        {USER: "import subprocess\n\nsubprocess.run(['run-a', '-v'])\n"},
        f"{USER}:3 (console-command, guessed)",
    ),
    "text": ({"libs/b/b.json": '{\n  "x": "a.mod"\n}\n'}, "libs/b/b.json:2 (text, guessed)"),
    "framework": (
        {USER: "INSTALLED_APPS = [\n    'x',\n    'a',\n]\n"},
        f"{USER}:3 (framework, guessed)",
    ),
    "a guess and a certain edge": (
        {USER: "NAME = 'a.mod'\n\nimport a.mod\n"},
        f"{USER}:3 (import)",
    ),
    "an import in a docstring first": (
        {USER: '"""Say.\n\n    import a.mod\n"""\n\nimport a.mod\n'},
        f"{USER}:6 (import)",
    ),
}


@pytest.mark.parametrize("case", CASES)
def test_a_chain_names_kind_and_line(case: str, tmp_path: Path) -> None:
    more, step = CASES[case]
    files = FILES | more
    one = {"entry-points": PLUGIN, "console-command": TOOL}.get(case, member("libs/a"))
    for _ in range(2):  # cold and warm
        cache = cache_in(tmp_path)
        chain = graph_of(files, (one, B), cache=cache).reasons([MOD])["b"]
        cache.save()
        assert chain == (MOD, step)


def test_a_chain_names_the_third_party_that_needs_a_member() -> None:
    members = (member("libs/a"), member("libs/b", "a", third_party_members=["a"]))
    chain = graph_of(FILES, members).reasons([MOD])["b"]
    assert chain == (MOD, "plug (locked, needs a)", PROJECT)


def test_a_chain_of_several_steps_names_each() -> None:
    files = {
        **FILES,
        "libs/a/src/a/sub/__init__.py": "",
        "libs/a/src/a/sub/deep.py": "",
        USER: "import a.sub.deep\n",
        "libs/b/tests/conftest.py": "\nimport b.m\n",
        TEST: "",
        "libs/c/src/c/m.py": "from a.sub import deep\n",
    }
    members = (*(member("libs/a"), B), member("libs/c", "a"))
    graph = graph_of(files, members)
    init = "libs/a/src/a/__init__.py"
    assert graph.reasons([init])["c"] == (init, "libs/c/src/c/m.py:1 (import)")
    found = graph.trace.edges(init, "libs/a/src/a/mod.py") if graph.trace else ()
    assert [(edge.kind, edge.line, edge.certain) for edge in found] == [("package", 0, True)]
    found = graph.trace.edges("libs/b/tests/conftest.py", TEST) if graph.trace else ()
    assert [edge.kind for edge in found] == ["conftest"]


def test_an_edge_that_only_the_base_has_says_so() -> None:
    base = FILES | {USER: "\n\nimport a.mod\n"}
    head = FILES | {USER: "x = 1\n"}
    members = (member("libs/a"), B)
    united = unite(graph_of(head, members), graph_of(base, members))
    both = build_both(MemorySnapshot(head), MemorySnapshot(base), members)
    assert both.reasons([MOD])["b"] == (MOD, f"{USER}:3 (import, before the change)")
    assert united.reasons([MOD])["b"] == both.reasons([MOD])["b"]
