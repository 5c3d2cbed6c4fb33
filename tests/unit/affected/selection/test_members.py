from __future__ import annotations

from typing import Any

import pytest

from tests.support.trees import MemoryTree, project
from tradai_tasks.affected.locks.lock_diff import RootGroups
from tradai_tasks.affected.selection.members import (
    SHAPING,
    closures,
    dependents_of,
    import_members,
    root_groups,
    shape_of,
    workspace_edges,
)
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


def groups_of(root: str, lock: str = "", noxfile: str = "", **settings: Any) -> RootGroups:
    tree = MemoryTree({**FILES, "pyproject.toml": FILES["pyproject.toml"] + root})
    if lock:
        tree.contents |= {"uv.lock": lock.encode(), "noxfile.py": noxfile.encode()}
    given = Settings(**settings)
    return root_groups(tree, discover(tree, given), given)


ROOT_GROUPS = '\n[dependency-groups]\ntest = []\ndev = ["pytest"]\ndocs = ["mkdocs"]\n'
WITH_PYTEST = (
    LOCK
    + """
[[package]]
name = "pytest"
version = "9.0"
source = { registry = "https://index.example/simple" }
"""
)


def test_without_a_lock_nothing_is_known_of_the_groups_of_the_root() -> None:
    assert groups_of(ROOT_GROUPS).unknown


def test_a_group_of_the_root_is_used_by_the_packages_whose_tests_look_for_tools_in_it() -> None:
    lock = WITH_PYTEST.replace(
        "[manifest]\n", '[manifest]\ndependency-groups = { dev = [{ name = "pytest" }] }\n'
    )
    assert lock != WITH_PYTEST
    found = groups_of(ROOT_GROUPS, lock)
    everybody = ("a", "b", "c")
    # `test` is asked first; `docs` is for the session alone
    assert found.members == {"test": everybody, "tests": everybody, "dev": everybody}
    assert found.sessions["docs"] == ["docs"]
    assert found.sessions["dev"] == ["docs", "lint", "typecheck"]


def test_where_the_tools_of_a_test_are_not_locked_any_of_the_groups_may_bring_them() -> None:
    found = groups_of(ROOT_GROUPS, LOCK)
    assert found.members.keys() == {"test", "tests", "dev", "docs"}


def test_a_group_of_the_root_with_a_type_checker_is_of_typecheck() -> None:
    found = groups_of(ROOT_GROUPS.replace('docs = ["mkdocs"]', 'docs = ["mypy>2"]'), LOCK)
    assert found.sessions["docs"] == ["docs", "typecheck"]


@pytest.mark.parametrize("noxfile", ['session.run("uv", "--group", "docs")', "# --all-groups"])
def test_a_group_that_the_noxfile_names_may_serve_any_session(noxfile: str) -> None:
    assert groups_of(ROOT_GROUPS, LOCK, noxfile).members["docs"] == ("a", "b", "c")


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
