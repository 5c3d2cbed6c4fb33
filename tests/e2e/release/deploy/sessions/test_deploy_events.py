"""Which tag deploy takes from an event of CI, and which it refuses."""

from __future__ import annotations

import json
from typing import Any

import pytest

from tests.support.deploy_place import Deployed, Place
from tests.support.real import git


def workflow_run(place: Place, monkeypatch: pytest.MonkeyPatch, **given: Any) -> None:
    event = {
        "repository": {"full_name": "acme/platform", "default_branch": "main"},
        "workflow_run": {
            "conclusion": "success",
            "event": "push",
            "head_repository": {"full_name": "acme/platform"},
            "head_branch": "v1.2.0",
            "head_sha": git(place.home, "rev-parse", "v1.2.0"),
            **given,
        },
    }
    file = place.home.parent / "event.json"
    file.write_text(json.dumps(event))
    monkeypatch.setenv("GITHUB_EVENT_NAME", "workflow_run")
    monkeypatch.setenv("GITHUB_EVENT_PATH", str(file))
    monkeypatch.setenv("GITHUB_REPOSITORY", "acme/platform")
    monkeypatch.setenv("GITHUB_REF_NAME", "main")


def test_in_ci_the_tag_comes_from_the_event(
    deployed: Deployed, monkeypatch: pytest.MonkeyPatch
) -> None:
    workflow_run(deployed.place, monkeypatch)
    ran = deployed.place("deploy")
    assert ran.status == 0, ran.log
    assert deployed.backend.running == [deployed.new] * 2


@pytest.mark.parametrize(
    "given",
    [
        {"head_repository": {"full_name": "evil/platform"}},
        {"conclusion": "failure"},
        {"event": "pull_request"},
        {"head_branch": "main"},
        {"head_branch": "refs/tags/v1.2.0"},
        {"head_sha": "0" * 40},
    ],
)
def test_an_event_that_is_not_to_be_trusted_deploys_nothing(
    deployed: Deployed, monkeypatch: pytest.MonkeyPatch, given: dict[str, Any]
) -> None:
    workflow_run(deployed.place, monkeypatch, **given)
    ran = deployed.place("deploy")
    assert ran.status == 1
    assert deployed.place.ecs.requests == []


def test_a_tag_that_was_moved_is_not_rolled_back_to(deployed: Deployed) -> None:
    place = deployed.place
    of = git(place.home, "rev-parse", "v1.1.0")
    old = place.push("web", "v1.1.0", of=("1.1.0", of))
    place.push("backend", "v1.1.0", of=("1.1.0", of))
    git(place.home, "tag", "-f", "v1.1.0", "v1.2.0")
    ran = place("deploy", "v1.1.0", "--rollback")
    assert ran.status == 1
    assert "so the tag was moved; put it back" in ran.log
    assert place.resolve(f"{place.repository('web')}:latest") != old
    assert place.ecs.count("UpdateService") == 0
    git(place.home, "tag", "-f", "v1.1.0", of)
    assert place("deploy", "v1.1.0", "--rollback").status == 0
    assert place.resolve(f"{place.repository('web')}:latest") == old


def test_a_branch_named_like_the_tag_is_refused(deployed: Deployed) -> None:
    git(deployed.place.home, "branch", "v1.2.0")
    for args in (["v1.2.0"], ["v1.2.0", "--rollback"]):
        ran = deployed.place("deploy", *args)
        assert ran.status == 1
        assert "a branch has the same name (refs/heads/v1.2.0)" in ran.log
    assert deployed.place.ecs.requests == []
