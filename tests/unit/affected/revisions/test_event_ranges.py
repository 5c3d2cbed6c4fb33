from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.support.repos import ZEROS
from tradai_tasks.affected.revisions.event_payload import (
    Everything,
    LocalChange,
    MergeGroupEvent,
    PullRequestEvent,
    PushEvent,
    StrategyTag,
    is_ref_name,
    parse_event,
)
from tradai_tasks.vcs.git_records import is_object_id

A, B = "a" * 40, "b" * 64
REQUEST = {
    "pull_request": {"number": 7, "base": {"ref": "main", "sha": A}, "head": {"sha": B}},
}
PUSH = {
    "ref": "refs/heads/feature/x",
    "before": A,
    "after": B,
    "forced": True,
    "repository": {"default_branch": "trunk"},
}


def parsed(name: str, payload: Any, slugs: tuple[str, ...] = (), **env: str) -> Any:
    content = payload if isinstance(payload, bytes | None) else json.dumps(payload).encode()
    return parse_event({"GITHUB_EVENT_NAME": name, **env}, content, slugs)


@pytest.mark.parametrize(("ci", "in_ci"), [("true", True), ("1", True), ("", False), ("no", False)])
def test_without_an_event_it_is_a_laptop(ci, in_ci):
    assert parse_event({"CI": ci}, None, ()) == LocalChange(in_ci=in_ci)


def test_a_pull_request_has_its_branch_and_commits():
    found = parsed("pull_request", REQUEST, GITHUB_REF="refs/pull/7/merge", GITHUB_SHA=A)
    assert found == PullRequestEvent(
        number=7, branch="main", base=A, head=B, merged=A, is_checked_out=True
    )
    target = parsed("pull_request_target", REQUEST, GITHUB_REF="refs/heads/main", GITHUB_SHA=A)
    assert target.merged is None
    assert not target.is_checked_out


def test_a_pull_request_takes_the_branch_from_the_environment_where_need_be():
    event = {"pull_request": {"base": {"sha": 7}, "head": {"sha": B}}}
    found = parsed("pull_request", event, GITHUB_BASE_REF="main")
    assert (found.branch, found.base, found.number, found.merged) == ("main", None, None, None)


def test_a_push_has_its_branch_and_commits():
    assert parsed("push", PUSH) == PushEvent(
        branch="feature/x", default_branch="trunk", before=A, after=B, is_forced=True
    )
    bare = {"before": ZEROS, "after": B}
    assert parsed("push", bare, GITHUB_REF="refs/heads/main") == PushEvent(
        branch="main", default_branch=None, before=None, after=B, is_forced=None
    )


def test_a_merge_group_has_its_commits():
    event = {"merge_group": {"base_sha": A, "head_sha": B}}
    assert parsed("merge_group", event) == MergeGroupEvent(base=A, head=B)


@pytest.mark.parametrize(
    ("tag", "told"),
    [
        ("v1.2.0", "tag v1.2.0 releases the platform"),
        ("v1.2.0-rc.1+build.5", "tag v1.2.0-rc.1+build.5 releases the platform"),
        ("v1.2", "tag v1.2 is neither v<version> nor <strategy>-v<version>"),
        ("v01.2.3", "tag v01.2.3 is neither v<version> nor <strategy>-v<version>"),
        ("unknown-v1.0.0", "tag unknown-v1.0.0 is neither v<version> nor <strategy>-v<version>"),
        ("momentum-v1", "tag momentum-v1 is neither v<version> nor <strategy>-v<version>"),
        ("nightly", "tag nightly is neither v<version> nor <strategy>-v<version>"),
        ("--x", "the pushed tag has no usable name"),
        ("", "the pushed tag has no usable name"),
    ],
)
def test_other_tags_than_a_strategys_select_everything(tag, told):
    slugs = ("momentum", "momentum-v2")
    assert parsed("push", None, slugs, GITHUB_REF=f"refs/tags/{tag}") == Everything(why=told)


@pytest.mark.parametrize(
    ("tag", "slug"),
    [
        ("momentum-v1.0.0", "momentum"),
        ("momentum-v2-v1.0.0", "momentum-v2"),
        ("momentum-v1.0.0-rc.1", "momentum"),
    ],
)
def test_a_strategys_tag_selects_it(tag, slug):
    slugs = ("momentum", "momentum-v2")
    expected = StrategyTag(slug=slug, tag=tag)
    assert parsed("push", None, slugs, GITHUB_REF=f"refs/tags/{tag}") == expected
    assert parsed("push", {"ref": f"refs/tags/{tag}"}, slugs) == expected
    env = {"GITHUB_REF_TYPE": "tag", "GITHUB_REF_NAME": tag}
    assert parsed("push", None, slugs, **env) == expected


@pytest.mark.parametrize(
    ("name", "payload", "told"),
    [
        ("schedule", {}, "event schedule names no change to compare"),
        ("a b\n", {}, "event 'a b\\n' names no change to compare"),
        ("push", None, "event push: there is no event file (GITHUB_EVENT_PATH)"),
        ("push", b"{", "event push: the event file (GITHUB_EVENT_PATH) is no JSON"),
        ("push", b"\xff", "event push: the event file (GITHUB_EVENT_PATH) is no JSON"),
        ("push", b"[" * 100_000, "event push: the event file (GITHUB_EVENT_PATH) is no JSON"),
        ("push", [], "event push: the event file (GITHUB_EVENT_PATH) holds no object"),
        ("push", {}, "event push: ref is missing or no branch name"),
        ("push", PUSH | {"ref": 7}, "event push: ref is missing or no branch name"),
        ("push", PUSH | {"ref": "refs/heads/-x"}, "event push: ref is missing or no branch name"),
        (
            "push",
            PUSH | {"before": "main"},
            "event push: before is missing from the event file, or no commit id",
        ),
        (
            "push",
            PUSH | {"after": None},
            "event push: after is missing from the event file, or no commit id",
        ),
        (
            "push",
            PUSH | {"after": ZEROS},
            "branch feature/x was deleted, so there is nothing to compare",
        ),
        (
            "push",
            PUSH | {"deleted": True},
            "branch feature/x was deleted, so there is nothing to compare",
        ),
        (
            "pull_request",
            {"pull_request": []},
            "event pull_request: pull_request is missing from the event file",
        ),
        (
            "pull_request",
            {"pull_request": {"base": {"ref": "a..b"}, "head": {"sha": A}}},
            "event pull_request: pull_request.base.ref is missing or no branch name",
        ),
        (
            "pull_request",
            {"pull_request": {"base": {"ref": "main"}, "head": {"sha": ZEROS}}},
            "event pull_request: sha is missing from the event file, or no commit id",
        ),
        (
            "merge_group",
            {},
            "event merge_group: merge_group is missing from the event file",
        ),
    ],
)
def test_what_names_no_change_selects_everything_with_the_reason(name, payload, told):
    assert parsed(name, payload) == Everything(why=told)


def test_a_default_branch_of_no_use_is_left_out():
    for repository in (None, {}, {"default_branch": "--x"}):
        assert parsed("push", PUSH | {"repository": repository}).default_branch is None


@pytest.mark.parametrize("name", ["main", "feature/x", "v1.0", "a@b", "ünï", "x-", "a.lock.b"])
def test_names_that_git_takes(name):
    assert is_ref_name(name)


@pytest.mark.parametrize(
    "name",
    ["", "-x", "/x", "x/", "x.", ".x", "a/.b", "a..b", "a//b", "x.lock", "x.lock/y", "@", "a@{b"]
    + [f"a{char}b" for char in " ~^:?*[\\\x00\n\x7f\ud800\udfff"]
    + [None, 7],
)
def test_names_that_git_refuses(name):
    assert not is_ref_name(name)


@given(
    st.recursive(
        st.none()
        | st.booleans()
        | st.integers()
        | st.text(max_size=5)
        | st.sampled_from([A, ZEROS]),
        lambda inner: (
            st.lists(inner, max_size=3)
            | st.dictionaries(
                st.sampled_from(
                    [
                        "ref",
                        "before",
                        "after",
                        "forced",
                        "pull_request",
                        "base",
                        "head",
                        "sha",
                        "repository",
                        "default_branch",
                        "merge_group",
                        "base_sha",
                        "head_sha",
                        "number",
                    ]
                ),
                inner,
                max_size=6,
            )
        ),
        max_leaves=25,
    ),
    st.sampled_from(["push", "pull_request", "pull_request_target", "merge_group"]),
)
def test_any_payload_is_read_or_selects_everything(payload, name):
    match parsed(name, payload):
        case Everything(why=why):
            assert why
            assert "\n" not in why
        case PushEvent(branch=branch, before=before, after=after):
            assert is_ref_name(branch)
            assert is_object_id(after)
            assert before is None or is_object_id(before)
        case PullRequestEvent(branch=branch, head=head):
            assert is_ref_name(branch)
            assert is_object_id(head)
        case MergeGroupEvent(base=base, head=head):
            assert is_object_id(base)
            assert is_object_id(head)
        case other:
            pytest.fail(f"{other}")
