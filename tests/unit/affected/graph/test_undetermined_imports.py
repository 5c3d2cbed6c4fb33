"""Imports that the text of a file does not determine."""

from __future__ import annotations

import pytest

from tests.support.snapshots import affected, graph_of, member
from tests.support.three_members import ALL, DYNAMIC, PACKAGE, A, C, X

AT_ONCE = "import importlib\nimport os\n\n\nimportlib.import_module(os.environ['X'])\n"


@pytest.mark.parametrize("text", [DYNAMIC, "def broken(:\n"])
def test_what_cannot_be_told_widens_the_member_to_its_closure(text: str) -> None:
    graph = graph_of({**PACKAGE, "libs/b/src/b/m.py": text}, ALL)
    found = graph.reasons([X])
    assert set(found) == {"a", "b"}
    assert found["b"][0] == X
    assert found["b"][1].startswith(("libs/b/src/b/m.py:5 (", "libs/b/src/b/m.py (does not parse"))
    assert found["b"][1].endswith(")")
    assert set(graph.affected_by(["libs/c/src/c/__init__.py"])) == {"c"}
    assert [
        line for line in graph.warnings() if line.startswith("b is affected by all that it can")
    ]
    assert set(graph.affected_by(["libs/b/src/b/m.py"])) == {"b"}


def test_who_uses_a_module_that_may_load_anything_is_affected_by_what_it_may_load() -> None:
    files = {
        **PACKAGE,
        "libs/a/README.md": "",
        "libs/b/src/b/m.py": AT_ONCE,
        "libs/c/src/c/m.py": "import b.m\n",
    }
    graph = graph_of(files, ALL)
    found = graph.reasons([X])
    assert set(found) == {"a", "b", "c"}
    assert found["c"] == (
        X,
        "libs/b/src/b/m.py:5 (import_module() of a computed name)",
        "libs/c/src/c/m.py:1 (import)",
    )
    assert set(graph.affected_by(["libs/a/README.md"])) == {"a"}


def test_a_widened_member_is_affected_by_what_changes_its_closure_from_outside() -> None:
    files = {
        **PACKAGE,
        "libs/b/src/b/m.py": DYNAMIC,
        "tools/t.py": "",
        "pyproject.toml": "[tool.pytest.ini_options]\npythonpath = ['tools']\n",
        "libs/c/tests/test_c.py": "import t\n",
    }
    graph = graph_of(files, ALL)
    assert set(graph.affected_by(["tools/t.py"])) == {"b", "c"}
    assert graph.affected_by(["nowhere/else.py"]) == {}


def test_an_undeclared_import_counts_and_is_warned_about() -> None:
    alone = member("libs/b")
    files = {**PACKAGE, "libs/b/src/b/m.py": "import a.x\nfrom a import y\n"}
    graph = graph_of(files, (A, alone, C))
    assert set(graph.affected_by([X])) == {"a", "b"}
    assert graph.warnings() == ("libs/b/src/b/m.py imports a, which its package does not declare",)


def test_a_package_that_no_source_root_holds_is_found_where_it_is_declared() -> None:
    files = {
        "libs/a/src/a/__init__.py": "",
        "libs/a/native/bindings/odd/__init__.py": "",
        "libs/a/native/bindings/odd/m.py": "",
        "libs/a/tests/odd_tests/__init__.py": "",
        "libs/b/src/b/m.py": "import odd.m\n",
        "libs/b/src/b/n.py": "import odd_tests\nimport elsewhere\n",
    }
    assert affected(files, ALL, "libs/a/native/bindings/odd/m.py") == {"a", "b"}
    assert affected(files, ALL, "libs/a/tests/odd_tests/__init__.py") == {"a"}
    alone = member("libs/b")
    assert affected(files, (A, alone), "libs/a/native/bindings/odd/m.py") == {"a"}


@pytest.mark.parametrize(
    ("loader", "names"),
    [
        # whoever loads the file loads what it makes up
        ("import os\nimportlib.import_module(os.environ['X'])\n", {"a", "b", "c"}),
        # what callers pass is in their own text: the member is widened, not all who load it
        ("def load(name):\n    return importlib.import_module(name)\n", {"a", "b"}),
        ("def broken(:\n", {"a", "b"}),
    ],
)
def test_a_name_that_callers_pass_widens_the_member_alone(loader: str, names: set[str]) -> None:
    files = {
        **PACKAGE,
        "libs/b/src/b/load.py": f"import importlib\n\n\n{loader}",
        "libs/c/src/c/m.py": "import b.load\n",
    }
    graph = graph_of(files, ALL)
    found = graph.reasons([X])
    assert set(found) == names
    assert found["b"][-1].startswith("libs/b/src/b/load.py")
    assert "import_module() of a" in found["b"][-1] or "does not parse" in found["b"][-1]
    assert set(graph.affected_by(["libs/b/src/b/load.py"])) == {"b", "c"}
    files["libs/d/src/d/m.py"] = f"import b.load\n\nb.load.load('a.x')\n{'#' * 9}\n"
    assert "d" in affected(files, (*ALL, member("libs/d", "a", "b", "c")), X)


def test_tests_of_another_member_are_not_loaded_by_name() -> None:
    files = {
        **PACKAGE,
        "libs/a/tests/test_x.py": "",
        "libs/a/tools/t.py": "",
        "libs/b/src/b/load.py": "import os\n__import__(os.environ['X'])\n",
        "libs/b/tests/test_b.py": "",
    }
    for path, names in {
        "libs/a/tests/test_x.py": {"a"},
        "libs/a/tools/t.py": {"a"},
        "libs/b/tests/test_b.py": {"b"},
        X: {"a", "b"},
    }.items():
        assert affected(files, ALL, path) == names, path
