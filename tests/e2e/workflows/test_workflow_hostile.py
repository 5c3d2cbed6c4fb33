"""Somebody who may push a branch, or a tag, tries to have it released: the workflows by act.

The noxfile that is pushed leaves a mark as soon as it is read, and has a `tag` session of its own
that hands down what it likes. Every session runs for real.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from tests.support.act import Run, clone_of
from tests.support.hub import ROLES, Hub
from tests.support.real import git, nox, write

_SESSIONS = ["images", "deploy", "lambdas", "build", "publish", "release", "infra", "docs"]
_SESSIONS += ["devcontainer", "backtest-data", "lock"]
_REAL = ",".join(["tag", *_SESSIONS])
_HOSTILE = f"""
NAMES = {_SESSIONS}
"""
_HOSTILE += """
import os
import pathlib

import nox

pathlib.Path(os.environ["STAND_IN_MARK"]).touch()


@nox.session(venv_backend="none")
def tag(session):
    lines = "tag=v1.2.0", "environment=prod", f"commit={os.environ['STAND_IN_COMMIT']}"
    lines += "strategy=momentum", "backtested=false"
    with open(os.environ["GITHUB_OUTPUT"], "a") as outputs:
        outputs.write("".join(f"{line}\\n" for line in lines))


for name in NAMES:
    nox.session(lambda session: None, name=name, venv_backend="none")
"""
_TAGS = {
    "docker-build.yml": "v1.2.0",
    "deploy-lambdas.yml": "v1.2.0",
    "publish-libs.yml": "v1.2.0",
    "strategy-release.yml": "momentum-v1.0.0",
}
every_workflow = pytest.mark.parametrize("workflow", _TAGS)


class Attack:
    """A repository, and a commit on a branch of it that means harm."""

    def __init__(self, home: Path, scratch: Path, name: str) -> None:
        self.hub = Hub(home, scratch / "act", name)
        self.home = home
        self.mark = scratch / "mark"
        git(home, "checkout", "-q", "-b", "feature")
        write(home, {"noxfile.py": _HOSTILE})
        git(home, "commit", "-qam", "Nothing to see here")
        self.commit = git(home, "rev-parse", "HEAD")
        self.hub.act.env |= {"STAND_IN_MARK": str(self.mark), "STAND_IN_COMMIT": self.commit}
        self.hub.act.variables |= ROLES
        self.hub.act.secrets |= {"AWS_REGION": "eu-central-1", "ECR_REGISTRY": "registry.example"}

    def after_ci(self, branch: str, sha: str, workflow: str) -> Run:
        return self.hub.after_ci(branch, sha, workflow, real=_REAL)

    def failed(self, run: Run, said: str) -> None:
        """The guard refused it, and neither did the code run nor did any other job begin."""
        assert run.status != 0, run.log
        assert run.jobs == {"version": ["failure"]}, run.log
        assert run.sessions() == ["tag"]
        assert {call["head"] for call in run.calls} == {self.hub.main}
        assert not self.mark.exists(), "the code that was pushed has run"
        lines = [line for line in run.log.splitlines() if "Session tag aborted: " in line]
        assert len(lines) == 1, run.log
        assert said in lines[0]
        assert "Traceback" not in run.log


@pytest.fixture
def attacked(_platform: Path, _strategies: Path, tmp_path: Path) -> Callable[[str], Attack]:
    def made(workflow: str) -> Attack:
        if workflow == "strategy-release.yml":
            clone_of(_strategies.parent / "tradai-uv", tmp_path / "tradai-uv")
            home = clone_of(_strategies, tmp_path / "tradai-strategies")
            return Attack(home, tmp_path, "tradai/tradai-strategies")
        home = clone_of(_platform, tmp_path / "tradai-uv")
        return Attack(home, tmp_path, "tradai/tradai-uv")

    return made


@every_workflow
def test_a_branch_named_like_a_tag(attacked: Callable[[str], Attack], workflow: str) -> None:
    attack, name = attacked(workflow), _TAGS[workflow].replace("-v1.0.0", "-v9.9.9")
    name = name.replace("v1.2.0", "v9.9.9")
    git(attack.home, "branch", name, attack.commit)
    run = attack.after_ci(name, attack.commit, workflow)
    attack.failed(run, f"tag {name}: no such tag in this clone")


@every_workflow
def test_a_tag_that_is_not_merged(attacked: Callable[[str], Attack], workflow: str) -> None:
    attack, name = attacked(workflow), _TAGS[workflow]
    git(attack.home, "tag", name, attack.commit)
    run = attack.after_ci(name, attack.commit, workflow)
    attack.failed(run, f"is not on origin/main (it branched off at {attack.hub.main[:12]})")


@every_workflow
def test_a_tag_that_was_moved_after_ci(attacked: Callable[[str], Attack], workflow: str) -> None:
    attack, name = attacked(workflow), _TAGS[workflow]
    git(attack.home, "tag", name, attack.commit)  # CI has checked main's commit
    run = attack.after_ci(name, attack.hub.main, workflow)
    assert run.jobs == {"version": ["failure"]}, run.log
    assert "but the CI event is of" in run.log
    assert "is not on origin/main" in run.log
    assert not attack.mark.exists()


@every_workflow
def test_a_tag_on_main_and_a_branch_that_ci_has_checked(
    attacked: Callable[[str], Attack], workflow: str
) -> None:
    attack, name = attacked(workflow), _TAGS[workflow]
    git(attack.home, "tag", "-a", "-m", "Honest", name, attack.hub.main)
    run = attack.after_ci(name, attack.commit, workflow)
    attack.failed(run, f"the CI event is of {attack.commit[:12]}; the tag was moved")
    git(attack.home, "branch", name, attack.commit)
    run = attack.after_ci(name, attack.hub.main, workflow)
    attack.failed(run, f"a branch has the same name (refs/remotes/origin/{name})")


@every_workflow
def test_a_version_that_nothing_bears_out(attacked: Callable[[str], Attack], workflow: str) -> None:
    attack = attacked(workflow)
    name = _TAGS[workflow].replace("v1.0.0", "v99.0.0").replace("v1.2.0", "v99.0.0")
    git(attack.home, "tag", name, attack.hub.main)
    run = attack.after_ci(name, attack.hub.main, workflow)
    attack.failed(run, f"tag {name}: i")  # "is for version", "its version is above"
    git(attack.home, "tag", name.replace("99", "100"), attack.hub.main)  # it bears nothing out
    run = attack.after_ci(name.replace("99", "100"), attack.hub.main, workflow)
    assert run.jobs == {"version": ["failure"]}, run.log


@pytest.mark.parametrize(
    "branch",
    [
        "v1.2.0\n",
        "v1.2.0\nenvironment=prod",
        "v1.2.0$(touch marked)",
        "v1.2.0;touch marked",
        "vrefs/tags/v1.2.0",
        "v1.2.\u0660",
        "v1.2.0\u2028",
        "v1.2.0 ",
        "v--output=x",
    ],
)
def test_a_name_with_odd_text(attacked: Callable[[str], Attack], branch: str) -> None:
    attack = attacked("docker-build.yml")
    git(attack.home, "tag", "v1.2.0", attack.hub.main)
    run = attack.after_ci(branch, attack.hub.main, "docker-build.yml")
    attack.failed(run, "no release tag")


@pytest.mark.parametrize(
    ("workflow", "inputs"),
    [
        ("deploy-lambdas.yml", {"environment": "prod"}),
        ("deploy-infra.yml", {"stack": "prod", "command": "up"}),
        ("deploy-infra.yml", {"stack": "prod", "command": "preview"}),
        ("devcontainer-prebuild.yml", {}),
    ],
)
def test_a_dispatch_on_a_branch(
    attacked: Callable[[str], Attack], workflow: str, inputs: dict[str, str]
) -> None:
    attack = attacked(workflow)
    run = attack.hub.dispatch(workflow=workflow, inputs=inputs, real=_REAL)
    assert run.status != 0, run.log
    assert list(run.jobs.values()) == [["failure"]]
    assert run.sessions() == ["tag"]
    assert not attack.mark.exists()
    assert "a dispatch on 'feature' deploys nothing to" in run.log


def test_a_dispatch_on_a_branch_that_builds_pages(attacked: Callable[[str], Attack]) -> None:
    attack = attacked("docs.yml")
    run = attack.hub.dispatch(workflow="docs.yml", real=_REAL)
    assert run.status != 0, run.log
    # building is what the branch's code is for, and it is given nothing to do it with
    assert run.jobs == {"build": ["success"], "dispatch": ["failure"]}
    assert "a dispatch on 'feature' deploys nothing to 'docs'" in run.log


@pytest.mark.parametrize("annotated", [(), ("-a", "-m", "A release")], ids=["plain", "annotated"])
@every_workflow
def test_what_is_proved_is_what_other_jobs_check_out(
    attacked: Callable[[str], Attack], workflow: str, annotated: tuple[str, ...]
) -> None:
    attack, name = attacked(workflow), _TAGS[workflow]
    hub, tagged = attack.hub, attack.hub.main
    git(attack.home, "tag", *annotated, name, tagged)
    git(attack.home, "checkout", "-q", "main")
    write(attack.home, {"README.md": "main went on\n"})
    hub.settle("main went on")
    run = hub.after_ci(name, tagged, workflow)
    assert run.status == 0, run.log
    heads = {session: call["head"] for call in run.calls for session in call["sessions"]}
    assert heads.pop("tag") == hub.main
    assert heads
    assert set(heads.values()) == {tagged}


def test_the_settings_of_main_say_where_a_tag_goes(attacked: Callable[[str], Attack]) -> None:
    attack = attacked("docker-build.yml")
    git(attack.home, "tag", "v1.2.0", attack.hub.main)
    git(attack.home, "checkout", "-q", "main")
    file = attack.home / "pyproject.toml"
    file.write_text(
        file.read_text().replace(
            'kind = "release", environment = "prod"', 'kind = "release", environment = "dev"'
        )
    )
    tagged = attack.hub.main
    attack.hub.settle("Releases go to dev from now on")
    run = attack.hub.after_ci("v1.2.0", tagged, "docker-build.yml")
    assert run.status == 0, run.log
    deployed = next(call for call in run.calls if call["sessions"] == ["deploy"])
    assert deployed["argv"][-2:] == ["--environment", "dev"]
    assert nox(attack.home, "-s", "tag", "--", "v1.2.0").status == 0
