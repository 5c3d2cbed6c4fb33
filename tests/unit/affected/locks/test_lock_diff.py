from __future__ import annotations

import copy
import json
from collections.abc import Iterable, Mapping
from typing import Any

import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from tests.support.examples import examples
from tests.support.lock_text import lock_text
from tradai_tasks.affected.locks.lock_diff import (
    _TOOL_SESSIONS,
    LockChange,
    RootGroups,
    compare_locks,
    declared_closures,
    member_closures,
    third_party_members,
)
from tradai_tasks.affected.locks.tool_settings_diff import sessions_that_read
from tradai_tasks.errors import BrokenTomlError
from tradai_tasks.workspace.locks.lock_graph import parse_edges, parse_lock
from tradai_tasks.workspace.locks.locked_tools import DEFAULT_TOOLS

INDEX = {"registry": "https://index.example/simple"}


def third(
    name: str, version: str = "1.0", needs: Iterable[Any] = (), **more: Any
) -> dict[str, Any]:
    file = f"https://files.example/{name}-{version}.tar.gz"
    found = {
        "name": name,
        "version": version,
        "source": dict(INDEX),
        "dependencies": [edge(need) for need in needs],
        "sdist": {"url": file, "hash": f"sha256:{name}{version}", "size": 10},
        "wheels": [{"url": f"{file}-{n}.whl", "hash": f"sha256:{n}"} for n in range(2)],
    }
    return found | more


def member(name: str, needs: Iterable[Any] = (), **more: Any) -> dict[str, Any]:
    found = {
        "name": name,
        "version": "0.1.0",
        "source": {"editable": f"libs/{name}"},
        "dependencies": [edge(need) for need in needs],
        "metadata": {"requires-dist": [{"name": edge(need)["name"]} for need in needs]},
    }
    return found | more


def edge(need: str | dict[str, Any]) -> dict[str, Any]:
    if isinstance(need, dict):
        return need
    name, _, extra = need.partition("[")
    return {"name": name} | ({"extra": [extra.rstrip("]")]} if extra else {})


def lock(*packages: dict[str, Any], groups: Any = None, **head: Any) -> dict[str, Any]:
    members = [p["name"] for p in packages if "registry" not in p["source"]]
    manifest = {"members": members} | ({"dependency-groups": groups} if groups else {})
    return {
        "version": 1,
        "revision": 3,
        "requires-python": ">=3.11",
        "manifest": manifest,
        "package": list(packages),
    } | head


def small() -> dict[str, Any]:
    return lock(
        member("backend", ["httpx-thing", "common"]),
        member("common", ["pydantic"]),
        member("worker", ["common[fast]"]),
        third("httpx-thing", needs=["requests"]),
        third("requests", "2.31.0"),
        third("pydantic"),
        third("speedups"),
        third("pytest"),
        groups=None,
    )


def changed(
    before: Mapping[str, Any], after: Mapping[str, Any], **options: Any
) -> dict[str, str] | str:
    found = compare_locks(lock_text(before), lock_text(after), **options)
    return found.everything or dict(found.members)


def package(document: Mapping[str, Any], name: str) -> dict[str, Any]:
    return next(p for p in document["package"] if p["name"] == name)


@pytest.fixture
def before() -> dict[str, Any]:
    document = small()
    common = package(document, "common")
    common["optional-dependencies"] = {"fast": [{"name": "speedups"}]}
    common["dev-dependencies"] = {"test": [{"name": "pytest"}]}
    return document


@pytest.fixture
def after(before: dict[str, Any]) -> dict[str, Any]:
    return copy.deepcopy(before)


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


# closures


def test_closures_name_the_members_that_a_member_reaches(before):
    assert member_closures(parse_lock(lock_text(before), "uv.lock")) == {
        "backend": {"backend", "common"},
        "common": {"common"},
        "worker": {"worker", "common"},
    }


def test_closures_go_by_extras_groups_third_parties_and_what_is_declared():
    document = lock(
        member("a", ["t"], **{"dev-dependencies": {"dev": [edge("b")]}}),
        member("b", ["c[x]"]),
        member("c", [], **{"optional-dependencies": {"x": [edge("d")], "y": [edge("e")]}}),
        member("d"),
        member("e"),
        member("f", [], metadata={"requires-dev": {"dev": [{"name": "e"}]}}),
        third("t", needs=["f"]),
    )
    assert member_closures(parse_lock(lock_text(document), "uv.lock")) == {
        "a": {"a", "b", "c", "d", "f"},
        "b": {"b", "c", "d"},
        "c": {"c", "d", "e"},
        "d": {"d"},
        "e": {"e"},
        "f": {"f", "e"},
    }


def test_members_that_third_parties_need_are_told_for_all_that_install_these():
    document = lock(
        member("a", ["t"]),
        member("b", ["a"]),
        member("c", ["f"]),
        member("f", ["u"]),
        third("t", needs=["s"]),
        third("s", needs=["f"]),
        third("u"),
    )
    assert third_party_members(parse_lock(lock_text(document), "uv.lock")) == {
        "a": {"f": "s"},
        "b": {"f": "s"},
        "c": {},
        "f": {},
    }


def test_declared_closures_follow_requirements():
    found = declared_closures(
        {
            "a": ["B-b[x] >= 1; python_version > '3'", "requests"],
            "b-b": ["c @ file:///c", "a"],
            "c": ["not a requirement ???", "", "=="],
        }
    )
    assert found == {"a": {"a", "b-b", "c"}, "b-b": {"a", "b-b", "c"}, "c": {"c"}}


# properties

NAMES = [f"t{n}" for n in range(5)]
MEMBERS = [f"m{n}" for n in range(4)]
EXTRAS = ["x", "y"]


@st.composite
def edges(draw: st.DrawFn, names: list[str]) -> list[dict[str, Any]]:
    found = []
    for name in draw(st.lists(st.sampled_from(names), max_size=3, unique=True)):
        need: dict[str, Any] = {"name": name}
        extras = draw(st.lists(st.sampled_from(EXTRAS), max_size=2, unique=True))
        if extras:
            need["extra"] = extras
        if draw(st.integers(0, 5)) == 0:
            need["marker"] = "sys_platform == 'linux'"
        found.append(need)
    return found


@st.composite
def locks(draw: st.DrawFn) -> dict[str, Any]:
    packages = [
        member(
            name,
            draw(edges(NAMES + MEMBERS)),
            **{
                "optional-dependencies": {e: draw(edges(NAMES + MEMBERS)) for e in EXTRAS},
                "dev-dependencies": {"dev": draw(edges(NAMES + MEMBERS))},
            },
        )
        for name in MEMBERS
    ]
    for name in NAMES:
        versions = draw(st.lists(st.sampled_from("12"), min_size=1, max_size=2, unique=True))
        for version in versions:
            extras = {e: draw(edges(NAMES)) for e in EXTRAS if draw(st.booleans())}
            packages.append(
                third(name, version, draw(edges(NAMES)), **{"optional-dependencies": extras})
            )
    return lock(*packages)


@st.composite
def mutations(draw: st.DrawFn) -> tuple[dict[str, Any], dict[str, Any]]:
    before = draw(locks())
    after = copy.deepcopy(before)
    for _ in range(draw(st.integers(0, 3))):
        entry = draw(st.sampled_from(after["package"]))
        is_member = entry["name"] in MEMBERS
        names = NAMES + MEMBERS if is_member else NAMES
        match draw(st.sampled_from(["version", "hash", "edges", "extra", "remove", "order"])):
            case "version" if not is_member:
                entry["version"] = "9"
            case "hash" if not is_member:
                entry["sdist"]["hash"] = "sha256:other"
            case "edges":
                entry["dependencies"] = draw(edges(names))
            case "extra":
                entry["optional-dependencies"]["x"] = draw(edges(names))
            case "remove" if not is_member:
                after["package"].remove(entry)
            case "order":
                after["package"].reverse()
                entry["dependencies"].reverse()
            case _:
                pass
    return before, after


def brute_force(document: dict[str, Any], name: str) -> set[str]:
    """All that is installed for a member, each package with the parts of it that are used."""
    facts: set[str] = set()

    def visit(found: dict[str, Any], part: str) -> None:
        key = {"dependencies": "dependencies"}.get(part, part)
        if part == "dependencies":
            needs = found.get("dependencies", [])
        else:
            needs = found["optional-dependencies"][part]
        told = sorted(json.dumps(need, sort_keys=True) for need in needs)
        keys = () if found["name"] in MEMBERS else ("version", "source", "sdist", "wheels")
        own = {key: found[key] for key in keys}
        fact = json.dumps(
            [found["name"], own if part == "dependencies" else own.get("version"), key, told]
        )
        if fact in facts:
            return
        facts.add(fact)
        if part != "dependencies":
            visit(found, "dependencies")
        follow(needs)

    def follow(needs: list[dict[str, Any]]) -> None:
        for need in needs:
            for target in document["package"]:
                if target["name"] == need["name"]:
                    visit(target, "dependencies")
                    for extra in need.get("extra", []):
                        if extra in target.get("optional-dependencies", {}):
                            visit(target, extra)

    entry = package(document, name)
    sorted_entry = {k: entry[k] for k in ("version", "metadata")}
    facts.add(json.dumps(["entry", sorted_entry], sort_keys=True))
    visit(entry, "dependencies")
    for extra in entry["optional-dependencies"]:
        visit(entry, extra)
    for group, needs in entry["dev-dependencies"].items():
        facts.add(json.dumps([group, sorted(json.dumps(n, sort_keys=True) for n in needs)]))
        follow(needs)
    return facts


def reached(document: dict[str, Any]) -> set[str]:
    return {fact for name in MEMBERS for fact in brute_force(document, name)}


def total(document: dict[str, Any]) -> set[str]:
    """Every fact, as if one more member needed every package with every extra."""
    whole = copy.deepcopy(document)
    needs = [{"name": name, "extra": EXTRAS} for name in NAMES]
    package(whole, MEMBERS[0])["dev-dependencies"]["all"] = needs
    return {f for f in brute_force(whole, MEMBERS[0]) if not f.startswith('["all"')}


@settings(max_examples=examples(80))
@given(mutations())
def test_the_selection_is_that_of_comparing_whole_closures(both):
    before, after = both
    if lock_text(before) == lock_text(after):
        assert changed(before, after) == {}
        return
    expected = {n for n in MEMBERS if brute_force(before, n) != brute_force(after, n)}
    found = changed(before, after)
    if isinstance(found, str):
        assert "which no member reaches" in found
        assert (total(before) - reached(before)) ^ (total(after) - reached(after))
    else:
        assert set(found) == expected
        for name, reason in found.items():
            assert reason.endswith(name) or reason.startswith((f"{name}:", f"{name}["))


@settings(max_examples=examples(50))
@given(locks())
def test_closures_are_those_found_by_brute_force(document):
    assume(document["package"])
    found = member_closures(parse_lock(lock_text(document), "uv.lock"))
    for name in MEMBERS:
        facts = [json.loads(fact) for fact in brute_force(document, name)]
        assert found[name] == {fact[0] for fact in facts} & set(MEMBERS) | {name}


AS_UV_WRITES = b"""version = 1
revision = 3
requires-python = ">=3.11"

[manifest]
members = [
    "app",
    "lib",
]

[[package]]
name = "app"
version = "0.1.0"
source = { editable = "app" }
dependencies = [
    { name = "third" },
]

[[package]]
name = "lib"
version = "0.1.0"
source = { editable = "lib" }

[[package]]
name = "third"
version = "1.0"
source = { registry = "https://index.example/simple" }
sdist = { url = "https://files.example/third.tar.gz", hash = "sha256:1", size = 10 }
wheels = [
    { url = "https://files.example/a.whl", hash = "sha256:2", size = 9, upload-time = "2026" },
    { url = "https://files.example/b.whl", hash = "sha256:3" },
]
dependencies = [
    { name = "lib" },
]
"""


def test_edges_are_read_without_the_files_of_packages() -> None:
    whole, edges = parse_lock(AS_UV_WRITES, "uv.lock"), parse_edges(AS_UV_WRITES, "uv.lock")
    assert edges.edges == whole.edges
    assert member_closures(edges) == {"app": {"app", "lib"}, "lib": {"lib"}}
    assert "files.example" in str(whole.nodes)
    assert "files.example" not in str(edges.nodes)


@pytest.mark.parametrize(
    ("found", "broken"),
    [
        (b"size = 10", b"size = = 10"),
        (b'{ name = "lib" }', b'{ name = "lib }'),
        (b'"0.1.0"', b'"0.1.0'),
    ],
)
def test_a_fault_in_the_edges_is_told_as_of_the_whole_lock(found: bytes, broken: bytes) -> None:
    content = AS_UV_WRITES.replace(found, broken)
    with pytest.raises(BrokenTomlError) as of_all:
        parse_lock(content, "uv.lock")
    with pytest.raises(BrokenTomlError) as of_edges:
        parse_edges(content, "uv.lock")
    assert str(of_edges.value) == str(of_all.value)


def test_what_looks_like_files_inside_a_long_string_is_left_alone() -> None:
    files = AS_UV_WRITES[AS_UV_WRITES.index(b"sdist") : AS_UV_WRITES.rindex(b"dependencies")]
    content = AS_UV_WRITES + b'note = """\n' + files + b'"""\n'
    assert parse_edges(content, "uv.lock").nodes == parse_lock(content, "uv.lock").nodes


def test_every_tool_that_a_session_installs_selects_it() -> None:
    assert {name for name in DEFAULT_TOOLS if not sessions_that_read(name)} == set()
