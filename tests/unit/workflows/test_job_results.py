"""The gate: what passes, what fails it, and that nothing unclear passes."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tradai_tasks.errors import BadArgumentsError, GateError, TasksError
from tradai_tasks.workflows.job_results import judge, parse_may_skip, parse_needs


def needs(**results: str) -> str:
    return json.dumps({job: {"result": result, "outputs": {}} for job, result in results.items()})


def verdict(text: str | None, *may_skip: str) -> list[tuple[str, str, str]]:
    return judge(parse_needs(text), parse_may_skip(may_skip))


def test_all_succeeded() -> None:
    assert verdict(needs(lint="success", test="success")) == [
        ("lint", "success", ""),
        ("test", "success", ""),
    ]


def test_a_job_without_outputs() -> None:
    for outputs in ("null", "{}"):
        text = f'{{"a": {{"result": "success", "outputs": {outputs}}}}}'
        assert verdict(text) == [("a", "success", "")]


def test_a_job_that_may_always_be_skipped() -> None:
    rows = verdict(needs(lint="success", perf="skipped"), "perf")
    assert rows[1] == ("perf", "skipped", "may be skipped")
    assert verdict(needs(lint="success", perf="success"), "perf")[1] == ("perf", "success", "")


def selected(any_: Any, test: str = "skipped", changes: str = "success") -> str:
    outputs = {} if any_ is None else {"any": any_}
    return json.dumps(
        {"changes": {"result": changes, "outputs": outputs}, "test": {"result": test}}
    )


def test_a_job_that_may_be_skipped_by_what_another_found() -> None:
    rows = verdict(selected("false"), "test=changes.any:false")
    assert rows[1] == ("test", "skipped", "changes.any is false")


@pytest.mark.parametrize(
    ("text", "may_skip", "message"),
    [
        (needs(lint="failure", test="success"), [], "gate: lint failed"),
        (needs(lint="cancelled"), [], "gate: lint was cancelled"),
        (needs(a="failure", b="cancelled"), [], "gate: a failed; b was cancelled"),
        (needs(perf="failure"), ["perf"], "gate: perf failed"),
        (needs(lint="skipped"), [], "gate: lint was skipped, and it must run"),
        (
            selected("true"),
            ["test=changes.any:false"],
            (
                "gate: test was skipped, which is allowed only where changes.any is false, and "
                'it is "true"'
            ),
        ),
        (
            selected(None),
            ["test=changes.any:false"],
            (
                "gate: test was skipped, which is allowed only where changes.any is false, and "
                "it is not set"
            ),
        ),
        (
            selected("false", changes="failure"),
            ["test=changes.any:false"],
            (
                "gate: changes failed; test was skipped, which is allowed only where changes.any "
                "is false, and changes did not succeed"
            ),
        ),
        (None, [], "gate: NEEDS is not set; give it as NEEDS: ${{ toJSON(needs) }} in env"),
        ("  ", [], "gate: NEEDS is not set; give it as NEEDS: ${{ toJSON(needs) }} in env"),
        ("{", [], "gate: NEEDS is not JSON; give it as ${{ toJSON(needs) }}"),
        ("[" * 100_000, [], "gate: NEEDS is not JSON; give it as ${{ toJSON(needs) }}"),
        ("[]", [], "gate: NEEDS is not a table of jobs; give it as ${{ toJSON(needs) }}"),
        ("{}", [], "gate: NEEDS names no job, so there is nothing to judge; add `needs:`"),
        (
            '{"a": "success"}',
            [],
            "gate: NEEDS: 'a' has no result of cancelled, failure, skipped, success, but null",
        ),
        (
            '{"a": {"result": "Success"}}',
            [],
            (
                "gate: NEEDS: 'a' has no result of cancelled, failure, skipped, success, "
                'but "Success"'
            ),
        ),
        (
            '{"a": {"result": "success", "outputs": {"x": 1}}}',
            [],
            "gate: NEEDS: the outputs of 'a' are not a table of strings",
        ),
    ],
)
def test_what_fails_it(text: str | None, may_skip: list[str], message: str) -> None:
    with pytest.raises(GateError) as caught:
        verdict(text, *may_skip)
    assert str(caught.value) == message


@pytest.mark.parametrize(
    ("may_skip", "message"),
    [
        (
            ["a b"],
            "--may-skip 'a b': expected JOB, or JOB=NEED.OUTPUT:VALUE as in test=changes.any:false",
        ),
        (["perf", "perf"], "--may-skip perf: given twice"),
        (["perf"], "--may-skip perf: the gate does not wait for 'perf', only for lint"),
        (["lint=x.y:z"], "--may-skip lint: the gate does not wait for 'x', only for lint"),
    ],
)
def test_rules_that_do_not_fit(may_skip: list[str], message: str) -> None:
    with pytest.raises(BadArgumentsError) as caught:
        verdict(needs(lint="success"), *may_skip)
    assert str(caught.value) == message


@given(st.text() | st.recursive(st.none() | st.text(), st.lists).map(json.dumps))
def test_nothing_unclear_passes(text: str) -> None:
    with pytest.raises(TasksError):
        verdict(text)


_RESULT = st.sampled_from(["success", "failure", "cancelled", "skipped"])


@given(st.dictionaries(st.from_regex(r"\A[a-z]{1,5}\Z"), _RESULT, min_size=1))
def test_it_passes_only_where_every_job_succeeded(results: dict[str, str]) -> None:
    text = needs(**results)
    if set(results.values()) == {"success"}:
        assert len(verdict(text)) == len(results)
    else:
        with pytest.raises(GateError):
            verdict(text)
