"""`tag`: the release that a CI event asks for, on real repositories and events."""

from __future__ import annotations

from typing import Any

import pytest
from tests.support.inprocess import InProcess, Ran, run
from tests.support.repos import Repo

__all__ = ["run"]

NAME = "tradai/tradai-uv"
RULES = '\n[[tool.tradai-tasks.deploy.tags]]\nkind = "release"\nenvironment = "staging"\n'


class Hub:
    """A repository whose tags CI has checked."""

    def __init__(self, run: InProcess) -> None:
        self.run = run
        self.repo = Repo.init(run.home)
        run.files(
            {
                "pyproject.toml": f'[project]\nname = "a"\nversion = "1.0"\n{RULES}',
                "src/a/__init__.py": "",
                ".gitignore": "__pycache__/\n.nox/\n",
            }
        )
        self.repo.commit({"README.md": "A\n"})

    def tag(self, name: str) -> str:
        self.repo.git("tag", name)
        return self.repo.head

    def __call__(self, event: str, payload: Any, *args: str, **variables: str) -> Ran:
        env = self.repo.event(event, payload, **variables)
        self.outputs = self.repo.path.parent / "outputs"
        self.outputs.write_text("")
        env["GITHUB_OUTPUT"] = str(self.outputs)
        return self.run("-s", "tag", *(["--", *args] if args else []), env=env)

    def after_ci(self, branch: str, sha: str, *args: str, **given: Any) -> Ran:
        """What follows a run of CI: everything but the event's own fields says `main`."""
        head = {"head_branch": branch, "head_sha": sha}
        repository = {"full_name": NAME, "default_branch": "main"}
        ended = {"conclusion": "success", "event": "push", "head_repository": repository}
        payload = {"workflow_run": {**ended, **head, **given}, "repository": repository}
        where = {"ref": "refs/heads/main", "ref_name": "main", "repository": NAME}
        return self("workflow_run", payload, *args, **where)

    def dispatched(self, *args: str, ref: str = "refs/heads/main", **given: str) -> Ran:
        """A workflow that somebody has started by hand on a branch."""
        payload = {"repository": {"full_name": NAME, "default_branch": "main"}}
        given = {"ref": ref, "sha": self.repo.sha(ref), **given}
        return self("workflow_dispatch", payload, *args, **given)

    def handed_down(self) -> dict[str, str]:
        lines = self.outputs.read_text().splitlines()
        return dict(line.split("=", 1) for line in lines)


@pytest.fixture
def hub(run: InProcess) -> Hub:
    return Hub(run)


def test_the_tag_of_a_workflow_run_is_not_what_github_ref_name_says(hub: Hub) -> None:
    sha = hub.tag("v1.2.0")
    ran = hub.after_ci("v1.2.0", sha)
    assert ran.status == 0, ran.log
    assert hub.handed_down() == {
        "tag": "v1.2.0",  # images were once tagged `main`, as GITHUB_REF_NAME has it here
        "version": "1.2.0",
        "environment": "staging",
        "commit": sha,
    }


def test_a_test_tag_goes_to_dev_whatever_is_asked_for(hub: Hub) -> None:
    sha = hub.tag("v0.0.0-test")
    ran = hub.after_ci("v0.0.0-test", sha, "--environment", "prod")
    assert ran.status == 0, ran.log
    assert hub.handed_down()["environment"] == "dev"


def test_a_tag_that_no_rule_maps_goes_nowhere(hub: Hub) -> None:
    """Deployments once went to an environment that nobody had ever provisioned."""
    ran = hub.after_ci("v1.2.0-rc1", hub.tag("v1.2.0-rc1"))
    assert ran.status != 0
    assert "tag v1.2.0-rc1: no rule says to which environment it goes" in ran.log
    assert hub.handed_down() == {}


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({"conclusion": "failure"}, "its run did not succeed"),
        ({"event": "pull_request"}, "its run was not of a push"),
        ({"head_repository": {"full_name": "mallory/tradai-uv"}}, "was of another repository"),
        ({"head_repository": None}, "was of another repository"),
        ({"head_sha": "f" * 40}, "but the CI event is of ffffffffffff"),
        ({"head_branch": "v1.2.0; rm -rf /"}, "tag "),
        ({"head_branch": "main"}, "tag "),
        ({"head_branch": "v9.9.9"}, "tag v9.9.9: no such tag in this clone"),
    ],
)
def test_an_event_that_is_not_to_be_trusted(hub: Hub, given: dict[str, Any], message: str) -> None:
    ran = hub.after_ci("v1.2.0", hub.tag("v1.2.0"), **given)
    assert ran.status != 0
    assert message in ran.log
    assert "Traceback" not in ran.log
    assert hub.handed_down() == {}


def test_a_branch_of_that_name(hub: Hub) -> None:
    sha = hub.tag("v1.2.0")
    hub.repo.git("branch", "v1.2.0", "main")
    ran = hub.after_ci("v1.2.0", sha)
    assert ran.status != 0
    assert "a branch has the same name" in ran.log


def test_the_push_of_a_tag(hub: Hub) -> None:
    sha = hub.tag("v1.2.0")
    ran = hub("push", {"ref": "refs/tags/v1.2.0"}, ref="refs/tags/v1.2.0", sha=sha)
    assert ran.status == 0, ran.log
    assert hub.handed_down()["tag"] == "v1.2.0"


def test_a_tag_by_hand(hub: Hub) -> None:
    hub.tag("v1.2.0")
    ran = hub.dispatched("v1.2.0", "--environment", "prod")
    assert ran.status == 0, ran.log
    assert hub.handed_down()["environment"] == "prod"


def test_another_tag_than_the_events(hub: Hub) -> None:
    sha = hub.tag("v1.2.0")
    hub.tag("v1.1.0")
    ran = hub.after_ci("v1.2.0", sha, "v1.1.0")
    assert ran.status != 0
    assert "tag v1.1.0: the workflow_run event is of tag v1.2.0" in ran.log


def test_a_dispatch_without_a_tag(hub: Hub) -> None:
    ran = hub.dispatched("--environment", "dev")
    assert ran.status == 0, ran.log
    expected = {"tag": "", "version": "", "environment": "dev", "commit": hub.repo.head}
    assert hub.handed_down() == expected
    unknown = hub.dispatched("--environment", "porduction")
    assert "environment 'porduction': there is none; known are dev" in unknown.log
    nothing = hub.dispatched("--environment", "")
    assert "tag: the CI event names no tag; give one: nox -s tag -- v1.2.0" in nothing.log
