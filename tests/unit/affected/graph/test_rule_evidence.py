"""What each rule alone finds, and the selections that only it causes."""

from __future__ import annotations

from tests.support.snapshots import graph_of, member
from tradai_tasks.affected.graph.rule_evidence import rule_evidence

FILES = {
    "libs/a/src/a/__init__.py": "",
    "libs/a/src/a/mod.py": "",
    "libs/b/src/b/__init__.py": "",
    "libs/b/src/b/both.py": "import a.mod\nNAME = 'a.mod'\n",
    "libs/c/src/c/m.py": "NAME = 'a.mod'\n",
    "libs/c/tests/conftest.py": "import c.m\n",
    "libs/c/tests/test_c.py": "",
}


def test_edges_and_selections_of_one_rule_alone_are_counted() -> None:
    members = [member("libs/a"), member("libs/b", "a"), member("libs/c", "a")]
    found = {row.name: row for row in rule_evidence(graph_of(FILES, members))}
    name = found["name"]  # a/__init__.py and a/mod.py, from two files; from one of them alone
    assert (name.edges, name.alone, name.selections) == (4, 2, 2)
    assert (found["conftest"].edges, found["conftest"].selections) == (1, 0)
    assert found["import"].selections == 0  # `both.py` names the module in a string as well
    assert (found["framework"].edges, found["framework"].alone) == (0, 0)
