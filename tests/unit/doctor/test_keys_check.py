"""The check of who gets which keys: settings, and GitHub's rules by a GitHub made up here."""

from __future__ import annotations

import functools
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx
import pytest

from tests.support.doctor_contexts import repository
from tests.support.written_workflows import full
from tradai_tasks.doctor import github
from tradai_tasks.doctor.check_runner import Finding
from tradai_tasks.errors import CommandFailedError
from tradai_tasks.http_client.client import HttpClient
from tradai_tasks.process import Completed
from tradai_tasks.settings.workflows import WorkflowsSettings
from tradai_tasks.workflows.selection import workflows

_TOKEN = {"GITHUB_TOKEN": "marked-token"}
_RULES = [
    {"type": "pull_request"},
    {
        "type": "required_status_checks",
        "parameters": {"required_status_checks": [{"context": "gate"}]},
    },
]
_POLICY = {"deployment_branch_policy": {"custom_branch_policies": True}}
_NAMES = ("dev", "staging", "prod", "docs")
_BRANCHES = "deployment-branch-policies"
_ANSWERS: dict[str, Any] = {
    **{f"/environments/{name}": _POLICY for name in _NAMES},
    **{f"/environments/{n}/{_BRANCHES}": {"branch_policies": [{"name": "main"}]} for n in _NAMES},
    "/rules/branches/main": _RULES,
    "/rulesets": [{"enforcement": "active"}],
}


@dataclass
class GitHub:
    """What it answers, and what it was asked."""

    answers: dict[str, Any] = field(default_factory=lambda: dict(_ANSWERS))
    status: int = 200
    asked: list[str] = field(default_factory=list)
    tokens: set[str] = field(default_factory=set)

    def __call__(self, request: httpx.Request) -> httpx.Response:
        path = request.url.path.removeprefix("/repos/acme/platform")
        self.asked.append(path)
        self.tokens.add(request.headers["Authorization"])
        if self.status != 200:
            return httpx.Response(self.status, text="<html>")
        if path not in self.answers:
            return httpx.Response(404, json={})
        return httpx.Response(200, json=self.answers[path])


@pytest.fixture
def api(monkeypatch: pytest.MonkeyPatch) -> GitHub:
    made = GitHub()
    client = functools.partial(HttpClient, transport=httpx.MockTransport(made))
    monkeypatch.setattr(github, "HttpClient", client)
    return made


@pytest.fixture(autouse=True)
def origin(monkeypatch: pytest.MonkeyPatch) -> Callable[[str], None]:
    def named(address: str) -> None:
        def run(_: Path, *argv: str, **__: Any) -> Completed:
            status = 0 if address else 2
            out = address.encode()
            return Completed(argv=tuple(argv), returncode=status, stdout=out, stderr=b"")

        monkeypatch.setattr(github, "run_git", run)

    named("git@github.example:acme/platform.git\n")
    return named


def asked(env: Mapping[str, str] | None = None, settings: str = "", **given: Any) -> Finding:
    """Ask a platform whose workflows are as they should be."""
    files = workflows(full("platform"), WorkflowsSettings(**given))
    root = '[tool.uv.workspace]\nmembers = ["libs/*"]\n' + settings
    root += '[tool.tradai-tasks.deploy]\ntags = [{ environment = "prod" }]\n'
    return github.keys(repository(files, env, root=root))


def test_everything_is_set_up(api: GitHub) -> None:
    finding = asked(_TOKEN)
    assert finding.state == "ok", finding
    assert finding.what == "acme/platform has the rules that hold its keys"
    assert api.tokens == {"Bearer marked-token"}
    # pull requests stand in these: no rule can hold there
    assert not {"/environments/read", "/environments/preview"} & set(api.asked)


@pytest.mark.parametrize(
    ("path", "answer", "said"),
    [
        ("/environments/prod", None, "environment prod: not there, so the first job that names it"),
        (
            f"/environments/prod/{_BRANCHES}",
            {"branch_policies": [{"name": "main"}, {"name": "*"}]},
            "environment prod: '*' may deploy to it, too",
        ),
        (
            "/environments/prod",
            {"deployment_branch_policy": None},
            "environment prod: any branch may deploy to it",
        ),
        ("/rules/branches/main", [_RULES[0]], "branch main: the check `gate` is not required"),
        (
            "/rules/branches/main",
            [_RULES[1]],
            "branch main: may be pushed to without a pull request",
        ),
        ("/rules/branches/main", None, "branch main: may be pushed to without a pull request"),
        ("/rulesets", [{"enforcement": "disabled"}], "tags: no active ruleset"),
        ("/rulesets", [], "tags: no active ruleset"),
    ],
)
def test_a_rule_that_is_missing_is_named(api: GitHub, path: str, answer: Any, said: str) -> None:
    if answer is None:
        del api.answers[path]
    else:
        api.answers[path] = answer
    finding = asked(_TOKEN)
    assert finding.state == "fault"
    assert said in finding.what
    assert finding.remedy == "see what to set: nox -s workflows -- --trust"


@pytest.mark.parametrize("status", [401, 403, 500, 302])
def test_an_answer_that_says_nothing_is_no_success(api: GitHub, status: int) -> None:
    api.status = status
    with pytest.raises(CommandFailedError, match="GitHub's API") as caught:
        asked(_TOKEN)
    assert "marked-token" not in str(caught.value)


def test_what_cannot_be_seen_is_no_success(api: GitHub, origin: Callable[[str], None]) -> None:
    finding = asked()
    assert finding.state == "n/a"
    assert "rules of acme/platform on GitHub: not to be seen without GITHUB_TOKEN" in finding.what
    origin("")
    nameless = asked(_TOKEN)
    assert nameless.state == "n/a"
    assert "no remote `origin` says which repository it is" in nameless.what
    assert github.keys(repository({})).state == "n/a"
    assert github.keys(repository({".github/workflows/own.yml": "name: Own\n"})).state == "n/a"
    assert api.asked == []


def test_settings_that_give_a_key_away_are_a_fault(api: GitHub) -> None:
    settings = '[tool.tradai-tasks.workflows.roles]\nread = "vars.A"\npublish = "vars.A"\n'
    finding = asked(_TOKEN, settings)
    assert finding.state == "fault"
    assert "workflows.roles.read: vars.A is also the role to publish" in finding.what


def test_static_keys_are_warned_of(api: GitHub) -> None:
    settings = '[tool.tradai-tasks.workflows]\naws = "keys"\n'
    finding = asked(_TOKEN, settings, aws="keys")
    assert finding.state == "ok"
    assert finding.what.startswith("warning: static keys: jobs that run code of any branch")
    assert "static keys" in asked(None, settings, aws="keys").what


def test_protected_branches_will_do(api: GitHub) -> None:
    policy = {"deployment_branch_policy": {"protected_branches": True}}
    api.answers |= {f"/environments/{name}": policy for name in _NAMES}
    assert asked(_TOKEN).state == "ok"
