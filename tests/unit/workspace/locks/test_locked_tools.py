"""Tools at the versions of uv.lock, and the groups that bring them."""

from __future__ import annotations

import pytest

from tests.support.locked_packages import app, lock_of, place
from tests.support.trees import MemoryTree
from tradai_tasks.checks.testing import pytest_rules as plan
from tradai_tasks.errors import (
    BrokenTomlError,
    LockMissingError,
    ToolNotLockedError,
)
from tradai_tasks.workspace.locks import locked_tools as locked
from tradai_tasks.workspace.locks.lock_file import (
    LockedRequirement,
    read_lock,
)

LOCK = lock_of(
    {
        "manifest": {"dependency-groups": {"dev": [{"name": "pytest-cov"}]}},
        "package": [
            {
                "name": "app",
                "source": {"editable": "app"},
                "dependencies": [{"name": "lib", "extra": ["fast"]}],
                "optional-dependencies": {"test": [{"name": "pytest"}]},
                "dev-dependencies": {"qa": [{"name": "pytest-cov"}]},
            },
            {
                "name": "lib",
                "version": "1",
                "optional-dependencies": {"fast": [{"name": "speed"}]},
            },
            {"name": "speed", "version": "1", "dependencies": [{"name": "app"}]},
            {"name": "pytest", "version": "8.0"},
            {"name": "pytest", "version": "9.0"},
            {"name": "pytest-cov", "version": "7.0", "dependencies": [{"name": "pytest"}]},
            {"name": "bandit", "version": "1.9"},
            {"name": "odd", "version": "not a version"},
        ],
    }
)


def test_a_tool_comes_as_locked_else_by_default() -> None:
    assert locked.pinned_tool(LOCK, "pytest") == "pytest==9.0"
    assert locked.pinned_tool(LOCK, "bandit") == "bandit[toml]==1.9"
    assert locked.pinned_tool(LOCK, "ruff") == locked.DEFAULT_TOOLS["ruff"]


def test_what_requirements_reach_includes_extras_and_ends_in_circles() -> None:
    assert locked.reached_from(LOCK, [LockedRequirement(name="app")]) == {"app", "lib", "speed"}
    assert locked.reached_from(LOCK, [LockedRequirement(name="lib", extra=("fast",))]) == {
        "lib",
        "speed",
        "app",
    }


def test_test_tools_come_from_the_packages_own_places_else_the_roots() -> None:
    extra = '[project.optional-dependencies]\ntest = ["pytest"]'
    group = '[dependency-groups]\nqa = ["pytest-cov"]'
    root = {"dependency-groups": {"dev": ["pytest-cov"]}}
    own = locked.find_test_tools(LOCK, app(extra), root, ["test", "dev"])
    assert [str(place) for place in own.places] == ["its own extra 'test'"]
    qa = locked.find_test_tools(LOCK, app(group), root, ["qa"])
    assert "pytest" in qa.reached
    shared = locked.find_test_tools(LOCK, app(), root, ["test", "dev"])
    assert [str(place) for place in shared.places] == ["the root's group 'dev'"]
    other = locked.find_test_tools(LOCK, app(), root, ["x", "y"])
    assert [str(place) for place in other.places] == ["the root's group 'dev'"]  # it has the tool
    strange = '[dependency-groups]\nstrange = ["pytest"]'
    entry = {"name": "app", "version": "1", "dev-dependencies": {"strange": [{"name": "pytest"}]}}
    lock = lock_of({"package": [entry, {"name": "pytest", "version": "9"}]})
    its = locked.find_test_tools(lock, app(strange), root, ["x", "y"])
    assert [str(place) for place in its.places] == ["its own group 'strange'"]
    none = locked.find_test_tools(LOCK, app(), {}, ["x", "y"])
    assert (none.places, "pytest" in none.reached) == ((), False)  # its default version will do
    with pytest.raises(ToolNotLockedError, match="no group or extra named 'x' or 'y'"):
        locked.find_test_tools(LOCK, app(), {}, ["x", "y"], tool="nose")
    with pytest.raises(ToolNotLockedError, match="its own group 'qa', the root's group 'dev'"):
        locked.find_test_tools(LOCK, app(group), root, ["qa", "dev"], tool="nose")
    named = {"project": {"name": "App"}, "dependency-groups": {"qa": []}}
    assert locked.find_test_tools(LOCK, app("", "lib", "lib"), named, ["qa"]).places


def test_the_groups_that_name_a_tool_are_found_by_the_name_of_their_requirements() -> None:
    groups = {"types": ["Django-stubs>=6", "MyPy [x] >=2"], "dev": [{"include-group": "types"}]}
    assert locked.groups_with({"dependency-groups": groups}, {"mypy"}) == ["types"]
    assert locked.groups_with({"dependency-groups": {"dev": ["mypy-ext"]}}, {"mypy"}) == []


def test_uvs_older_development_dependencies_are_the_group_dev() -> None:
    older = '[tool.uv]\ndev-dependencies = ["pytest"]'
    lock = lock_of(
        {
            "package": [
                {"name": "app", "dev-dependencies": {"dev": [{"name": "pytest"}]}},
                {"name": "pytest", "version": "9.0"},
            ]
        }
    )
    (own,) = locked.find_test_tools(lock, app(older), {}, ["dev"]).places
    assert str(own) == "its own group 'dev'"
    _, roots = plan.sync_commands(app(older), [place("root", "group", "dev")], root={})
    assert roots[-2:] == ["--only-group", "dev"]


def test_a_lock_is_read_or_missed() -> None:
    assert read_lock(MemoryTree({"uv.lock": "version = 1"}), ".").package == []
    with pytest.raises(LockMissingError, match=r"s/a/uv\.lock: no lock file; make it with: nox"):
        read_lock(MemoryTree({}), "s/a")
    with pytest.raises(BrokenTomlError, match=r"uv\.lock: broken TOML"):
        read_lock(MemoryTree({"uv.lock": "x ="}), ".")
    for odd in ("package = 3", "[[package]]\nversion = '1'", "package = [3]"):
        with pytest.raises(
            BrokenTomlError, match=r"^uv\.lock: not a lock file as uv writes it \(.*\); remove it"
        ):
            read_lock(MemoryTree({"uv.lock": f"version = 1\n{odd}"}), ".")
