"""Changes of a lock that concern more than one entry: its top, groups, tools."""

from __future__ import annotations

import copy
from typing import Any

import pytest

from tests.support.lock_builders import changed, lock, member, package, third
from tests.support.lock_text import lock_text
from tradai_tasks.affected.locks.lock_diff import (
    _TOOL_SESSIONS,
    LockChange,
    RootGroups,
    compare_locks,
)
from tradai_tasks.affected.locks.tool_settings_diff import sessions_that_read
from tradai_tasks.errors import BrokenTomlError
from tradai_tasks.workspace.locks.locked_tools import DEFAULT_TOOLS


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("requires-python", ">=3.12"),
        ("resolution-markers", ["sys_platform == 'linux'"]),
        ("options", {"prerelease-mode": "allow"}),
        ("supported-markers", ["sys_platform == 'linux'"]),
        ("conflicts", [[{"package": "a", "extra": "b"}]]),
    ],
)
def test_the_top_of_a_lock_counts_by_what_it_changes_in_the_entries(before, after, key, value):
    after[key] = value
    assert changed(before, after) == {}
    package(after, "requests")["resolution-markers"] = ["sys_platform == 'linux'"]
    assert set(changed(before, after)) == {"backend"}


def test_a_change_at_the_top_that_no_entry_shows_selects_everything(before, after):
    after["something-new"] = 1
    assert changed(before, after) == "uv.lock: something-new changed"


def test_a_new_member_affects_itself_and_who_needs_it(before, after):
    after["package"].append(member("newcomer", ["pydantic"]))
    after["manifest"]["members"].append("newcomer")
    assert set(changed(before, after)) == {"newcomer"}
    package(after, "worker")["dependencies"].append({"name": "newcomer"})
    assert set(changed(before, after)) == {"newcomer", "worker"}


def test_a_removed_or_renamed_member_affects_who_needed_it(before, after):
    after["package"].remove(package(after, "worker"))
    after["manifest"]["members"].remove("worker")
    assert set(changed(before, after)) == {"worker"}
    renamed = copy.deepcopy(before)
    package(renamed, "common")["name"] = "shared"
    for name in ("backend", "worker"):
        for needed in package(renamed, name)["dependencies"]:
            needed["name"] = {"common": "shared"}.get(needed["name"], needed["name"])
    renamed["manifest"]["members"] = ["backend", "shared", "worker"]
    assert set(changed(before, renamed)) == {"backend", "common", "shared", "worker"}
    apart = copy.deepcopy(renamed)
    package(apart, "worker")["name"] = "runner"
    apart["manifest"]["members"] = ["backend", "runner", "shared"]
    assert set(changed(renamed, apart)) == {"runner", "worker"}


def test_constraints_count_by_the_entries_and_those_of_builds_for_everything(before, after):
    for key in ("overrides", "constraints"):
        after["manifest"][key] = [{"name": "requests", "specifier": "<3"}]
    assert changed(before, after) == {}
    after["manifest"]["build-constraints"] = [{"name": "setuptools", "specifier": "<3"}]
    assert changed(before, after) == "uv.lock: build constraints changed"


def test_a_package_that_no_member_reaches_selects_everything(before, after):
    for document in (before, after):
        document["package"].append(third("tool"))
    package(after, "tool")["version"] = "2.0"
    assert changed(before, after) == "uv.lock: tool 1.0 -> 2.0, which no member reaches"


def test_the_groups_of_a_virtual_root_serve_every_session(before, after):
    for document in (before, after):
        document["manifest"]["dependency-groups"] = {"dev": [{"name": "ruff"}]}
        document["package"].append(third("ruff"))
    package(after, "ruff")["version"] = "2.0"
    assert changed(before, after) == (
        "ruff 1.0 -> 2.0 <- the root's group dev, which serves every session"
    )
    groups = RootGroups(members={"Dev": ["worker"]}, sessions={"dev": ["lint"]})
    assert changed(before, after, root_groups=groups) == {
        "worker": "ruff 1.0 -> 2.0 <- the root's group dev <- worker"
    }


def test_a_group_that_only_sessions_install_selects_these(before, after):
    for document in (before, after):
        document["manifest"]["dependency-groups"] = {"pages": [{"name": "theme"}]}
        document["package"].append(third("theme"))
    package(after, "theme")["version"] = "2.0"
    groups = RootGroups(members={"dev": ["worker"]}, sessions={"pages": ["docs", "lint"]})
    found = compare_locks(lock_text(before), lock_text(after), root_groups=groups)
    reason = "theme 1.0 -> 2.0 <- the root's group pages"
    assert found == LockChange(sessions={"docs": reason, "lint": reason})


def test_a_tool_that_a_session_installs_as_locked_selects_the_session(before, after):
    assert _TOOL_SESSIONS.keys() == DEFAULT_TOOLS.keys()
    for document in (before, after):
        document["manifest"]["dependency-groups"] = {"tools": [{"name": "ruff"}]}
        document["package"].append(third("ruff"))
    package(after, "ruff")["version"] = "2.0"
    found = compare_locks(lock_text(before), lock_text(after), root_groups=RootGroups())
    assert found == LockChange(sessions={"lint": "ruff 1.0 -> 2.0"})


def test_the_groups_of_a_root_project_serve_every_session_and_its_dependencies_do_not(
    before, after
):
    for document in (before, after):
        root = member("whole", ["speedups"])
        root["source"] = {"virtual": "."}
        root["dev-dependencies"] = {"dev": [{"name": "ruff"}]}
        document["package"] += [root, third("ruff")]
        document["manifest"]["members"].append("whole")
    newer = copy.deepcopy(after)
    package(newer, "ruff")["version"] = "2.0"
    assert changed(before, newer) == ("ruff 1.0 -> 2.0 <- whole:dev, which serves every session")
    assert changed(before, newer, root_groups=RootGroups(members={"dev": ["worker"]})) == {
        "whole": "ruff 1.0 -> 2.0 <- whole:dev <- whole",
        "worker": "ruff 1.0 -> 2.0 <- whole:dev <- worker",
    }
    package(after, "speedups")["version"] = "2.0"
    assert set(changed(before, after)) == {"common", "whole", "worker"}


def test_a_lock_of_one_project_has_that_one_member():
    def single(version: str) -> dict[str, Any]:
        momentum = member("momentum", ["freqtrade"])
        momentum["source"] = {"virtual": "."}
        momentum["dev-dependencies"] = {"dev": [{"name": "pytest"}]}
        document = lock(momentum, third("freqtrade"), third("pytest", version))
        del document["manifest"]
        return document

    assert changed(single("8.0"), single("9.0")) == {
        "momentum": "pytest 8.0 -> 9.0 <- momentum:dev <- momentum"
    }


def test_a_lock_that_comes_or_goes_selects_everything(before):
    text = lock_text(before)
    assert compare_locks(None, text).everything == "uv.lock is new"
    assert compare_locks(text, None, file="s/uv.lock").everything == "s/uv.lock was removed"
    assert compare_locks(None, None).everything is None


def test_a_member_that_no_lock_knows_is_selected(before, after):
    package(after, "requests")["version"] = "2.32.0"
    found = changed(before, after, members=["backend", "stranger"])
    assert isinstance(found, dict)
    assert found["stranger"] == "uv.lock has no entry for stranger"


@pytest.mark.parametrize(
    ("text", "told"),
    [
        (b"version = 1\n[[package]\n", "uv.lock: broken TOML: "),
        (b"\xff\xfe", "uv.lock: broken TOML: byte 0 is not UTF-8"),
        (b"version = 2\n", "uv.lock: lock format 2 is not known, only 1; write it with a uv that"),
        (b"", "uv.lock: lock format None is not known"),
        (
            b"version = 1\npackage = 7\n",
            "uv.lock: not a lock file as uv writes it (Expected ",
        ),
        (b"version = 1\n[[package]]\nversion = '1'\n", "uv.lock: not a lock file as uv writes it"),
        (b"version = 1\n[[package]]\nname = 'a'\nsource = 'b'\n", "uv.lock: not a lock file"),
    ],
)
def test_a_corrupt_lock_is_an_error_at_the_head_and_everything_at_the_base(before, text, told):
    good = lock_text(before)
    with pytest.raises(BrokenTomlError) as caught:
        compare_locks(good, text)
    assert str(caught.value).startswith(told)
    assert "\n" not in str(caught.value)
    everything = compare_locks(text, good).everything
    assert everything is not None
    assert everything.startswith(told.replace("uv.lock:", "uv.lock at the base:"))


def test_every_tool_that_a_session_installs_selects_it() -> None:
    assert {name for name in DEFAULT_TOOLS if not sessions_that_read(name)} == set()
