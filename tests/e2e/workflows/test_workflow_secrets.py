"""Marked secrets through every job of every workflow, by act: who sees which of them.

Every secret, every role's keys and the token for OIDC are marked. Wherever uv would install, it
really builds a dependency whose build backend writes down all that is marked; sessions that stand
for the real ones do the same. So this is what code can see at the most: what a session hands on to
the repository's own code is less, and for that session's own tests to show.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.support.act import Run, clone_of
from tests.support.hub import ROLES, Hub, prepared
from tests.support.real import copy_example, git, write
from tests.support.written_workflows import full
from tradai_tasks.settings.table import RepositoryKind
from tradai_tasks.settings.workflows import WorkflowsSettings
from tradai_tasks.workflows.rights.required_secrets import needed
from tradai_tasks.workflows.rights.rights import Grant, Job, jobs
from tradai_tasks.workflows.selection import workflows

INDEX_TOKEN = {"UV_INDEX_TRADAI_PASSWORD": "marked-index-token"}
OIDC = {
    "ACTIONS_ID_TOKEN_REQUEST_TOKEN": "marked-oidc-token",
    "ACTIONS_ID_TOKEN_REQUEST_URL": "https://marked.example",
}
HOSTILE = {
    "pyproject.toml": '[project]\nname = "hostile"\nversion = "1"\n[build-system]\nrequires = []\n'
    'build-backend = "backend"\nbackend-path = ["."]\n',
    "backend.py": """\
import json, os, zipfile

with open(os.environ["STAND_IN_CALLS"] + ".builds", "a") as seen:
    marked = {name: value for name, value in os.environ.items() if "marked" in value}
    seen.write(json.dumps({"job": os.environ.get("GITHUB_JOB"), "marked": marked}) + "\\n")


def build_wheel(folder, *_):
    info = "hostile-1.dist-info"
    with zipfile.ZipFile(os.path.join(folder, "hostile-1-py3-none-any.whl"), "w") as wheel:
        wheel.writestr(f"{info}/METADATA", "Metadata-Version: 2.1\\nName: hostile\\nVersion: 1\\n")
        wheel.writestr(f"{info}/WHEEL", "Wheel-Version: 1.0\\nTag: py3-none-any\\n")
        wheel.writestr(f"{info}/RECORD", "")
    return "hostile-1-py3-none-any.whl"
""",
}
SETTINGS = WorkflowsSettings(before=("codeartifact-login",))
ENVIRONMENTS = ("dev", "staging", "prod")
HOOK = """\
import json, os, pathlib

def on_config(config):
    marked = {name: value for name, value in os.environ.items() if "marked" in value}
    pathlib.Path("@FILE").write_text(json.dumps(marked))  # it is not given many variables
"""
CONFTEST = """

def pytest_configure(config):
    import json, os, pathlib
    marked = {name: value for name, value in os.environ.items() if "marked" in value}
    pathlib.Path("@FILE").write_text(json.dumps(marked))
"""


def rendered(kind: RepositoryKind, settings: WorkflowsSettings = SETTINGS) -> dict[str, str]:
    """Every workflow there is, with private packages and candles from a bucket."""
    given = {"candles_in_aws": True, "private_index": True, "stacks": ENVIRONMENTS}
    return workflows(full(kind, locked=True, **given), settings)


def rights(
    kind: RepositoryKind, settings: WorkflowsSettings = SETTINGS
) -> dict[tuple[str, str], Job]:
    found = jobs(rendered(kind, settings), branch="main", environments=ENVIRONMENTS)
    return {(job.workflow, job.name): job for job in found}


def marked_in(
    hub: Hub, kind: RepositoryKind, tmp_path: Path, settings: WorkflowsSettings = SETTINGS
) -> Hub:
    """Render everything, and mark every secret that it reads."""
    files = rendered(kind, settings)
    write(hub.home, files)
    hub.settle("All workflows")
    for one in needed(files):
        if one.kind == "secret":
            hub.act.secrets[one.name] = f"marked-{one.name}"
    hub.act.variables |= ROLES
    hub.act.given |= OIDC
    hub.act.env["STAND_IN_DEPENDENCY"] = str(write(tmp_path / "hostile", HOSTILE))
    return hub


@pytest.fixture(scope="module")
def bare(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return prepared("tradai-uv", tmp_path_factory.mktemp("platform") / "tradai-uv")


@pytest.fixture
def platform(bare: Path, tmp_path: Path) -> Hub:
    home = clone_of(bare, tmp_path / "tradai-uv")
    return marked_in(Hub(home, tmp_path / "act", "tradai/tradai-uv"), "platform", tmp_path)


@pytest.fixture
def strategies(tmp_path: Path) -> Hub:
    copy_example("tradai-uv", tmp_path / "tradai-uv")  # where its local source points
    home = prepared("tradai-strategies", tmp_path / "tradai-strategies")
    hub = Hub(home, tmp_path / "act", "tradai/tradai-strategies")
    return marked_in(hub, "strategies", tmp_path)


def lines(run: Run, suffix: str = "") -> list[dict[str, Any]]:
    file = run.scratch / f"calls{suffix}"
    return [json.loads(line) for line in file.read_text().splitlines()] if file.exists() else []


def grant_of(job: Job, event: str) -> Grant:
    (grant,) = (grant for grant in job.grants if grant.event.name == event)
    return grant


def values_of(grant: Grant) -> Iterator[str]:
    """The marked values that a job may hold in one of its steps, by the table of rights."""
    for name in grant.secrets:
        yield f"marked-{name.partition('.')[2]}"
    for assumed in grant.roles.values():
        for role in assumed:
            purpose = role.source.removeprefix("vars.AWS_").removesuffix("_ROLE_ARN").lower()
            yield f"marked-secret-{purpose}"
            yield f"marked-session-{purpose}"


def held(run: Run, known: dict[tuple[str, str], Job], workflow: str, event: str) -> set[str]:
    """See that every step of a run saw just what it may, and return the jobs that ran."""
    assert run.status == 0, run.log
    builds = lines(run, ".builds")
    assert builds, "nothing was built, so nothing was shown"
    for build in builds:
        assert build["marked"].items() <= INDEX_TOKEN.items(), build
    seen = set()
    for call in lines(run):
        name = call["env"]["GITHUB_JOB"]
        file = "_lint.yml" if (workflow, name) not in known else workflow
        seen.add((file, name))
        marked = {key: value for key, value in call["marked"].items() if key not in INDEX_TOKEN}
        assert not OIDC.keys() & call["marked"].keys(), call
        if call["installs"]:
            assert not marked, call
        allowed = set(values_of(grant_of(known[file, name], event)))
        assert set(marked.values()) <= allowed, (file, name, call)
    assert {name for _, name in seen} >= {build["job"] for build in builds}
    assert "marked-" not in run.log.replace("marked-index-token", "")
    return {f"{file}, {name}" for file, name in seen}


def dispatched(hub: Hub, workflow: str, inputs: dict[str, str]) -> Run:
    git(hub.home, "checkout", "-q", "main")
    repository = {"full_name": hub.name, "default_branch": "main"}
    payload = {"inputs": inputs, "ref": "refs/heads/main", "repository": repository}
    return hub.act("workflow_dispatch", payload, workflow=workflow, real="")


def scheduled(hub: Hub, workflow: str, real: str) -> Run:
    payload = {"repository": {"full_name": hub.name, "default_branch": "main"}}
    return hub.act("schedule", payload, workflow=workflow, real=real)


def pushed(hub: Hub, workflow: str) -> Run:
    git(hub.home, "checkout", "-q", "main")
    files = {"docs": ["build/site/index.html"]}
    return hub.push("refs/heads/main", hub.main, workflow=workflow, real="", files=files)


def test_every_job_of_a_platform(platform: Hub) -> None:
    known = rights("platform")
    change = {"libs/tradai-common/src/tradai/common/money.py": "\n\n# A change.\n"}
    seen: set[str] = set()
    for workflow, real in (
        ("ci.yml", "changes,gate"),
        ("docs.yml", ""),
        ("docs-freshness.yml", ""),
        ("devcontainer-ci.yml", ""),
        ("deploy-infra.yml", ""),
    ):
        left = {"infra": ["build/preview/dev.json"]}
        run = platform.pull_request(change, workflow=workflow, real=real, files=left)
        seen |= held(run, known, workflow, "pull request")
    for workflow, real in (("ci.yml", "changes,gate"), ("docs-freshness.yml", "")):
        run = scheduled(platform, workflow, real)
        seen |= held(run, known, workflow, "schedule")
    for workflow in ("docs.yml", "devcontainer-prebuild.yml"):
        seen |= held(pushed(platform, workflow), known, workflow, "push to the default branch")
    for command in ("preview", "up"):
        run = dispatched(platform, "deploy-infra.yml", {"stack": "staging", "command": command})
        seen |= held(run, known, "deploy-infra.yml", "dispatch on the default branch")
    git(platform.home, "tag", "v1.2.0", platform.main)
    for workflow in ("docker-build.yml", "deploy-lambdas.yml", "publish-libs.yml"):
        run = platform.after_ci("v1.2.0", platform.main, workflow)
        seen |= held(run, known, workflow, "after CI of a pushed tag")
    guards = {"docs.yml, dispatch", "devcontainer-prebuild.yml, dispatch"}  # of dispatches alone
    others = {"ci.yml, results"}  # of pushes of main: see test_workflow_results
    assert seen == {f"{file}, {name}" for file, name in known} - guards - others


def test_every_job_of_a_strategies_repository(strategies: Hub) -> None:
    known = rights("strategies")
    file = "strategies/momentum/src/momentum/strategy.py"
    run = strategies.pull_request({file: "# A change.\n"})
    seen = held(run, known, "strategy-ci.yml", "pull request")
    by_session = {call["sessions"][0]: call["marked"] for call in run.calls}
    # the candles are brought with a key that reads, the backtest that follows has none
    brought = by_session["backtest-data(momentum)"]
    assert brought["AWS_SECRET_ACCESS_KEY"] == "marked-secret-read"
    assert by_session["backtest-smoke(momentum)"] == INDEX_TOKEN
    git(strategies.home, "tag", "momentum-v1.0.0", strategies.main)
    run = strategies.after_ci("momentum-v1.0.0", strategies.main, "strategy-release.yml")
    seen |= held(run, known, "strategy-release.yml", "after CI of a pushed tag")
    gates, release = (call for call in run.calls if call["sessions"] == ["release"])
    assert gates["marked"] == INDEX_TOKEN
    assert release["marked"]["AWS_SECRET_ACCESS_KEY"] == "marked-secret-publish"
    assert release["marked"]["MLFLOW_TRACKING_URI"] == "marked-MLFLOW_TRACKING_URI"
    others = {"strategy-ci.yml, results"}  # of pushes of main: see test_workflow_results
    assert seen == {f"{file}, {name}" for file, name in known} - others


def test_a_conftest_and_a_hook_of_mkdocs(platform: Hub, tmp_path: Path) -> None:
    by_conftest, by_hook = tmp_path / "conftest.json", tmp_path / "hook.json"
    conftest = platform.home / "libs/tradai-data/tests/conftest.py"
    file = str(conftest.relative_to(platform.home))
    change = {file: CONFTEST.replace("@FILE", str(by_conftest))}
    run = platform.pull_request(change, real="changes,test,gate")
    assert run.status == 0, run.log
    seen = json.loads(by_conftest.read_text())
    assert seen.items() <= INDEX_TOKEN.items()
    hooked = {"hook.py": HOOK.replace("@FILE", str(by_hook)), "mkdocs.yml": "\nhooks: [hook.py]\n"}
    platform.commit("main", hooked)
    platform.settle_head()
    # the fake wrangler is what Cloudflare's token is for
    platform.act.programs["wrangler"] = (
        '#!/bin/sh\necho "$CLOUDFLARE_API_TOKEN" > "$STAND_IN_CALLS.wrangler"\n'
    )
    deployed = platform.push("refs/heads/main", platform.main, workflow="docs.yml", real="docs")
    assert deployed.status == 0, deployed.log
    hook = json.loads(by_hook.read_text())
    assert hook.items() <= INDEX_TOKEN.items()
    token = (deployed.scratch / "calls.wrangler").read_text()
    assert token == "marked-CLOUDFLARE_API_TOKEN\n"


def test_static_keys_are_given_to_the_step_that_acts_alone(bare: Path, tmp_path: Path) -> None:
    settings = WorkflowsSettings(aws="keys", before=("codeartifact-login",))
    home = clone_of(bare, tmp_path / "tradai-uv")
    hub = Hub(home, tmp_path / "act", "tradai/tradai-uv")
    platform = marked_in(hub, "platform", tmp_path, settings)
    known = rights("platform", settings)
    git(platform.home, "tag", "v1.2.0", platform.main)
    run = platform.after_ci("v1.2.0", platform.main, "docker-build.yml")
    held(run, known, "docker-build.yml", "after CI of a pushed tag")
    for call in run.calls:
        holds = "AWS_SECRET_ACCESS_KEY" in call["marked"]
        acts = call["sessions"] != ["tag"] and "--matrix" not in call["argv"]
        assert holds == acts, call
