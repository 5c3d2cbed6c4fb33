from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest

from tests.support.trees import MemoryTree, project
from tradai_tasks.affected.selection import members
from tradai_tasks.affected.selection.members import (
    SHAPING,
    closures,
    dependents_of,
    import_members,
    root_group_users,
    shape_of,
    workspace_edges,
)
from tradai_tasks.errors import ToolNotLockedError
from tradai_tasks.settings.model import Settings
from tradai_tasks.workspace.discovery import Workspace, discover

ROOT = '[tool.uv.workspace]\nmembers = ["libs/*"]\n'
FILES = {
    "pyproject.toml": ROOT,
    "libs/a/pyproject.toml": project("a"),
    "libs/a/src/a/__init__.py": "",
    "libs/b/pyproject.toml": '[project]\nname = "b"\nversion = "1"\ndependencies = ["a>=1"]\n\n'
    '[project.scripts]\nb-cli = "b.cli:main"\n\n[project.entry-points.pytest11]\nb = "b.plugin"\n\n'
    '[build-system]\nrequires = []\nbuild-backend = "uv_build"\n',
    "libs/b/src/b/__init__.py": "",
    "libs/c/pyproject.toml": '[project]\nname = "c"\nversion = "1"\n\n'
    '[project.optional-dependencies]\nmore = ["b[x]"]\n\n[dependency-groups]\ndev = ["numpy"]\n\n'
    '[build-system]\nrequires = []\nbuild-backend = "uv_build"\n',
    "libs/c/src/c/__init__.py": "",
    "lambdas/x/Dockerfile": "FROM scratch\n",
    "lambdas/x/handler.py": "",
}
LOCK = """\
version = 1
requires-python = ">=3.11"

[manifest]
members = ["a", "b", "c"]

[[package]]
name = "a"
version = "1.0"
source = { editable = "libs/a" }
dependencies = [{ name = "c" }]

[[package]]
name = "b"
version = "1"
source = { editable = "libs/b" }

[[package]]
name = "c"
version = "1"
source = { editable = "libs/c" }
"""


def test_closures_are_what_is_declared_at_any_distance() -> None:
    tree = MemoryTree(FILES)
    workspace = discover(tree, Settings())
    reach = closures(tree, workspace)
    assert reach == {
        "a": frozenset("a"),
        "b": frozenset("ab"),
        "c": frozenset("abc"),
    }
    assert dependents_of("a", reach) == ("a", "b", "c")
    assert dependents_of("c", reach) == ("c",)


def test_dependencies_that_a_build_computes_are_told_by_the_lock_alone() -> None:
    computed = '[project]\nname = "c"\nversion = "1"\ndynamic = ["dependencies"]\n'
    files = {**FILES, "libs/c/pyproject.toml": computed}
    tree = MemoryTree(files)
    assert closures(tree, discover(tree, Settings()))["c"] == {"a", "b", "c"}
    tree = MemoryTree({**files, "uv.lock": LOCK})
    assert closures(tree, discover(tree, Settings()))["c"] == {"c"}


def test_the_older_way_to_write_development_dependencies_counts() -> None:
    older = '[project]\nname = "c"\nversion = "1"\n[tool.uv]\ndev-dependencies = ["a"]\n'
    tree = MemoryTree({**FILES, "libs/c/pyproject.toml": older})
    assert closures(tree, discover(tree, Settings()))["c"] == {"a", "c"}


def test_the_lock_file_adds_to_what_is_declared() -> None:
    tree = MemoryTree({**FILES, "uv.lock": LOCK})
    reach = closures(tree, discover(tree, Settings()))
    assert reach["a"] == {"a", "c"}
    assert reach["b"] >= {"a", "b"}


def test_members_have_source_roots_and_entry_points() -> None:
    tree = MemoryTree(FILES)
    workspace = discover(tree, Settings())
    found = {m.name: m for m in import_members(tree, workspace, closures(tree, workspace))}
    assert found["b"].path == "libs/b"
    assert found["b"].source_roots == ("libs/b/src",)
    assert found["b"].entry_points == (("pytest11", "b.plugin"), ("scripts", "b.cli:main"))
    assert found["a"].entry_points == ()


def test_a_lambda_that_is_no_package_may_import_from_all() -> None:
    tree = MemoryTree(FILES)
    workspace = discover(tree, Settings())
    assert [unit.name for unit in workspace.lambdas] == ["x"]
    one = import_members(tree, workspace, closures(tree, workspace))[-1]
    assert (one.name, one.path, one.source_roots) == ("lambdas:x", "lambdas/x", ("lambdas/x",))
    assert one.closure == {"a", "b", "c", "lambdas:x"}


def test_edges_of_the_workspace_go_by_session_id() -> None:
    workspace = discover(MemoryTree(FILES), Settings())
    assert workspace_edges(workspace) == (("b", "a"), ("c", "b"))


def test_without_a_lock_nothing_is_known_of_the_groups_of_the_root() -> None:
    tree = MemoryTree(FILES)
    assert root_group_users(tree, discover(tree, Settings()), Settings()) == {}


def test_a_group_of_the_root_is_used_by_the_packages_whose_tests_install_it(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def tools(lock: object, package: Any, document: object, names: object) -> SimpleNamespace:
        own = SimpleNamespace(owner="package", name="dev")
        root = SimpleNamespace(
            owner="root", name=f"dev-{package.name}" if package.name < "c" else ""
        )
        return SimpleNamespace(places=[own, root] if package.name < "c" else [own])

    monkeypatch.setattr(members, "find_test_tools", tools)
    tree = MemoryTree({**FILES, "uv.lock": LOCK})
    workspace = discover(tree, Settings())
    assert root_group_users(tree, workspace, Settings()) == {"dev-a": ("a",), "dev-b": ("b",)}


def test_where_the_tools_of_a_test_are_not_locked_no_group_is_known_to_be_used_alone(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def fail(*given: object) -> None:
        raise ToolNotLockedError.__new__(ToolNotLockedError)

    monkeypatch.setattr(members, "find_test_tools", fail)
    tree = MemoryTree({**FILES, "uv.lock": LOCK})
    assert root_group_users(tree, discover(tree, Settings()), Settings()) == {}


def shape(
    files: dict[str, str], workspace: Workspace, links: dict[str, str] | None = None
) -> str | None:
    shaping = {path: text for path, text in files.items() if path.rpartition("/")[2] in SHAPING}
    return shape_of(files, links or {}, shaping, workspace)


def test_the_shape_changes_with_all_that_members_depend_on() -> None:
    workspace = discover(MemoryTree(FILES), Settings())
    first = shape(FILES, workspace)
    fewer = {path: text for path, text in FILES.items() if not path.startswith("libs/c/")}
    other = {**FILES, "libs/a/pyproject.toml": FILES["libs/a/pyproject.toml"] + "\n[tool.x]\n"}
    assert first == shape(dict(reversed(FILES.items())), workspace)
    told = {
        shape({**FILES, "libs/a/src/a/new.py": ""}, workspace),
        shape({**FILES, "libs/a/pyproject.toml": "other"}, workspace),
        shape({**FILES, "uv.lock": "first"}, workspace),
        shape({**FILES, "uv.lock": "second"}, workspace),
        shape(FILES, workspace, {"libs/d": "libs/a"}),
        shape(FILES, discover(MemoryTree(fewer), Settings())),
        shape(FILES, discover(MemoryTree(other), Settings())),
    }
    assert len(told - {first, None}) == 7
    assert shape({**FILES, "libs/a/src/a/__init__.py": "changed"}, workspace) == first


def test_a_number_that_only_toml_can_hold_means_that_members_are_not_kept() -> None:
    files = {**FILES, "libs/a/pyproject.toml": FILES["libs/a/pyproject.toml"] + f"\nx={10**30}"}
    assert shape(files, discover(MemoryTree(files), Settings())) is None
