"""The members that a member reaches by the lock."""

from __future__ import annotations

import pytest

from tests.support.lock_builders import edge, lock, member, third
from tests.support.lock_text import lock_text
from tradai_tasks.affected.locks.lock_diff import (
    declared_closures,
    member_closures,
    third_party_members,
)
from tradai_tasks.errors import BrokenTomlError
from tradai_tasks.workspace.locks.lock_graph import parse_edges, parse_lock


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
