"""The members that a changed entry of the lock selects."""

from __future__ import annotations

import pytest

from tests.support.lock_builders import INDEX, changed, edge, package, third
from tests.support.lock_text import lock_text
from tradai_tasks.affected.locks.lock_diff import (
    compare_locks,
)


def test_a_new_version_selects_those_that_reach_it_by_the_shortest_chain(before, after):
    package(after, "requests")["version"] = "2.32.0"
    assert changed(before, after) == {
        "backend": "requests 2.31.0 -> 2.32.0 <- httpx-thing <- backend"
    }


def test_a_package_of_a_member_selects_those_that_use_the_member(before, after):
    package(after, "pydantic")["version"] = "2.0"
    assert changed(before, after) == {
        "backend": "pydantic 1.0 -> 2.0 <- common <- backend",
        "common": "pydantic 1.0 -> 2.0 <- common",
        "worker": "pydantic 1.0 -> 2.0 <- common <- worker",
    }


def test_an_extra_is_reached_only_by_those_that_ask_for_it(before, after):
    package(after, "speedups")["version"] = "2.0"
    assert changed(before, after) == {
        "common": "speedups 1.0 -> 2.0 <- common[fast] <- common",
        "worker": "speedups 1.0 -> 2.0 <- common[fast] <- worker",
    }


def test_a_group_is_reached_only_by_its_own_member(before, after):
    package(after, "pytest")["version"] = "9.0"
    assert changed(before, after) == {"common": "pytest 1.0 -> 9.0 <- common:test <- common"}


def test_the_extra_of_a_third_party_package_is_told_apart_from_the_package(before, after):
    for document in (before, after):
        package(document, "requests")["optional-dependencies"] = {"socks": [{"name": "speedups"}]}
        package(document, "worker")["dependencies"].append(edge("requests[socks]"))
    package(after, "requests")["optional-dependencies"]["socks"].append({"name": "pydantic"})
    assert changed(before, after) == {
        "worker": "requests[socks] 2.31.0: dependencies changed (+pydantic) <- worker"
    }


def test_form_and_order_select_nothing(before, after):
    after["package"].reverse()
    for entry in after["package"]:
        entry["dependencies"].reverse()
        if "wheels" in entry:
            entry["wheels"].reverse()
    after["revision"] = 5
    package(after, "requests")["sdist"]["upload-time"] = "2026-01-01T00:00:00Z"
    package(after, "requests")["sdist"]["url"] = "https://mirror.example/requests-2.31.0.tar.gz"
    text = lock_text(after) + b"\n# a comment\n"
    assert compare_locks(lock_text(before), text).members == {}
    assert compare_locks(lock_text(before), text).everything is None
    assert changed(before, before) == {}


@pytest.mark.parametrize("key", ["sdist", "wheels"])
def test_other_files_of_the_same_version_select(before, after, key):
    files = package(after, "requests")[key]
    (files if isinstance(files, dict) else files[0])["hash"] = "sha256:other"
    assert changed(before, after) == {
        "backend": "requests 2.31.0: files changed <- httpx-thing <- backend"
    }


def test_files_without_a_hash_are_known_by_their_address(before, after):
    for document, host in ((before, "one"), (after, "two")):
        package(document, "requests")["sdist"] = {"url": f"https://{host}.example/r.tar.gz"}
    assert list(changed(before, after)) == ["backend"]


def test_an_edge_that_moves_selects(before, after):
    package(after, "httpx-thing")["dependencies"].append({"name": "pydantic"})
    assert changed(before, after) == {
        "backend": "httpx-thing 1.0: dependencies changed (+pydantic) <- backend"
    }


def test_a_marker_on_an_edge_selects(before, after):
    package(after, "httpx-thing")["dependencies"][0]["marker"] = "sys_platform == 'linux'"
    assert changed(before, after) == {
        "backend": "httpx-thing 1.0: dependencies changed (requests) <- backend"
    }


def test_another_source_selects(before, after):
    package(after, "requests")["source"] = {"registry": "https://other.example/simple"}
    assert changed(before, after) == {
        "backend": "requests 2.31.0: source changed <- httpx-thing <- backend"
    }


def test_forks_are_told_apart(before, after):
    for document in (before, after):
        document["package"].append(third("requests", "3.0"))
        for name, version in (("httpx-thing", "2.31.0"), ("speedups", "3.0")):
            package(document, name)["dependencies"] = [
                {"name": "requests", "version": version, "source": dict(INDEX)}
            ]
    after["package"][-1]["version"] = "3.1"
    package(after, "speedups")["dependencies"][0]["version"] = "3.1"
    assert changed(before, after) == {
        "common": "speedups 1.0: dependencies changed (requests) <- common[fast] <- common",
        "worker": "speedups 1.0: dependencies changed (requests) <- common[fast] <- worker",
    }


def test_a_fork_of_the_same_version_from_another_source_is_told_apart(before, after):
    other = {"registry": "https://other.example/simple"}
    for document in (before, after):
        document["package"].append(third("requests", "2.31.0", source=dict(other)))
        package(document, "httpx-thing")["dependencies"] = [
            {"name": "requests", "version": "2.31.0", "source": dict(INDEX)}
        ]
        package(document, "speedups")["dependencies"] = [
            {"name": "requests", "version": "2.31.0", "source": dict(other)}
        ]
    after["package"][-1]["sdist"]["hash"] = "sha256:other"
    assert list(changed(before, after)) == ["common", "worker"]


def test_an_added_and_a_removed_package_are_told(before, after):
    package(after, "httpx-thing")["dependencies"] = [{"name": "niquests"}]
    after["package"].append(third("niquests"))
    after["package"].remove(package(after, "requests"))
    assert changed(before, after) == {
        "backend": "httpx-thing 1.0: dependencies changed (+niquests, -requests) <- backend"
    }


@pytest.mark.parametrize(("left", "right", "told"), [(0, 1, "added"), (1, 0, "removed")])
def test_an_optional_package_that_comes_or_goes_is_told(before, after, left, right, told):
    # an edge to a name that the lock does not have, as a platform's own package may be
    package(before, "httpx-thing")["dependencies"].append({"name": "gone"})
    package(after, "httpx-thing")["dependencies"].append({"name": "gone"})
    after["package"].append(third("gone"))
    both = (before, after)
    assert changed(both[left], both[right]) == {
        "backend": f"gone 1.0 {told} <- httpx-thing <- backend"
    }


def test_a_members_own_entry_selects_the_member_alone(before, after):
    package(after, "common")["metadata"]["requires-dist"][0]["specifier"] = ">=1"
    assert changed(before, after) == {"common": "common: its entry in uv.lock changed"}


def test_a_members_own_version_selects_the_member_alone(before, after):
    entry = package(after, "common")
    del entry["version"]
    assert changed(before, after) == {"common": "common: its entry in uv.lock changed"}


def test_a_members_dependencies_select_those_that_use_it(before, after):
    package(after, "common")["dependencies"].append({"name": "requests"})
    assert changed(before, after) == {
        "backend": "common: dependencies in uv.lock changed (+requests) <- backend",
        "common": "common: dependencies in uv.lock changed (+requests)",
        "worker": "common: dependencies in uv.lock changed (+requests) <- worker",
    }
