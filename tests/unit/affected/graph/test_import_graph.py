from __future__ import annotations

import msgspec
import pytest

from tests.support.snapshots import affected, graph_of, member
from tradai_tasks.affected.graph.import_graph import unite
from tradai_tasks.affected.resolve.model import Member

A = member("libs/a")
B = member("libs/b", "a")
C = member("libs/c", "b", "a")
ALL = (A, B, C)
X = "libs/a/src/a/x.py"
PACKAGE = {
    "libs/a/src/a/__init__.py": "",
    X: "VALUE = 1\n",
    "libs/a/src/a/y.py": "",
    "libs/b/src/b/__init__.py": "",
    "libs/c/src/c/__init__.py": "",
}
LAZY = (
    "import importlib\n_T = {'X': '.x', 'Y': '.y'}\n\n\ndef __getattr__(name):\n"
    "    return getattr(importlib.import_module(_T[name], __name__), name)\n"
)


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


# --- what pytest loads ---------------------------------------------------------------------------


@pytest.mark.parametrize("folder", ["", "libs/", "libs/b/", "libs/b/tests/"])
def test_every_conftest_up_to_the_root_runs_for_a_test(folder: str) -> None:
    files = {
        **PACKAGE,
        f"{folder}conftest.py": "import a.x\n",
        "libs/b/tests/test_b.py": "",
    }
    assert "b" in affected(files, ALL, X)


def test_a_conftest_does_not_run_for_those_who_import_the_modules_below_it() -> None:
    files = {
        **PACKAGE,
        "libs/b/conftest.py": "import a.x\n",
        "libs/b/tests/test_b.py": "",
        "libs/c/src/c/m.py": "import b\n",
    }
    assert affected(files, ALL, X) == {"a", "b"}


def test_the_root_conftest_affects_members_whose_tests_have_other_names() -> None:
    files = {**PACKAGE, "conftest.py": "", "libs/b/tests/check_b.py": ""}
    graph = graph_of(files, ALL)
    assert graph.affected_by(["conftest.py"])["b"] == ("conftest.py", "libs/b/pyproject.toml")
    assert graph.accounted(["conftest.py"]) == {"conftest.py"}


def test_a_conftest_between_the_root_and_a_member_puts_its_folder_on_the_path() -> None:
    files = {
        **PACKAGE,
        "libs/conftest.py": "",
        "libs/shared.py": "",
        "libs/b/tests/test_b.py": "import shared\n",
    }
    assert affected(files, ALL, "libs/shared.py") == {"b"}


def test_the_packages_around_a_test_are_set_up_with_it() -> None:
    files = {
        **PACKAGE,
        "libs/b/tests/__init__.py": "",
        "libs/b/tests/unit/test_b.py": "",
        "libs/__init__.py": "",
    }
    assert "b" in affected(files, ALL, "libs/__init__.py")


@pytest.mark.parametrize(
    "files",
    [
        {"libs/b/tests/conftest.py": "pytest_plugins = ['plug']\n"},
        {"libs/b/tests/conftest.py": "pytest_plugins = ('plug',)\n"},
        {"libs/b/tests/conftest.py": "pytest_plugins = 'plug'\n"},
        {"libs/b/pyproject.toml": "[tool.pytest.ini_options]\naddopts = '-p plug'\n"},
        {"libs/b/pyproject.toml": "[tool.pytest.ini_options]\naddopts = ['-p', 'plug']\n"},
        {"libs/b/pytest.ini": "[pytest]\naddopts = -q -p plug\n"},
        {"libs/b/setup.cfg": "[tool:pytest]\naddopts = -pplug\n"},
    ],
)
def test_plugins_by_name_are_loaded_from_other_members(files: dict[str, str]) -> None:
    tree = {**PACKAGE, "libs/a/src/plug.py": "", "libs/b/tests/test_b.py": "", **files}
    assert affected(tree, ALL, "libs/a/src/plug.py") == {"a", "b"}


def test_a_plugin_of_the_root_settings_is_loaded_by_every_member() -> None:
    files = {
        **PACKAGE,
        "pyproject.toml": "[tool.pytest.ini_options]\naddopts = '-p tests.plug'\n",
        "libs/b/tests/plug.py": "import a.x\n",
        "libs/c/check.py": "",
        "tests/plug.py": "import a.y\n",
    }
    assert affected(files, ALL, "libs/a/src/a/y.py") == {"a", "b", "c"}


def test_a_lazy_plugin_is_loaded_by_its_name() -> None:
    files = {**PACKAGE, "libs/a/src/a/__init__.py": LAZY}
    files["libs/b/pyproject.toml"] = "[tool.pytest.ini_options]\naddopts = '-p a.X'\n"
    assert affected(files, ALL, X) == {"a", "b"}
    assert affected(files, ALL, "libs/a/src/a/y.py") == {"a"}


@pytest.mark.parametrize(
    "place", ["pyproject.toml", "libs/pyproject.toml", "libs/b/pyproject.toml"]
)
def test_pythonpath_counts_from_the_file_that_sets_it(place: str) -> None:
    up = "../" * place.count("/")
    files = {
        **PACKAGE,
        place: f"[tool.pytest.ini_options]\npythonpath = ['{up}tools', '.']\n",
        "tools/devtool.py": "import a.x\n",
        "libs/b/tests/test_b.py": "import devtool\n",
    }
    graph = graph_of(files, ALL)
    assert set(graph.affected_by(["tools/devtool.py"])) == {"b"}
    assert set(graph.affected_by([X])) == {"a", "b"}
    assert graph.accounted(["tools/devtool.py"]) == {"tools/devtool.py"}


@pytest.mark.parametrize(
    "text",
    [
        "import sys\nsys.path.insert(0, '../../tools')\n",
        "import site\nsite.addsitedir('../../tools')\n",
        "def test_it(monkeypatch):\n    monkeypatch.syspath_prepend('x')\n",
    ],
)
def test_after_a_change_of_sys_path_any_folder_can_hold_a_module(text: str) -> None:
    files = {
        **PACKAGE,
        "tools/devtool.py": "import a.x\n",
        "libs/b/tests/conftest.py": text,
        "libs/b/tests/unit/test_b.py": "import devtool\n",
        "libs/b/odd/place/inner.py": "import a.y\n",
        "libs/b/src/b/m.py": "import inner\n",
        "libs/c/src/c/m.py": "import b.m\n",
    }
    assert affected(files, ALL, X) == {"a", "b"}
    assert affected(files, ALL, "libs/a/src/a/y.py") == {"a", "b", "c"}
    still = {**files, "libs/b/tests/conftest.py": ""}
    assert affected(still, ALL, X) == {"a"}


def test_a_root_conftest_that_changes_sys_path_does_so_for_all() -> None:
    files = {
        **PACKAGE,
        "conftest.py": "import sys\nsys.path.append('tools')\n",
        "tools/devtool.py": "",
        "libs/b/tests/test_b.py": "import devtool\nimport ast\n",
        "tools/ast.py": "",
    }
    assert affected(files, ALL, "tools/devtool.py") == {"b"}
    assert affected(files, ALL, "tools/ast.py") == set()


# --- entry points --------------------------------------------------------------------------------


def test_a_member_loads_its_own_entry_points() -> None:
    members = (A, member("libs/b", "a", entry_points=[("console_scripts", "a.x:main [extra]")]), C)
    graph = graph_of(PACKAGE, members)
    assert graph.affected_by([X]) == {"a": (X,), "b": (X, "libs/b/pyproject.toml")}


def test_an_entry_point_into_a_lazy_module_loads_what_its_name_loads() -> None:
    members = (A, member("libs/b", "a", entry_points=[("console_scripts", "a:X")]), C)
    files = {**PACKAGE, "libs/a/src/a/__init__.py": LAZY}
    assert affected(files, members, X) == {"a", "b"}
    assert affected(files, members, "libs/a/src/a/y.py") == {"a"}


@pytest.mark.parametrize("group", ["pytest11", "xarray.backends"])
def test_a_plugin_is_loaded_by_all_that_install_it(group: str) -> None:
    members = (member("libs/a", entry_points=[(group, "a.x")]), B, member("libs/c"))
    assert affected(PACKAGE, members, X) == {"a", "b"}


@pytest.mark.parametrize("argument", ["group='steps'", "group=unknown()"])
def test_who_loads_a_group_of_entry_points_uses_all_that_declare_in_it(argument: str) -> None:
    points = [("steps", "a.x:run"), ("other", "a.y")]
    members = (member("libs/a", entry_points=points), member("libs/b"), member("libs/c"))
    text = f"from importlib.metadata import entry_points\n\nfound = entry_points({argument})\n"
    files = {**PACKAGE, "libs/b/src/b/m.py": text}
    assert affected(files, members, X) == {"a", "b"}


# --- lazy modules --------------------------------------------------------------------------------


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


# --- what cannot be told -------------------------------------------------------------------------

AT_ONCE = "import importlib\nimport os\n\n\nimportlib.import_module(os.environ['X'])\n"
DYNAMIC = "import importlib\n\n\ndef load(name):\n    return importlib.import_module(name)\n"


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


# --- data files ----------------------------------------------------------------------------------


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


# --- chains --------------------------------------------------------------------------------------


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


# --- both ends of a range ------------------------------------------------------------------------


def test_a_deleted_module_affects_its_users_of_before() -> None:
    before = {**PACKAGE, "libs/b/src/b/m.py": "import a.x\n"}
    after = {path: text for path, text in PACKAGE.items() if path != X}
    graph = unite(graph_of(after, ALL), graph_of(before, ALL))
    assert graph.affected_by([X]) == {"a": (X,), "b": (X, "libs/b/src/b/m.py")}


def test_a_moved_module_affects_the_users_of_both_ends() -> None:
    before = {**PACKAGE, "libs/b/src/b/m.py": "import a.x\n"}
    after = {**PACKAGE, "libs/c/src/c/m.py": "import b.x\n", "libs/b/src/b/x.py": PACKAGE[X]}
    del after[X]
    graph = unite(graph_of(after, ALL), graph_of(before, ALL))
    assert set(graph.affected_by([X, "libs/b/src/b/x.py"])) == {"a", "b", "c"}


def test_a_deleted_init_affects_the_users_of_the_modules_below() -> None:
    init = "libs/a/src/a/__init__.py"
    before = {**PACKAGE, "libs/b/src/b/m.py": "import a.x\n"}
    after = {path: text for path, text in before.items() if path != init}
    assert set(unite(graph_of(after, ALL), graph_of(before, ALL)).affected_by([init])) == {"a", "b"}
    assert set(unite(graph_of(before, ALL), graph_of(after, ALL)).affected_by([init])) == {"a", "b"}


def test_unite_keeps_what_either_end_knows_of_members_and_data() -> None:
    before = {**PACKAGE, "libs/b/src/b/m.py": DYNAMIC, "libs/a/src/a/t.sql": ""}
    first = graph_of(PACKAGE, (A, member("libs/b"), C))
    graph = unite(first, graph_of(before, ALL))
    assert graph.members["b"].closure == {"a", "b"}
    assert set(graph.widened) == {"b"}
    assert "libs/b/src/b/m.py" in graph.data_users["libs/b/src/b"]
    assert set(graph.affected_by([X])) == {"a", "b"}
    gone = unite(graph_of(PACKAGE, (A, B)), graph_of(PACKAGE, ALL))
    assert gone.owner_of("libs/c/src/c/__init__.py") == "c"


def test_unite_of_the_same_is_the_same() -> None:
    graph = graph_of(PACKAGE, ALL)
    assert unite(graph, graph_of(PACKAGE, ALL)) is graph


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


def test_the_class_of_a_filter_of_warnings_is_imported_by_pytest() -> None:
    files = {
        "libs/a/src/pkg_a/__init__.py": "",
        "libs/a/src/pkg_a/loud.py": "class Loud(Warning): ...\n",
        "libs/b/pyproject.toml": (
            "[tool.pytest.ini_options]\nfilterwarnings = ['error', 'ignore::pkg_a.loud.Loud']\n"
        ),
        "libs/b/tests/test_b.py": "",
    }
    members = [member("libs/a"), member("libs/b", "a")]
    assert "b" in affected(files, members, "libs/a/src/pkg_a/loud.py")


def _with_undeclared(code: str) -> dict[str, str]:
    return {
        "libs/far/src/far/__init__.py": "X = 1\n",
        "libs/far/src/far/inner.py": "X = 1\n",
        "libs/far/run.py": "from far import inner\n",
        "libs/low/src/low/__init__.py": code,
        "libs/top/src/top/__init__.py": "import low\n",
    }


def _members(*, is_known: bool) -> list[Member]:
    made = [member("libs/far"), member("libs/low"), member("libs/top", "low")]
    return [
        msgspec.structs.replace(one, installed=one.closure) if is_known else one for one in made
    ]


def test_what_a_dependency_imports_undeclared_is_not_installed_with_its_dependents() -> None:
    files = _with_undeclared("def later():\n    from far import inner\n")
    changed = "libs/far/src/far/inner.py"
    known = graph_of(files, _members(is_known=True)).affected_by([changed])
    assert set(known) == {"far", "low"}
    unknown = graph_of(files, _members(is_known=False)).affected_by([changed])
    assert set(unknown) == {"far", "low", "top"}


def test_what_a_dependency_runs_by_its_path_counts_for_its_dependents() -> None:
    code = 'RUN = subprocess.run([sys.executable, str(ROOT / "libs/far/run.py")])\n'
    graph = graph_of(_with_undeclared(code), _members(is_known=True))
    assert set(graph.affected_by(["libs/far/src/far/inner.py"])) == {"far", "low", "top"}


_RUN = 'subprocess.run([sys.executable, str(ROOT / "{}")])\n'


@pytest.mark.parametrize(
    ("code", "more"),
    [
        pytest.param(
            'for one in (ROOT / "libs").glob("*/src"):\n    sys.path.insert(0, str(one))\n'
            "from far import inner\n",
            {},
            id="a folder of packages is put on the path",
        ),
        pytest.param(
            _RUN.format("tools/run.py"),
            {"tools/run.py": "import subprocess, sys\n" + _RUN.format("../libs/far/run.py")},
            id="a script that belongs to no package runs it",
        ),
        pytest.param(
            _RUN.format("libs/mid/run.py"),
            {"libs/mid/run.py": "import subprocess, sys\n" + _RUN.format("../far/run.py")},
            id="a script of another package runs it",
        ),
        pytest.param(
            'for one in (ROOT / "libs").rglob("*.py"):\n    ast.parse(one.read_text())\n',
            {},
            id="modules of all packages are read",
        ),
    ],
)
def test_what_a_dependency_reaches_by_folders_and_scripts_counts_for_its_dependents(
    code: str, more: dict[str, str]
) -> None:
    head = "import ast, subprocess, sys\nfrom pathlib import Path\n"
    files = {**_with_undeclared(f"{head}ROOT = Path(__file__).parents[4]\n{code}"), **more}
    far, low, top = _members(is_known=True)
    mid = msgspec.structs.replace(member("libs/mid"), installed=frozenset({"mid"}))
    found = graph_of(files, [far, low, mid, top]).affected_by(["libs/far/src/far/inner.py"])
    assert {"far", "low", "top"} <= set(found)


def test_another_chain_is_found_where_the_shortest_is_not_installed() -> None:
    files = _with_undeclared("from far import inner\n")
    files["libs/top/tests/test_top.py"] = "import low\nimport mid\n"
    files["libs/mid/src/mid/__init__.py"] = "from mid import deep\n"
    files["libs/mid/src/mid/deep.py"] = "import far.inner\n"
    far, low, _ = _members(is_known=True)
    more = [member("libs/mid", "far"), member("libs/top", "low", "mid", "far")]
    members = [far, low, *(msgspec.structs.replace(m, installed=m.closure) for m in more)]
    assert set(graph_of(files, members).affected_by(["libs/far/src/far/inner.py"])) == {
        "far",
        "low",
        "mid",
        "top",
    }


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
