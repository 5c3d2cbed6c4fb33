"""Counting what Pulumi says, in either of its forms, and telling its failures apart."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tradai_tasks.errors import BadArgumentsError, CommentError, ForkError, InfraError
from tradai_tasks.infra.preview_counts import COLUMNS, changes_of, failure, is_locked, rows
from tradai_tasks.infra.pull_request_comment import MARK, body_of, pull_request, refuse_fork
from tradai_tasks.infra.pulumi import choose

URN = "urn:pulumi:dev::tradai-base::aws:ecr/repository:Repository::backend"


def preview(**counts: int) -> dict[str, Any]:
    return {"config": {}, "steps": [], "changeSummary": counts}


def test_documents_of_several_layers_are_added_up() -> None:
    text = json.dumps(preview(create=2, same=9), indent=4) + "\n"
    text += json.dumps(preview(create=1, update=3, delete=4, replace=5, read=1)) + "\n"
    found = changes_of("dev", text)
    assert found.counts == {"create": 3, "update": 3, "delete": 4, "replace": 5}
    assert (found.layers, found.total) == (2, 15)
    assert rows([found]) == [("dev", "3", "3", "4", "5")]
    assert rows([changes_of("prod", json.dumps(preview()))]) == [("prod", "0", "0", "0", "0")]


def test_events_a_line() -> None:
    events = [
        {"sequence": 0, "resourcePreEvent": {"metadata": {"op": "delete", "urn": URN}}},
        {"sequence": 1, "resourcePreEvent": {"metadata": {"op": "same", "urn": URN}}},
        {"sequence": 2, "summaryEvent": {"resourceChanges": {"delete": 1, "import": 1}}},
    ]
    found = changes_of("dev", "\n".join(map(json.dumps, events)))
    assert found.counts == {"delete": 1, "create": 1}
    assert found.lost == ("delete aws:ecr/repository:Repository backend",)


def test_what_is_lost_is_named() -> None:
    document = preview(replace=1, create=1) | {
        "steps": [
            {"op": "replace", "urn": URN.replace("aws:ecr", "pkg:Group$aws:ecr")},
            {"op": "create", "urn": URN},
            {"op": "delete", "urn": "odd"},
        ]
    }
    assert changes_of("dev", json.dumps(document)).lost == (
        "replace aws:ecr/repository:Repository backend",
        "delete odd",
    )


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("", "dev: Pulumi printed no summary"),
        ('{"steps": []}', "dev: Pulumi printed no summary"),
        ("Previewing update (dev)\n", "dev: Pulumi printed something else than JSON ('Previewing"),
        ('{"changeSummary": {"create": 1}} trailing', "something else than JSON ('trailing')"),
        ("[1]", "dev: Pulumi printed JSON that is no object"),
        ('{"changeSummary": {"conjure": 1}}', "an operation 'conjure' that is not known here"),
        ('{"changeSummary": {"create": "x"}}', "Pulumi counts 'create' as 'x', no number"),
    ],
)
def test_what_is_unknown_is_an_error(text: str, said: str) -> None:
    with pytest.raises(InfraError) as raised:
        changes_of("dev", text)
    assert said in str(raised.value)
    assert "\n" not in str(raised.value)


@given(st.lists(st.dictionaries(st.sampled_from([*COLUMNS, "same"]), st.integers(0, 50))))
def test_nothing_is_counted_twice_or_lost(layers: list[dict[str, int]]) -> None:
    text = "\n".join(json.dumps(preview(**layer)) for layer in layers)
    if not layers:
        return
    found = changes_of("dev", text)
    for column in COLUMNS:
        assert found.counts.get(column, 0) == sum(layer.get(column, 0) for layer in layers)


def test_failures() -> None:
    assert is_locked("error: the stack is currently locked by 1 lock(s). Either wait for")
    assert is_locked("error: [409] Conflict: Another update is currently in progress.")
    assert not is_locked("error: a resource named `lock` exists")
    assert failure("", "warning: x\nerror: first\nerror: second\n") == "first; second"
    assert failure("", "only\nwords\n") == "words"
    assert failure("", "") == "no message"
    diagnostics = {"diagnostics": [{"severity": "error", "message": "no\n such bucket"}]}
    event = {"diagnosticEvent": {"severity": "error", "message": "denied"}}
    both = json.dumps(diagnostics) + json.dumps(event)
    assert failure(both, "") == "no such bucket; denied"
    assert failure(both + "{", "x") == "no such bucket; denied"


def test_stacks_are_chosen_by_name() -> None:
    known = ["dev", "prod"]
    assert choose([], known, "preview") == ("dev", "prod")
    assert choose(["prod", "prod"], known, "preview") == ("prod",)
    assert choose(["dev"], known, "up") == ("dev",)
    for asked in ([], ["dev", "prod"]):
        with pytest.raises(BadArgumentsError, match="up needs one stack by name"):
            choose(asked, known, "up")
    with pytest.raises(BadArgumentsError, match="no stack is called 'prd'; did you mean 'prod'"):
        choose(["prd"], known, "preview")
    with pytest.raises(BadArgumentsError, match="there are dev, prod"):
        choose(["zzz"], known, "preview")
    with pytest.raises(InfraError, match="no stack is here"):
        choose([], [], "preview")


def test_the_comment() -> None:
    document = preview(delete=50) | {"steps": [{"op": "delete", "urn": "a`b"}] * 50}
    changes = [changes_of("dev", json.dumps(document)), changes_of("prod", json.dumps(preview()))]
    env = {
        "GITHUB_SERVER_URL": "https://github.example",
        "GITHUB_REPOSITORY": "acme/platform",
        "GITHUB_RUN_ID": "7",
        "GITHUB_SHA": "c" * 40,
    }
    body = body_of(changes, env)
    assert body.startswith(f"{MARK}\n### Infrastructure\n\n| stack | create | update |")
    assert "| dev | 0 | 0 | 50 | 0 |\n| prod | 0 | 0 | 0 | 0 |\n" in body
    assert body.count("- `delete a b`\n") == 40
    assert "- and 10 more\n" in body
    assert body.endswith(
        "\nOf cccccccccccc, by [this run](https://github.example/acme/platform/actions/runs/7).\n"
    )
    assert body_of(changes[1:], {"GITHUB_SHA": "d" * 40}).endswith("\nOf dddddddddddd.\n")
    assert "Of " not in body_of(changes[1:], {})


EVENT = {"pull_request": {"number": 12}}
ENV = {"GITHUB_REPOSITORY": "acme/platform", "GITHUB_TOKEN": "marked-token"}


def test_where_the_comment_goes() -> None:
    found = pull_request(EVENT, ENV)
    assert (found.api, found.repository, found.number, found.is_job) == (
        "https://api.github.com",
        "acme/platform",
        12,
        False,
    )
    assert "marked-token" not in repr(found)
    assert pull_request({}, ENV | {"GITHUB_ACTIONS": "true"}, 7).is_job
    for event, env, said in (
        ({}, ENV, "--pull-request NUMBER"),
        (EVENT, {"GITHUB_TOKEN": "x"}, "GITHUB_REPOSITORY is not set"),
        (EVENT, {"GITHUB_REPOSITORY": "a/b"}, "GITHUB_TOKEN is not set"),
    ):
        with pytest.raises(CommentError, match=said):
            pull_request(event, env)


def test_forks() -> None:
    def event(head: str | None, base: str | None) -> dict[str, Any]:
        sides = {"head": head, "base": base}
        return {"pull_request": {k: {"repo": v and {"full_name": v}} for k, v in sides.items()}}

    refuse_fork({})
    refuse_fork(event("acme/platform", "acme/platform"))
    with pytest.raises(ForkError, match="pull request of 'evil/platform': a fork gets no"):
        refuse_fork(event("evil/platform", "acme/platform"))
    with pytest.raises(ForkError, match="a deleted fork"):
        refuse_fork(event(None, "acme/platform"))
