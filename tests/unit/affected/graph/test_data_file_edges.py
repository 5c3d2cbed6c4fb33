"""Edges to files that are not Python."""

from __future__ import annotations

import pytest

from tests.support.snapshots import affected, graph_of, member
from tests.support.three_members import ALL, PACKAGE, A, X


@pytest.mark.parametrize("path", ["libs/a/src/a/t.sql", "libs/a/src/a/data/t.sql"])
def test_a_data_file_of_a_package_affects_the_modules_beside_it_and_their_users(path: str) -> None:
    files = {**PACKAGE, path: "", "libs/b/src/b/m.py": "import a.x\n"}
    found = graph_of(files, ALL).affected_by([path])
    assert set(found) == {"a", "b"}
    assert found["a"] == (path,)
    assert found["b"][0] == path
    assert found["b"][-1] == "libs/b/src/b/m.py"


def test_a_data_file_of_a_namespace_package_does_so_too() -> None:
    files = {
        "libs/a/src/ns/load.py": "",
        "libs/a/src/ns/t.json": "",
        "libs/b/src/b/__init__.py": "import ns.load\n",
    }
    assert affected(files, ALL, "libs/a/src/ns/t.json") == {"a", "b"}


@pytest.mark.parametrize(
    "expression",
    [
        'Path(__file__).parents[3] / "a" / "data" / "t.json"',
        'Path(__file__).parents[4] / "libs/a/data/t.json"',
        'Path(__file__).parent / "../../../a/data/t.json"',
        'os.path.join(os.path.dirname(__file__), "..", "..", "..", "a", "data", "t.json")',
        'Path(__file__).parents[4] / "libs/a/data"',
        '(Path.cwd().parent / "a" / "data").glob("*.json")',
    ],
)
def test_a_data_file_that_another_member_names_by_its_path_affects_that_member(
    expression: str,
) -> None:
    files = {
        **PACKAGE,
        "libs/a/data/t.json": "",
        "libs/a/data/more/u.json": "",
        "libs/a/other.json": "",
        "libs/b/src/b/m.py": f"import os\nfrom pathlib import Path\n\nFOUND = {expression}\n",
        "libs/c/src/c/m.py": "import b.m\n",
    }
    graph = graph_of(files, ALL)
    assert set(graph.affected_by(["libs/a/data/t.json"])) == {"a", "b", "c"}
    is_folder = "t.json" not in expression
    assert set(graph.affected_by(["libs/a/data/more/u.json"])) == (
        {"a", "b", "c"} if is_folder else {"a"}
    )
    assert set(graph.affected_by(["libs/a/other.json"])) == {"a"}
    assert all(not cost.path.endswith("/") for cost in graph.costs())


def test_a_data_file_of_nobody_is_no_ones_by_a_path() -> None:
    files = {**PACKAGE, "data/t.json": "", "libs/b/src/b/m.py": "P = __file__ / 'data/t.json'\n"}
    graph = graph_of(files, ALL)
    assert graph.affected_by(["data/t.json"]) == {}
    assert graph.accounted(["data/t.json"]) == frozenset()


def test_the_readme_of_a_member_affects_its_member_alone() -> None:
    files = {**PACKAGE, "libs/a/README.md": "", "libs/b/src/b/m.py": "import a.x\n"}
    assert affected(files, ALL, "libs/a/README.md") == {"a"}
    assert affected(files, ALL, "README.md") == set()
    assert affected(files, ALL, "libs/a/new.toml") == {"a"}


def test_who_reads_a_project_file_is_not_affected_by_what_its_member_loads() -> None:
    files = {
        **PACKAGE,
        "libs/b/pyproject.toml": "[project]\n",
        "libs/c/tests/test_c.py": "ROOT = Path(__file__).parents[3]\n"
        'TEXT = (ROOT / "libs/b/pyproject.toml").read_text()\n',
    }
    plugged = member("libs/b", "a", entry_points=[("things", "a.x:thing")])
    members = (A, plugged, member("libs/c"))
    assert affected(files, members, X) == {"a", "b"}
    assert affected(files, members, "libs/b/pyproject.toml") == {"b", "c"}
