"""The workflows of the examples, run by act: which sessions run, and what the gate says."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from tests.support.act import Run, clone_of
from tests.support.hub import ROLES, Hub
from tests.support.real import edit, git, nox, write
from tradai_tasks.release.stages.outline import GATES
from tradai_tasks.settings.workflows import WorkflowsSettings
from tradai_tasks.workflows.repository_traits import RepositoryTraits
from tradai_tasks.workflows.selection import workflows

_ALWAYS = {"changes", "lint", "typecheck", "security", "contract", "gate"}


@pytest.fixture
def platform(_platform: Path, tmp_path: Path) -> Hub:
    return Hub(clone_of(_platform, tmp_path / "tradai-uv"), tmp_path / "act", "tradai/tradai-uv")


@pytest.fixture
def strategies(_strategies: Path, tmp_path: Path) -> Hub:
    clone_of(_strategies.parent / "tradai-uv", tmp_path / "tradai-uv")
    home = clone_of(_strategies, tmp_path / "tradai-strategies")
    return Hub(home, tmp_path / "act", "tradai/tradai-strategies")


def others(run: Run) -> set[str]:
    """All sessions that were called but those for packages."""
    return {name for name in run.sessions() if "(" not in name}


def test_a_pull_request_that_touches_one_submodule(platform: Hub) -> None:
    change = {"libs/tradai-common/src/tradai/common/money.py": "\n\n# A change.\n"}
    real = "changes,lint,typecheck,test,gate"
    run = platform.pull_request(change, real=real)
    assert run.status == 0, run.log
    assert run.matching("test") == ["test(strategy-service)", "test(tradai-common)"]
    assert others(run) == {*_ALWAYS, "perf"}
    assert run.jobs["test"] == ["success", "success"]
    assert run.jobs["gate"] == ["success"]
    kept = sorted(path.name for path in run.artifacts.rglob("junit.xml"))
    assert kept, run.log
    page = (run.artifacts / "changes" / "changes.html").read_text()
    assert "<td>test(strategy-service)</td>" in page


def test_a_pull_request_that_touches_nothing_testable(platform: Hub) -> None:
    run = platform.pull_request({"docs/index.md": "\nA word more.\n"})
    assert run.status == 0, run.log
    assert run.matching("test") == []
    assert others(run) == _ALWAYS - {"contract"}  # and no perf
    assert "test" not in run.jobs
    assert run.jobs["gate"] == ["success"]
    assert "changes.any is false" in run.log


def test_a_failing_test_shuts_the_gate(platform: Hub) -> None:
    broken = "\n\ndef test_broken() -> None:\n    raise AssertionError\n"
    file = "services/mlflow/tests/test_health.py"
    run = platform.pull_request({file: broken}, real="changes,test,gate")
    assert run.status != 0
    assert run.matching("test") == ["test(mlflow-service)"]
    assert run.jobs["test"] == ["failure"]
    assert run.jobs["gate"] == ["failure"]
    assert "gate: test failed" in run.log, run.jobs


def test_a_fault_of_any_job_shuts_the_gate(platform: Hub) -> None:
    run = platform.pull_request({"docs/index.md": "\nA word.\n"}, statuses={"typecheck": 1})
    assert run.status != 0
    assert run.jobs["gate"] == ["failure"]
    assert "gate: typecheck failed" in run.log


def test_a_selection_that_fails_shuts_the_gate(platform: Hub) -> None:
    run = platform.pull_request({"docs/index.md": "\n"}, real="gate", statuses={"changes": 1})
    assert run.status != 0
    assert "test" not in run.jobs
    assert "gate: changes failed; test was skipped, which is allowed only where" in run.log


def test_the_first_push_of_a_branch(platform: Hub) -> None:
    platform.commit("fresh", {"libs/tradai-data/src/tradai/data/client.py": "# A change.\n"})
    run = platform.push("refs/heads/fresh", "0" * 40)
    assert run.status == 0, run.log
    assert run.matching("test") == ["test(data-collection)", "test(tradai-data)"]
    assert others(run) == _ALWAYS - {"contract"}


def test_a_platform_tag_is_tested_whole(platform: Hub) -> None:
    git(platform.home, "checkout", "-q", "--detach", "main")
    git(platform.home, "tag", "v1.2.0")
    run = platform.push("refs/tags/v1.2.0", "0" * 40)
    assert run.status == 0, run.log
    listed = nox(platform.home, "-l", "--json")
    every = {one["session"] for one in json.loads(listed.out) if one["name"] == "test"}
    assert set(run.matching("test")) == every
    assert len(every) == 9
    assert run.jobs["gate"] == ["success"]
    assert "cache false by **/uv.lock" in run.log
    assert "cache true" not in run.log


def test_a_change_of_one_strategy(strategies: Hub) -> None:
    file = "strategies/momentum/src/momentum/strategy.py"
    run = strategies.pull_request({file: "# A change.\n"})
    assert run.status == 0, run.log
    checked = ["lint(momentum)", "test(momentum)", "typecheck(momentum)"]
    assert [name for name in run.sessions() if "backtest" not in name and "(" in name] == checked
    assert run.jobs["check"] == ["success"]
    assert run.jobs["gate"] == ["success"]
    assert "release" not in run.jobs


def test_a_change_of_no_strategy(strategies: Hub) -> None:
    run = strategies.pull_request({"README.md": "\nA word more.\n"})
    assert run.status == 0, run.log
    assert run.sessions() == ["changes", "gate", "security"]
    assert "check" not in run.jobs


def test_a_strategy_without_backtests_passes_and_is_released(strategies: Hub) -> None:
    """It was listed for the smoke job, which then found no session of it."""
    off = "\n[tool.tradai-tasks.backtest]\nenabled = false\n"
    git(strategies.home, "checkout", "-q", "main")
    file = strategies.home / "strategies/momentum/pyproject.toml"
    file.write_text(file.read_text() + off)
    strategies.settle("No backtests of this one")
    tag_momentum(strategies)
    ci = strategies.push("refs/tags/momentum-v1.0.0", "0" * 40)
    assert ci.status == 0, ci.log
    assert "smoke" not in ci.jobs
    assert ci.jobs["gate"] == ["success"]
    run = strategies.after_ci("momentum-v1.0.0", strategies.main, "strategy-release.yml")
    assert run.status == 0, run.log
    assert run.jobs == {"version": ["success"], "gates": ["success"], "release": ["success"]}
    assert run.sessions() == ["release", "release", "tag"]  # the gates, then what acts


def tag_momentum(strategies: Hub) -> None:
    strategies.act.variables.update(ROLES)
    strategies.act.secrets["AWS_REGION"] = "eu-central-1"
    strategies.act.secrets["ECR_REGISTRY"] = "registry.example"
    git(strategies.home, "tag", "momentum-v1.0.0")


def test_the_tag_of_a_strategy_is_released(strategies: Hub) -> None:
    tag_momentum(strategies)
    ci = strategies.push("refs/tags/momentum-v1.0.0", "0" * 40)
    assert ci.status == 0, ci.log
    assert ci.jobs["gate"] == ["success"]
    of_packages = {name.partition("(")[2] for name in ci.sessions() if "(" in name}
    assert of_packages == {"momentum)"}
    assert "release" not in ci.jobs
    git(strategies.home, "checkout", "-q", "main")
    git(strategies.home, "commit", "-q", "--allow-empty", "-m", "main went on")
    run = strategies.after_ci("momentum-v1.0.0", strategies.main, "strategy-release.yml")
    assert run.status == 0, run.log
    assert {result for results in run.jobs.values() for result in results} == {"success"}
    assert set(run.jobs) == {"version", "gates", "release"}
    assert run.sessions() == ["backtest-data(momentum)", "release", "release", "tag"]
    gates, release = run.calls[-2:]
    wanted = ["-s", "release", "--", "momentum-v1.0.0"]
    only = [word for gate in GATES for word in ("--only", gate)]
    assert gates["argv"] == [*wanted, *only, "--earlier", "../earlier"]
    assert gates["env"]["ECR_REGISTRY"] is None
    assert gates["env"]["AWS_REGION"] is None
    assert release["argv"] == [*wanted, "--from", "image", "--evidence", "../evidence"]
    assert release["env"]["ECR_REGISTRY"] == "registry.example"
    assert release["env"]["AWS_REGION"] == "eu-central-1"
    assert "Success - Main Take over what passed" not in run.log  # none comes before the first
    # another attempt of the same run, with what that one has handed over
    strategies.act.env["STAND_IN_ARTIFACTS"] = str(run.artifacts)
    strategies.act.given["GITHUB_RUN_ATTEMPT"] = "2"
    again = strategies.after_ci("momentum-v1.0.0", strategies.main, "strategy-release.yml")
    assert again.status == 0, again.log
    assert "Success - Main Take over what passed in an earlier attempt" in again.log
    assert [path.name for path in run.artifacts.rglob("*.json")] == ["lint.json"]


def test_a_strategy_whose_check_fails_is_not_released(strategies: Hub) -> None:
    tag_momentum(strategies)
    ci = strategies.push("refs/tags/momentum-v1.0.0", "0" * 40, statuses={"test": 1})
    assert ci.status != 0
    assert "gate: check failed" in ci.log
    run = strategies.after_ci(
        "momentum-v1.0.0", strategies.main, "strategy-release.yml", conclusion="failure"
    )
    assert run.status == 0, run.log
    assert run.calls == []


_FOLLOWING = {
    "docker-build.yml": ["images", "deploy"],
    "deploy-lambdas.yml": ["lambdas"] * 3,  # which there are, their images, the functions
    "publish-libs.yml": ["build", "publish"],
}


@pytest.fixture
def released(platform: Hub) -> Hub:
    """A platform with every workflow that follows CI."""
    sessions = {name for names in _FOLLOWING.values() for name in names} | {"tag", "deploy"}
    repository = RepositoryTraits(
        kind="platform",
        sessions=frozenset(sessions),
        locked=True,
        services=True,
        lambdas=True,
        lambda_base=True,
        deployed=True,
        clusters=True,
        libraries=True,
        publishes_to_aws=True,
    )
    # the matrix is for other tests: a job for each image takes its time
    write(platform.home, workflows(repository, WorkflowsSettings(attest=True, matrix=False)))
    platform.settle("All workflows that follow CI")
    platform.act.variables.update(ROLES)
    platform.act.secrets["AWS_REGION"] = "eu-central-1"
    platform.act.secrets["ECR_REGISTRY"] = "registry.example"
    return platform


@pytest.mark.parametrize("workflow", _FOLLOWING)
def test_a_tag_that_passed_ci_is_released(released: Hub, workflow: str) -> None:
    git(released.home, "tag", "v1.2.0")
    git(released.home, "commit", "-q", "--allow-empty", "-m", "main went on")
    run = released.after_ci("v1.2.0", released.main, workflow)
    assert run.status == 0, run.log
    assert {result for results in run.jobs.values() for result in results} == {"success"}
    # what is called stands in for the session; its own tests show that it works
    assert run.sessions() == sorted(["tag", *_FOLLOWING[workflow]]), run.log
    # the version of lambdas is computed once, since a dispatch has no tag
    lambdas = [
        ["--matrix", "--environment", "prod"],
        ["--images-only", "--version", "v1.2.0"],
        ["--version", "v1.2.0", "--environment", "prod"],
    ]
    for number, call in enumerate(run.calls[1:]):
        assert call["argv"][:3] == ["-s", call["sessions"][0], "--"]
        said = lambdas[number] if call["sessions"] == ["lambdas"] else ["v1.2.0"]
        assert call["argv"][3 : 3 + len(said)] == said
        assert call["env"]["GITHUB_REF_NAME"] == "main"  # and nothing was misled by it
    assert run.calls[-1]["env"]["AWS_REGION"] == "eu-central-1"
    assert "cache true" not in run.log


@pytest.mark.parametrize("statuses", [{}, {"test": 1}], ids=["passed", "failed"])
def test_what_ci_says_of_a_tag_decides_what_follows(
    released: Hub, statuses: dict[str, int]
) -> None:
    git(released.home, "checkout", "-q", "--detach", "main")
    git(released.home, "tag", "v1.2.0")
    ci = released.push("refs/tags/v1.2.0", "0" * 40, statuses=statuses)
    assert (ci.status == 0) == (not statuses), ci.log
    conclusion = "success" if ci.status == 0 else "failure"
    for workflow, sessions in _FOLLOWING.items():
        run = released.after_ci("v1.2.0", released.main, workflow, conclusion=conclusion)
        assert run.status == 0, run.log
        assert run.sessions() == ([] if statuses else sorted(["tag", *sessions]))


def test_a_dispatch_of_lambdas_to_staging(released: Hub) -> None:
    git(released.home, "checkout", "-q", "main")
    inputs = {"environment": "staging"}
    run = released.dispatch(workflow="deploy-lambdas.yml", inputs=inputs, real="tag")
    assert run.status == 0, run.log
    assert run.sessions() == ["lambdas", "lambdas", "lambdas", "tag"]
    argv = run.calls[-1]["argv"]
    assert argv[:4] == ["-s", "lambdas", "--", "--version"]
    assert argv[4].endswith(f"-g{released.main[:7]}")
    assert argv[5:] == ["--environment", "staging"]


def test_wheels_are_built_without_credentials(released: Hub) -> None:
    git(released.home, "tag", "v1.2.0")
    run = released.after_ci("v1.2.0", released.main, "publish-libs.yml")
    assert run.status == 0, run.log
    by_session = {call["sessions"][0]: call for call in run.calls}
    assert by_session["build"]["env"]["AWS_REGION"] is None
    assert by_session["publish"]["env"]["AWS_REGION"] == "eu-central-1"


def test_a_tag_that_is_mapped_nowhere_is_not_released(released: Hub) -> None:
    rule = '    { kind = "prerelease", environment = "staging" },\n'
    edit(released.home / "pyproject.toml", rule, "")
    released.settle("Prereleases go nowhere")
    git(released.home, "tag", "v1.3.0-rc1")
    run = released.after_ci("v1.3.0-rc1", released.main, "docker-build.yml")
    assert run.status != 0
    assert run.sessions() == ["tag"]
    assert "no rule says to which environment it goes" in run.log


@pytest.mark.parametrize("workflow", _FOLLOWING)
@pytest.mark.parametrize(
    ("branch", "given"),
    [
        ("v9.9.9", {"head_repository": {"full_name": "mallory/tradai-uv"}}),
        ("v9.9.9", {"event": "pull_request"}),
        ("v1.2.0", {"conclusion": "failure"}),
        ("v1.2.0", {"conclusion": "cancelled"}),
        ("main", {}),
    ],
    ids=["fork", "pull-request", "failed", "cancelled", "main"],
)
def test_what_starts_nothing(
    released: Hub, workflow: str, branch: str, given: dict[str, Any]
) -> None:
    git(released.home, "tag", "v1.2.0")
    run = released.after_ci(branch, released.main, workflow, **given)
    assert run.status == 0, run.log
    assert run.calls == []
    assert run.jobs == {}


@pytest.mark.parametrize("workflow", _FOLLOWING)
def test_a_branch_named_like_a_tag_is_refused(released: Hub, workflow: str) -> None:
    git(released.home, "branch", "v9.9.9", "main")
    run = released.after_ci("v9.9.9", released.main, workflow)
    assert run.status != 0
    assert run.sessions() == ["tag"]
    assert "tag v9.9.9: no such tag in this clone" in run.log


def infra_request(hub: Hub, owner: str) -> Run:
    """Run the previews of a pull request from somebody's clone."""
    hub.act.variables.update(ROLES)
    hub.act.secrets["AWS_REGION"] = "eu-central-1"
    payload = {
        "number": 7,
        "repository": {"full_name": hub.name, "default_branch": "main"},
        "pull_request": {
            "number": 7,
            "base": {"ref": "main", "sha": hub.main},
            "head": {"ref": "feature", "sha": hub.main, "repo": {"full_name": owner}},
        },
    }
    left = {"infra": ["build/preview/dev.json"]}
    return hub.act("pull_request", payload, workflow="deploy-infra.yml", real="", files=left)


def test_stacks_are_previewed_on_a_pull_request_but_not_on_a_forks(platform: Hub) -> None:
    run = infra_request(platform, platform.name)
    assert run.status == 0, run.log
    *previews, comment = [call["argv"][3:] for call in run.calls]
    assert sorted(previews) == [
        ["preview", stack, "--save", "build/preview"] for stack in ("dev", "prod", "staging")
    ]
    assert comment == ["comment", "--from", "build/preview"]
    assert run.jobs == {"preview-all": ["success"] * 3, "comment": ["success"]}
    fork = infra_request(platform, "mallory/tradai-uv")
    assert fork.status == 0, fork.log
    assert fork.calls == []


def test_a_stack_is_updated_by_hand(platform: Hub) -> None:
    platform.act.variables.update(ROLES)
    platform.act.secrets["AWS_REGION"] = "eu-central-1"
    given = {"workflow": "deploy-infra.yml", "inputs": {"stack": "staging", "command": "up"}}
    git(platform.home, "checkout", "-q", "main")
    run = platform.dispatch(real="tag", **given)
    assert run.status == 0, run.log
    assert [call["argv"] for call in run.calls] == [
        ["-s", "tag", "--", "--dispatch", "staging"],
        ["-s", "infra", "--", "up", "staging", "--yes"],
    ]


@pytest.mark.parametrize("command", ["up", "preview"])
def test_a_stack_is_not_touched_from_a_branch(platform: Hub, command: str) -> None:
    platform.commit("feature", {"README.md": "A word.\n"})
    given = {"workflow": "deploy-infra.yml", "inputs": {"stack": "staging", "command": command}}
    run = platform.dispatch(real="tag", **given)
    assert run.status != 0
    assert run.sessions() == ["tag"]
    assert "a dispatch on 'feature' deploys nothing to 'staging': only the default" in run.log
    assert platform.dispatch(real="", **given).sessions() == ["tag"]
