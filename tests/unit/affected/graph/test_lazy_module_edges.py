"""Edges through modules that import by `__getattr__`."""

from __future__ import annotations

import pytest

from tests.support.snapshots import affected, graph_of, member
from tests.support.three_members import ALL, PACKAGE, A, C, X

LAZY = (
    "import importlib\n_T = {'X': '.x', 'Y': '.y'}\n\n\ndef __getattr__(name):\n"
    "    return getattr(importlib.import_module(_T[name], __name__), name)\n"
)


def test_a_lazy_plugin_is_loaded_by_its_name() -> None:
    files = {**PACKAGE, "libs/a/src/a/__init__.py": LAZY}
    files["libs/b/pyproject.toml"] = "[tool.pytest.ini_options]\naddopts = '-p a.X'\n"
    assert affected(files, ALL, X) == {"a", "b"}
    assert affected(files, ALL, "libs/a/src/a/y.py") == {"a"}


def test_an_entry_point_into_a_lazy_module_loads_what_its_name_loads() -> None:
    members = (A, member("libs/b", "a", entry_points=[("console_scripts", "a:X")]), C)
    files = {**PACKAGE, "libs/a/src/a/__init__.py": LAZY}
    assert affected(files, members, X) == {"a", "b"}
    assert affected(files, members, "libs/a/src/a/y.py") == {"a"}


@pytest.mark.parametrize(
    ("text", "names"),
    [
        ("from a import X\n", {"x"}),
        ("from a import Y as Z\n", {"y"}),
        ("from a import *\n", {"x", "y"}),
        ("import a\n\na.X()\n", {"x"}),
        ("import a as it\n\nit.Y()\n", {"y"}),
        ("import a\n\nuse(a)\n", {"x", "y"}),
        ("import a.x as it\n", {"x"}),
        ("from unittest import mock\n\nmock.patch('a.X')\n", {"x"}),
        ("import a.x\n\na.Y()\n", {"x", "y"}),
        ("from a.nothing import X\n", {"x", "y"}),
        ("import a\n", set()),
        ("from a import _T\n", set()),
        ("from a import x\n", {"x"}),
    ],
)
def test_a_lazy_module_loads_what_is_asked_of_it(text: str, names: set[str]) -> None:
    files = {
        **PACKAGE,
        "libs/a/src/a/__init__.py": LAZY,
        "libs/b/src/b/m.py": text,
    }
    graph = graph_of(files, ALL)
    reached = graph.reached(["libs/a/src/a/x.py", "libs/a/src/a/y.py"])
    assert [*reached][:2] == ["libs/a/src/a/x.py", "libs/a/src/a/y.py"]
    assert not any(path.startswith("?") for path in reached)
    assert (reached.get("libs/b/src/b/m.py") or "").startswith("libs/a/src/a/") == bool(names)
    found = {name for name in ("x", "y") if "b" in graph.affected_by([f"libs/a/src/a/{name}.py"])}
    assert found == names
    if text != "import a\n":
        assert "b" in graph.affected_by(["libs/a/src/a/__init__.py"])


def test_the_chain_through_a_lazy_module_names_files_alone() -> None:
    files = {**PACKAGE, "libs/a/src/a/__init__.py": LAZY, "libs/b/src/b/m.py": "from a import X\n"}
    assert graph_of(files, ALL).affected_by([X])["b"] == (X, "libs/b/src/b/m.py")


def test_a_name_that_a_lazy_module_only_lists_comes_from_where_its_names_come_from() -> None:
    text = LAZY.replace("_T = {'X': '.x', 'Y': '.y'}", "_T = ['X', 'Y']").replace(
        "_T[name]", "'.x'"
    )
    files = {**PACKAGE, "libs/a/src/a/__init__.py": text, "libs/b/src/b/m.py": "from a import X\n"}
    assert affected(files, ALL, X) == {"a", "b"}


def test_lazy_modules_lead_to_lazy_modules() -> None:
    inner = LAZY.replace("'.x'", "'..x'").replace("'.y'", "'..y'")
    files = {
        **PACKAGE,
        "libs/a/src/a/__init__.py": LAZY.replace("'.x'", "'.sub'").replace("'.y'", "'.sub'"),
        "libs/a/src/a/sub/__init__.py": inner,
        "libs/b/src/b/m.py": "from a.sub import X\n",
        "libs/c/src/c/m.py": "from a import X\n",
    }
    assert affected(files, ALL, X) == {"a", "b", "c"}
    assert "b" not in affected(files, ALL, "libs/a/src/a/y.py")


def test_a_stub_tells_what_a_lazy_module_takes_from_where() -> None:
    files = {
        **PACKAGE,
        "libs/a/src/a/__init__.py": "import importlib\n\n\ndef __getattr__(name):\n"
        "    return getattr(importlib.import_module('a.v'), name)\n",
        "libs/a/src/a/__init__.pyi": "from .x import VALUE as V\nfrom . import y\n"
        "import a.z\nfrom .w import *\n",
        "libs/a/src/a/v.py": "",
        "libs/a/src/a/z.py": "",
        "libs/a/src/a/w.py": "",
        "libs/b/src/b/m.py": "from a import V\n",
        "libs/c/src/c/m.py": "from a import other\n",
    }
    assert affected(files, ALL, X) == {"a", "b"}
    assert affected(files, ALL, "libs/a/src/a/y.py") == {"a"}
    assert affected(files, ALL, "libs/a/src/a/z.py") == {"a", "c"}
    assert affected(files, ALL, "libs/a/src/a/w.py") == {"a", "c"}
    assert affected(files, ALL, "libs/a/src/a/__init__.pyi") == {"a", "b", "c"}


def test_a_lazy_module_is_reached_through_the_packages_around_it() -> None:
    files = {
        **PACKAGE,
        "libs/a/src/a/__init__.py": "from . import sub\n",
        "libs/a/src/a/sub/__init__.py": LAZY,
        "libs/a/src/a/sub/x.py": "",
        "libs/a/src/a/sub/y.py": "",
        "libs/b/src/b/m.py": "import a\n\na.sub.X()\n",
        "libs/c/src/c/m.py": "import a\n\nuse(a)\n",
    }
    assert affected(files, ALL, "libs/a/src/a/sub/x.py") == {"a", "b", "c"}
    assert affected(files, ALL, "libs/a/src/a/sub/y.py") == {"a", "c"}


@pytest.mark.parametrize(
    ("binding", "taken"),
    [
        ("import a as api\n", "from b.m import api\n\napi.X()\n"),
        ("import a as api\n", "from b.m import *\n\napi.X()\n"),
        ("from ns import lazy\n", "from b.m import lazy\n\nlazy.X()\n"),
        ("from ns import lazy as api\n", "from b.m import api as it\n\nit.X()\n"),
    ],
)
def test_a_lazy_module_that_is_taken_from_another_module_is_taken_whole(
    binding: str, taken: str
) -> None:
    files = {
        "libs/a/src/a/__init__.py": LAZY,
        "libs/a/src/a/x.py": "",
        "libs/a/src/a/y.py": "",
        "libs/a/src/ns/lazy/__init__.py": LAZY,
        "libs/a/src/ns/lazy/x.py": "",
        "libs/a/src/ns/lazy/y.py": "",
        "libs/b/src/b/m.py": binding,
        "libs/c/src/c/m.py": taken,
    }
    x = "libs/a/src/ns/lazy/x.py" if "ns" in binding else X
    assert affected(files, ALL, x) == {"a", "b", "c"}
    files["libs/c/src/c/m.py"] = "from b.m import other\n"  # nobody takes it: it is not asked
    assert affected(files, ALL, x) == {"a"}


def test_a_lazy_module_in_a_namespace_package_is_reached_by_attributes() -> None:
    files = {
        "libs/a/src/ns/lazy/__init__.py": LAZY,
        "libs/a/src/ns/lazy/x.py": "",
        "libs/a/src/ns/lazy/y.py": "",
        "libs/b/src/b/m.py": "import ns.lazy\n\nns.lazy.X()\n",
        "libs/c/src/c/m.py": "from ns import lazy\n\nlazy.Y()\n",
    }
    assert affected(files, ALL, "libs/a/src/ns/lazy/x.py") == {"a", "b"}
    assert affected(files, ALL, "libs/a/src/ns/lazy/y.py") == {"a", "c"}


def test_a_package_that_offers_a_lazy_module_under_another_name_hands_it_on() -> None:
    files = {
        **PACKAGE,
        "libs/a/src/a/__init__.py": "from .inner import sub as tools\n",
        "libs/a/src/a/inner/__init__.py": "",
        "libs/a/src/a/inner/sub/__init__.py": LAZY,
        "libs/a/src/a/inner/sub/x.py": "",
        "libs/b/src/b/m.py": "from a import tools\n\ntools.X()\n",
    }
    assert affected(files, ALL, "libs/a/src/a/inner/sub/x.py") == {"a", "b"}


def test_a_lazy_name_counts_before_the_module_of_the_same_name() -> None:
    files = {
        **PACKAGE,
        "libs/a/src/a/__init__.py": LAZY.replace("'X'", "'y'"),
        "libs/b/src/b/m.py": "from a import y\n",
    }
    assert affected(files, ALL, X) == {"a", "b"}


def test_a_user_of_a_lazy_module_that_cannot_be_decoded_may_take_anything() -> None:
    files: dict[str, str | bytes] = {**PACKAGE, "libs/a/src/a/__init__.py": LAZY}
    files["libs/b/src/b/m.py"] = b"# coding: latin-1\nimport a\n\na.X('\xe9')\n"
    assert affected(files, ALL, X) == {"a", "b"}
    files["libs/b/src/b/m.py"] = b"import a\n\na.X('\xe9')\n"
    graph = graph_of(files, ALL)
    assert "cannot be decoded" in graph.widened["b"]
    assert set(graph.affected_by([X])) == {"a", "b"}
