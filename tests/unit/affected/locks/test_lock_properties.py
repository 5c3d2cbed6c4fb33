"""The difference of two locks against whole closures, for any locks."""

from __future__ import annotations

import copy
import json
from typing import Any

from hypothesis import assume, given, settings
from hypothesis import strategies as st

from tests.support.examples import examples
from tests.support.lock_builders import (
    changed,
    lock,
    member,
    package,
    third,
)
from tests.support.lock_text import lock_text
from tradai_tasks.affected.locks.lock_diff import (
    member_closures,
)
from tradai_tasks.workspace.locks.lock_graph import parse_lock

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
