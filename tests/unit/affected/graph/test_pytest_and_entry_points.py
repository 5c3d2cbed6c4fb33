"""Edges to what pytest loads for a test, and to entry points."""

from __future__ import annotations

import pytest

from tests.support.snapshots import affected, graph_of, member
from tests.support.three_members import ALL, PACKAGE, A, B, C, X


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


def test_a_member_loads_its_own_entry_points() -> None:
    members = (A, member("libs/b", "a", entry_points=[("console_scripts", "a.x:main [extra]")]), C)
    graph = graph_of(PACKAGE, members)
    assert graph.affected_by([X]) == {"a": (X,), "b": (X, "libs/b/pyproject.toml")}


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
