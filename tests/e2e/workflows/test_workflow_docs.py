"""The workflows of pages and of the development container, run by act."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.support.act import Run, clone_of
from tests.support.hub import Hub, prepared
from tests.support.real import edit, git, nox

SECRETS = {"CLOUDFLARE_API_TOKEN": "marked-token", "CLOUDFLARE_ACCOUNT_ID": "marked-account"}


@pytest.fixture(scope="module")
def _platform(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return prepared("tradai-uv", tmp_path_factory.mktemp("platform") / "tradai-uv")


@pytest.fixture
def platform(_platform: Path, tmp_path: Path) -> Hub:
    hub = Hub(clone_of(_platform, tmp_path / "tradai-uv"), tmp_path / "act", "tradai/tradai-uv")
    hub.act.secrets.update(SECRETS)
    return hub


def called(run: Run) -> list[list[str]]:
    return [call["argv"] for call in run.calls]


def test_a_pull_request_builds_the_site_and_deploys_nothing(platform: Hub) -> None:
    run = platform.pull_request({"docs/index.md": "\nA word.\n"}, workflow="docs.yml", real="docs")
    assert run.status == 0, run.log
    assert called(run) == [["-s", "docs"]]
    assert run.jobs == {"build": ["success"]}


def test_a_site_that_does_not_build_is_red(platform: Hub) -> None:
    broken = {"docs/index.md": "\n[gone](no-such-page.md)\n"}
    run = platform.pull_request(broken, workflow="docs.yml", real="docs")
    assert run.status != 0
    assert run.jobs == {"build": ["failure"]}


def test_a_push_to_main_deploys_what_was_built(platform: Hub) -> None:
    git(platform.home, "checkout", "-q", "main")
    built = {"docs": ["build/site/index.html"]}
    run = platform.push("refs/heads/main", platform.main, workflow="docs.yml", real="", files=built)
    assert run.status == 0, run.log
    deploys = ["-s", "docs", "--", "--deploy", "--site", "build/site"]
    assert called(run) == [["-s", "docs"], deploys]
    assert [one["argv"] for one in run.installs] == [deploys]
    assert run.jobs == {"build": ["success"], "deploy": ["success"]}
    assert "marked-" not in run.log
    failed = platform.push(
        "refs/heads/main", platform.main, workflow="docs.yml", real="", statuses={"docs": 1}
    )
    assert failed.status != 0
    assert called(failed) == [["-s", "docs"]]


def test_pages_are_held_against_the_repository_on_a_pull_request(platform: Hub) -> None:
    where = {"workflow": "docs-freshness.yml", "real": "docs-freshness"}
    run = platform.pull_request({"docs/index.md": "\nA word.\n"}, **where)
    assert run.status == 0, run.log
    assert called(run) == [["-s", "docs-freshness"]]
    stale = platform.pull_request({"docs/index.md": "\nRun `nox -s lnt`.\n"}, **where)
    assert stale.status != 0
    assert stale.jobs == {"pages": ["failure"]}


def test_external_addresses_are_asked_for_on_the_schedule_alone(platform: Hub) -> None:
    payload = {"repository": {"full_name": platform.name, "default_branch": "main"}}
    run = platform.act("schedule", payload, workflow="docs-freshness.yml", real="")
    assert run.status == 0, run.log
    assert called(run) == [["-s", "docs-freshness", "--", "--external"]]


def test_the_tests_are_run_in_the_container_on_a_pull_request(platform: Hub) -> None:
    where = {"workflow": "devcontainer-ci.yml", "real": ""}
    run = platform.pull_request({".devcontainer/Dockerfile": "\n"}, **where)
    assert run.status == 0, run.log
    assert called(run) == [["-s", "devcontainer", "--", "--test"]]
    red = platform.pull_request(
        {".devcontainer/Dockerfile": "\n"}, statuses={"devcontainer": 1}, **where
    )
    assert red.status != 0


def test_the_container_is_pushed_from_main_alone(platform: Hub) -> None:
    where = {"workflow": "devcontainer-prebuild.yml", "real": ""}
    git(platform.home, "checkout", "-q", "main")
    run = platform.push("refs/heads/main", platform.main, **where)
    assert run.status == 0, run.log
    assert called(run) == [["-s", "devcontainer", "--", "--push"]]
    dispatched = platform.dispatch(**{**where, "real": "tag"})
    assert dispatched.status == 0, dispatched.log
    assert dispatched.jobs == {"dispatch": ["success"], "push": ["success"]}


@pytest.mark.parametrize(
    ("workflow", "name"), [("devcontainer-prebuild.yml", "devcontainer"), ("docs.yml", "docs")]
)
def test_a_dispatch_on_a_branch_deploys_nothing_and_is_red(
    platform: Hub, workflow: str, name: str
) -> None:
    platform.commit("other", {"README.md": "\n"})
    other = platform.dispatch(workflow=workflow, real="tag")
    assert other.status != 0
    assert other.jobs["dispatch"] == ["failure"]
    assert set(other.jobs) <= {"build", "dispatch"}
    assert f"a dispatch on 'other' deploys nothing to '{name}': only the default" in other.log
    # the branch's own file may have a guard that passes: the condition of the job holds as well
    passed = platform.dispatch(workflow=workflow, real="")
    assert set(passed.jobs) <= {"build", "dispatch"}
    edit(
        platform.home / "pyproject.toml",
        "[tool.tradai-tasks.docs]\n",
        f'[tool.tradai-tasks.workflows]\nbranch-environments = ["{name}"]\n\n'
        "[tool.tradai-tasks.docs]\n",
    )
    assert nox(platform.home, "-s", "workflows").status == 0
    platform.settle("Allow it, but on this branch alone")
    alone = platform.dispatch(workflow=workflow, real="tag")
    assert alone.jobs["dispatch"] == ["failure"]
    git(platform.home, "branch", "-f", "main", "other")
    built = {"docs": ["build/site/index.html"]}
    allowed = platform.dispatch(workflow=workflow, real="tag", files=built)
    assert allowed.status == 0, allowed.log
    assert len(allowed.jobs) > 1
    assert set(allowed.jobs) > {"dispatch"}


def test_without_a_project_or_an_image_nothing_is_deployed_or_pushed(platform: Hub) -> None:
    file = platform.home / "pyproject.toml"
    edit(file, 'project = "tradai-docs"\n', "")
    edit(file, 'image = "ghcr.io/tradai/tradai-uv/devcontainer"\n', "")
    ran = nox(platform.home, "-s", "workflows", "--", "--prune")
    assert ran.status == 0, ran.text
    folder = platform.home / ".github" / "workflows"
    assert not (folder / "devcontainer-prebuild.yml").exists()
    assert (folder / "devcontainer-ci.yml").exists()
    assert "deploy" not in (folder / "docs.yml").read_text()
