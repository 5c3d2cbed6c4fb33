"""The chain that is shown for an affected member, and the cost of each file."""

from __future__ import annotations

from tests.support.snapshots import graph_of, member
from tests.support.three_members import ALL, PACKAGE, X


def test_a_chain_is_the_shortest_from_the_changed_file_to_a_file_of_the_member() -> None:
    files = {
        **PACKAGE,
        "libs/b/src/b/m.py": "import a.x\n",
        "libs/c/src/c/far.py": "import b.m\n",
        "libs/c/src/c/near.py": "import a.x\n",
    }
    graph = graph_of(files, ALL)
    assert graph.affected_by([X]) == {
        "a": (X,),
        "b": (X, "libs/b/src/b/m.py"),
        "c": (X, "libs/c/src/c/near.py"),
    }
    del files["libs/c/src/c/near.py"]
    chain = (X, "libs/b/src/b/m.py", "libs/c/src/c/far.py")
    assert graph_of(files, ALL).affected_by([X])["c"] == chain
    both = graph_of(files, ALL).affected_by([X, "libs/c/src/c/far.py", X])
    assert both["c"] == ("libs/c/src/c/far.py",)


def test_a_changed_module_beside_a_changed_data_file_stands_for_itself() -> None:
    files = {**PACKAGE, "libs/a/src/a/t.sql": "", "libs/b/src/b/m.py": "import a.x\n"}
    found = graph_of(files, ALL).affected_by(["libs/a/src/a/t.sql", X])
    assert found["b"] == (X, "libs/b/src/b/m.py")


def test_a_path_outside_members_is_accounted_for_where_a_member_loads_it() -> None:
    files = {
        **PACKAGE,
        "tools/used.py": "",
        "tools/lone.py": "",
        "tools/also.py": "import lone\n",
        "libs/b/tests/test_b.py": "from tools import used\n",
    }
    graph = graph_of(files, ALL)
    changed = ["tools/used.py", "tools/lone.py", "tools/also.py", X, "elsewhere.txt"]
    assert graph.accounted(changed) == {"tools/used.py"}


def test_costs_count_what_may_load_anything() -> None:
    unknown = "import importlib, os\nimportlib.import_module(os.environ['X'])\n"
    files = {
        "libs/a/src/a/__init__.py": "",
        "libs/b/src/b/__init__.py": unknown,
        "libs/c/src/c/__init__.py": "import b\n",
        "libs/d/src/d/__init__.py": "import a\n",
    }
    members = (member("libs/a"), member("libs/b", "a"), member("libs/c", "b"))
    graph = graph_of(files, (*members, member("libs/d", "a")))
    path = "libs/a/src/a/__init__.py"
    assert set(graph.affected_by([path])) == {"a", "b", "c", "d"}
    assert {cost.path: cost.selects for cost in graph.costs()}[path] == 3


def test_costs_name_the_dearest_file_first() -> None:
    files = {
        **PACKAGE,
        "libs/a/src/a/__init__.py": "from a.x import VALUE\n",
        "libs/b/src/b/m.py": "from a import y\n",
        "libs/c/src/c/m.py": "from a import y\n",
    }
    first = graph_of(files, ALL).costs()[0]
    assert (first.path, first.selects, first.saved) == ("libs/a/src/a/__init__.py", 2, 2)
