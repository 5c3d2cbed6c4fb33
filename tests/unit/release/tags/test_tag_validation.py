"""Whether there is a release to make: the CI event, the tag, the tree, the version."""

from __future__ import annotations

import dataclasses
import json
import os
from pathlib import Path
from typing import Any

import pytest

from tradai_tasks.errors import (
    AmbiguousRefError,
    BadTagError,
    DirtyTreeError,
    NotOnMainError,
    ReleaseRefusedError,
    TasksError,
    UnknownTagError,
    UntrustedEventError,
    VersionMismatchError,
    WrongCommitError,
)
from tradai_tasks.release.tags.ci_event import TagRequest, main_branch_of, read_event, tag_request
from tradai_tasks.release.tags.tag_validation import (
    Found,
    Versioned,
    check,
    public_address,
    release_of,
)
from tradai_tasks.workspace.tags import ReleaseTag, parse_tag

COMMIT, OTHER = "a" * 40, "b" * 40
GOOD = Found(
    commit=COMMIT,
    head=COMMIT,
    dirty=(),
    branches=(),
    main="origin/main",
    not_on_main=None,
    time=1_790_000_000,
    source="https://git.example/strategies",
)
FILE = "strategies/momentum/pyproject.toml"
OWN = Versioned(name="momentum", file=FILE, version="1.0.0")


def tag(text: str = "momentum-v1.0.0") -> ReleaseTag:
    return parse_tag(text, ["momentum"])


def test_a_good_tag_is_released() -> None:
    check(tag(), GOOD, OWN)
    check(tag(), GOOD, OWN, request=TagRequest(tag="x", commit=COMMIT, is_workflow_run=True))
    check(tag(), GOOD, OWN, request=TagRequest(tag="x", commit=None, is_workflow_run=False))
    check(tag("momentum-v0.0.0-test"), GOOD, OWN)
    check(tag("v1.2.0"), GOOD, None)
    made = release_of(tag(), GOOD, Path("/here"))
    assert (made.commit, made.time, made.source) == (COMMIT, GOOD.time, GOOD.source)


@pytest.mark.parametrize(
    ("changed", "error", "said"),
    [
        (
            {"commit": None},
            UnknownTagError,
            "no such tag in this clone; fetch it with: git fetch --tags, or make it: nox -s bump",
        ),
        (
            {"head": OTHER},
            WrongCommitError,
            "names aaaaaaaaaaaa, but HEAD is bbbbbbbbbbbb; check it out with: git switch --detach",
        ),
        (
            {"dirty": tuple(f"{n}.py" for n in range(7))},
            DirtyTreeError,
            "uncommitted changes in 0.py, 1.py, 2.py, 3.py, 4.py and 2 more; commit, stash or",
        ),
        (
            {"branches": ("refs/heads/momentum-v1.0.0",)},
            AmbiguousRefError,
            "a branch has the same name (refs/heads/momentum-v1.0.0); rename or delete the branch",
        ),
        (
            {"not_on_main": "it branched off at cccccccccccc"},
            NotOnMainError,
            "its commit aaaaaaaaaaaa is not on origin/main (it branched off at cccccccccccc)",
        ),
        (
            {"main": None},
            NotOnMainError,
            "there is no main branch to find it on (main or master); fetch it, or name it in the",
        ),
    ],
)
def test_each_fault_is_refused(changed: dict[str, Any], error: type[TasksError], said: str) -> None:
    with pytest.raises(error) as caught:
        check(tag(), dataclasses.replace(GOOD, **changed), OWN)
    assert said in str(caught.value)
    assert "\n" not in str(caught.value)


def test_the_packages_version_must_be_the_tags() -> None:
    with pytest.raises(VersionMismatchError, match="is for version 1"):
        check(tag(), GOOD, dataclasses.replace(OWN, version="0.9.0"))
    with pytest.raises(VersionMismatchError, match=r"states no project\.version"):
        check(tag(), GOOD, dataclasses.replace(OWN, version=None))


def test_build_metadata_is_refused() -> None:
    with pytest.raises(BadTagError, match="build metadata cannot be released"):
        check(tag("momentum-v1.0.0+1"), GOOD, OWN)


def test_an_event_of_another_commit_is_refused() -> None:
    request = TagRequest(tag="momentum-v1.0.0", commit=OTHER, is_workflow_run=True)
    with pytest.raises(
        UntrustedEventError, match="is at aaaaaaaaaaaa, but the CI event is of bbbb"
    ):
        check(tag(), GOOD, OWN, request=request)


def test_several_faults_are_a_line_each_and_another_commits_version_is_none() -> None:
    found = dataclasses.replace(GOOD, head=OTHER, dirty=("a.py",), branches=("refs/heads/x",))
    with pytest.raises(ReleaseRefusedError) as caught:
        check(tag(), found, dataclasses.replace(OWN, version="0.1"))
    lines = str(caught.value).splitlines()
    assert len(lines) == 3
    assert "version" not in str(caught.value)
    with pytest.raises(UnknownTagError):
        release_of(tag(), dataclasses.replace(GOOD, commit=None), Path("/here"))
    with pytest.raises(UnknownTagError, match=r"git tag -a v1\.2\.0"):
        check(tag("v1.2.0"), dataclasses.replace(GOOD, commit=None), None)


@pytest.mark.parametrize(
    ("url", "shown"),
    [
        ("https://git.example/a/b.git", "https://git.example/a/b"),
        ("https://user:token@git.example/a/b", "https://git.example/a/b"),
        ("https://git.example:8443/a/b/", "https://git.example:8443/a/b"),
        ("http://git.example/a", "http://git.example/a"),
        ("git@git.example:a/b.git", "https://git.example/a/b"),
        ("ssh://git@git.example:22/a/b.git", "https://git.example/a/b"),
        ("git://git.example/a/b", "https://git.example/a/b"),
        ("/srv/git/a.git", None),
        ("../a", None),
        ("file:///srv/a", None),
        ("", None),
    ],
)
def test_a_remotes_address_is_shown_without_credentials(url: str, shown: str | None) -> None:
    assert public_address(url) == shown


# --- the CI event --------------------------------------------------------------------------------

ENV = {"GITHUB_EVENT_NAME": "workflow_run", "GITHUB_REPOSITORY": "quant/strategies"}


def workflow_run(**changed: Any) -> dict[str, Any]:
    run = {
        "conclusion": "success",
        "event": "push",
        "head_branch": "momentum-v1.0.0",
        "head_sha": COMMIT,
        "head_repository": {"full_name": "quant/strategies"},
    }
    repository = {"full_name": "quant/strategies", "default_branch": "trunk"}
    return {"repository": repository, "workflow_run": {**run, **changed}}


def test_a_workflow_run_names_the_tag_that_was_pushed() -> None:
    request = tag_request(ENV, workflow_run())
    assert request == TagRequest(tag="momentum-v1.0.0", commit=COMMIT, is_workflow_run=True)
    assert main_branch_of(workflow_run()) == "trunk"
    assert main_branch_of({}) is None


@pytest.mark.parametrize(
    ("changed", "said"),
    [
        ({"conclusion": "failure"}, "its run did not succeed ('failure')"),
        ({"conclusion": None}, "its run did not succeed ('None')"),
        ({"event": "pull_request"}, "its run was not of a push ('pull_request')"),
        ({"head_repository": {"full_name": "evil/strategies"}}, "of another repository ('evil/"),
        ({"head_repository": None}, "its run was of another repository ('None')"),
        ({"head_branch": None}, "names no head_branch and head_sha"),
        ({"head_sha": "HEAD"}, "names no head_branch and head_sha"),
        ({"event": "\n::set-output::" * 9}, r"('\n::set-output::"),
    ],
)
def test_a_workflow_run_that_must_not_release_is_refused(
    changed: dict[str, Any], said: str
) -> None:
    with pytest.raises(UntrustedEventError) as caught:
        tag_request(ENV, workflow_run(**changed))
    assert said in str(caught.value)
    assert "\n" not in str(caught.value)


def test_the_event_must_be_of_this_repository_by_the_environment_too() -> None:
    with pytest.raises(UntrustedEventError, match="of another repository"):
        tag_request({**ENV, "GITHUB_REPOSITORY": "other/one"}, workflow_run())
    with pytest.raises(UntrustedEventError):
        tag_request({"GITHUB_EVENT_NAME": "workflow_run"}, {})


def test_a_pushed_tag_is_asked_for_and_nothing_else_is() -> None:
    pushed = {"GITHUB_EVENT_NAME": "push", "GITHUB_REF": "refs/tags/momentum-v1.0.0"}
    request = tag_request({**pushed, "GITHUB_SHA": COMMIT}, {})
    assert request == TagRequest(
        tag="refs/tags/momentum-v1.0.0", commit=COMMIT, is_workflow_run=False
    )
    assert tag_request(pushed, {}) == dataclasses.replace(request, commit=None)
    assert tag_request({"GITHUB_EVENT_NAME": "push", "GITHUB_REF": "refs/heads/main"}, {}) is None
    assert tag_request({}, {}) is None


def test_an_event_that_cannot_be_read_releases_nothing(tmp_path: Path) -> None:
    assert read_event({}) == {}
    file = tmp_path / "event.json"
    file.write_text(json.dumps({"a": 1}))
    assert read_event({"GITHUB_EVENT_PATH": str(file)}) == {"a": 1}
    for text in ("", "[]", "{" * 10_000):
        file.write_text(text)
        with pytest.raises(UntrustedEventError, match="holds no JSON object"):
            read_event({"GITHUB_EVENT_PATH": str(file)})
    with pytest.raises(UntrustedEventError):
        read_event({"GITHUB_EVENT_PATH": str(tmp_path / "nothing")})
    os.mkfifo(tmp_path / "pipe")
    with (tmp_path / "huge").open("wb") as huge:
        huge.truncate(1 << 40)
    for name in (".", "pipe", "huge", "a\0b"):
        with pytest.raises(UntrustedEventError, match="holds no JSON object"):
            read_event({"GITHUB_EVENT_PATH": f"{tmp_path}/{name}"})
