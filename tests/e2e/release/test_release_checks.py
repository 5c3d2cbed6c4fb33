"""What a release is held against in real repositories, before it begins."""

from __future__ import annotations

import json
import socket
import time
from pathlib import Path
from typing import Any

from tests.support.inprocess import InProcess, run
from tests.support.real import edit, git, write
from tests.support.release_tags import FILES, TAG, repository

__all__ = ["run"]


def test_a_release_says_what_it_needs_first(run: InProcess) -> None:
    repository(run.home)
    git(run.home, "tag", TAG)
    ran = run("-s", "release", "--", TAG)
    assert ran.status == 1
    assert "images.registry: not set; name the registry there or in the environment" in ran.log
    ran = run("-s", "release", "--", TAG, "--json")
    assert "--json: goes with --status or --dry-run" in ran.log
    assert "which tag? such as" in run("-s", "release").log
    assert "is a platform's, and this is a repository of strategies" in _tagged(run, "v1.0.0").log
    (run.home / "strategies/momentum/uv.lock").unlink()
    git(run.home, "rm", "-q", "--cached", "strategies/momentum/uv.lock")
    git(run.home, "commit", "-qm", "No lock")
    git(run.home, "tag", "-f", TAG)
    assert "strategies/momentum/uv.lock: no such lock file" in run("-s", "release", "--", TAG).log


def test_a_dry_run_shows_the_plan_and_all_that_is_in_the_way(run: InProcess) -> None:
    """A fresh copy: no tag, a change, no lock, no registry, no model registry."""
    repository(run.home)
    git(run.home, "rm", "-q", "strategies/momentum/uv.lock")
    git(run.home, "commit", "-qm", "No lock")
    write(run.home, {"left.txt": "x"})
    ran = run("-s", "release", "--", TAG, "--dry-run", "--json")
    assert ran.status == 1
    stages = {one["stage"]: one["state"] for one in json.loads(ran.out)["steps"]}
    assert {"lint", "test", "backtest-full", "image", "mlflow"} < set(stages)
    assert stages["lint"] == "to do"
    assert stages["image"] == "unknown"
    for said in (
        "uncommitted changes in left.txt",
        f"tag {TAG}: no such tag in this clone; fetch it with: git fetch --tags, or make it:",
        "strategies/momentum/uv.lock: no such lock file",
        "image setup: images.registry: not set",
        "no MLflow server is named; set the environment variable MLFLOW_TRACKING_URI",
    ):
        assert said in ran.log
    # a tag that is there, with all the rest in the way
    git(run.home, "tag", TAG)
    ran = run("-s", "release", "--", TAG, "--dry-run")
    assert "uncommitted changes in left.txt" in ran.log
    assert "images.registry: not set" in ran.log
    assert "backtest-full" in ran.out
    # without --dry-run it begins with what must be put right first
    assert "images.registry" not in run("-s", "release", "--", TAG).log


def test_a_dry_run_does_not_wait_for_servers_that_do_not_answer(run: InProcess) -> None:
    repository(run.home)
    write(run.home, {"strategies/momentum/Dockerfile": "FROM scratch\n"})
    git(run.home, "add", "-A")
    git(run.home, "commit", "-qm", "An image")
    git(run.home, "tag", TAG)
    with socket.create_server(("127.0.0.1", 0), backlog=100) as silent:
        place = f"127.0.0.1:{silent.getsockname()[1]}"
        env = {"ECR_REGISTRY": place, "MLFLOW_TRACKING_URI": f"http://{place}"}
        begin = time.monotonic()
        ran = run("-s", "release", "--", TAG, "--dry-run", env=env)
        taken = time.monotonic() - begin
    assert ran.status == 1
    assert f"{place}: " in ran.log
    assert "tried for 3 s (images.patience)" in ran.log
    assert "tried for 3 s (mlflow.patience)" in ran.log
    assert "lint" in ran.out
    assert taken < 20, taken  # 6 s where the machine has no other work


def test_an_environment_is_never_asked_for_in_vain(run: InProcess) -> None:
    repository(run.home)
    git(run.home, "tag", TAG)
    args = ("--environment", "prod", "--only", "lint", "--dry-run")
    ran = run("-s", "release", "--", TAG, *args)
    assert ran.status == 1
    assert "--environment prod: a platform is released to one, and momentum-v1.0.0 is" in ran.log


def test_a_platform_without_environments_is_not_released_to_one(run: InProcess) -> None:
    files = {"services/web/Dockerfile": "FROM scratch\n", "uv.lock": "version = 1\n"}
    files["libs/shared/pyproject.toml"] = '[project]\nname = "shared"\nversion = "1.0.0"\n'
    settings = '[tool.uv.workspace]\nmembers = ["libs/*"]\n[tool.tradai-tasks]\nkind = "platform"\n'
    write(run.home, {**files, "pyproject.toml": settings, ".gitignore": FILES[".gitignore"]})
    write(run.home, {"noxfile.py": FILES["noxfile.py"]})
    git(run.home, "init", "-q", "-b", "main")
    git(run.home, "add", "-A")
    git(run.home, "commit", "-qm", "First")
    git(run.home, "tag", "v1.0.0")
    gate = ("--only", "lint", "--dry-run")
    ran = run("-s", "release", "--", "v1.0.0", *gate)
    assert ran.status == 0, ran.log
    assert "nothing is deployed: the settings have no deploy.environments" in ran.log
    ran = run("-s", "release", "--", "v1.0.0", "--environment", "prd", *gate)
    assert "environment 'prd': there is none; did you mean 'prod'?" in ran.log
    ran = run("-s", "release", "--", "v1.0.0", "--environment", "prod", "--only", "deploy-prod")
    assert ran.status == 1
    assert "v1.0.0 goes to prod" in ran.log


def test_a_dry_run_of_a_platform_shows_the_plan_and_all_that_is_in_the_way(run: InProcess) -> None:
    settings = (
        '[tool.uv.workspace]\nmembers = ["libs/*"]\n[tool.tradai-tasks]\nkind = "platform"\n'
        '[tool.tradai-tasks.publish]\nlibraries = ["shared"]\n'
        '[tool.tradai-tasks.deploy]\ntags = [{ kind = "prerelease", environment = "dev" }]\n'
    )
    library = '[project]\nname = "shared"\nversion = "1.0.0"\n[build-system]\n'
    library += 'requires = ["uv_build"]\nbuild-backend = "uv_build"\n'
    write(
        run.home,
        {
            "pyproject.toml": settings,
            "noxfile.py": FILES["noxfile.py"],
            ".gitignore": FILES[".gitignore"],
            "libs/shared/pyproject.toml": library,
            "services/web/Dockerfile": "FROM scratch\n",
            "lambdas/gaps/Dockerfile": "FROM scratch\n",
        },
    )
    git(run.home, "init", "-q", "-b", "main")
    git(run.home, "add", "-A")
    git(run.home, "commit", "-qm", "First")
    ran = run("-s", "release", "--", "v1.0.0", "--dry-run", "--json")
    assert ran.status == 1
    states = {one["stage"]: one["state"] for one in json.loads(ran.out)["steps"]}
    assert states["lint"] == "to do"
    assert {states[name] for name in ("publish", "image", "lambda-image")} == {"unknown"}
    for said in (
        "tag v1.0.0: no such tag in this clone",
        "tag v1.0.0: no rule says to which environment it goes",
        "uv.lock: no such lock file",
        "publish setup: pyproject.toml: publish: no index to publish to",
        "image setup, lambda-image setup: images.registry: not set",
    ):
        assert said in ran.log
    # of a deployment: all but the tag is told, in seconds, where nothing answers
    edit(run.home / "pyproject.toml", '"prerelease", environment = "dev"', '"any", environment = '
         '"prod"')  # fmt: skip
    with socket.create_server(("127.0.0.1", 0), backlog=100) as silent:
        place = f"127.0.0.1:{silent.getsockname()[1]}"
        env = {
            "AWS_ENDPOINT_URL": f"http://{place}",
            "AWS_REGION": "eu-central-1",
            "AWS_ACCESS_KEY_ID": "AKIDEXAMPLE",
            "AWS_SECRET_ACCESS_KEY": "marked-secret",
            "ECR_REGISTRY": place,
        }
        begin = time.monotonic()
        ran = run("-s", "release", "--", "v1.0.0", "--dry-run", env=env)
        taken = time.monotonic() - begin
    for said in (
        "tag v1.0.0: no such tag in this clone",
        "uncommitted changes in pyproject.toml",
        "deploy.environments.prod.cluster: not set",
        "lambda:GetFunction: ",
        "tried for 3 s (images.patience)",
    ):
        assert said in ran.log
    assert "marked-secret" not in ran.log + ran.out
    assert taken < 30, taken  # 10 s where the machine has no other work


def _tagged(run: InProcess, name: str):  # type: ignore[no-untyped-def]  # what a run came to
    git(run.home, "tag", name)
    return run("-s", "release", "--", name)


def test_gates_alone_need_no_server_and_one_runs_at_a_time(run: InProcess) -> None:
    repository(run.home)
    git(run.home, "tag", TAG)
    looked = run("-s", "release", "--", TAG, "--only", "lint", "--only", "test", "--dry-run")
    assert looked.status == 0, looked.log
    assert "nothing was done: this is a dry run; 2 steps are to do" in looked.log
    status = run("-s", "release", "--", TAG, "--only", "lint", "--status", "--json")
    document = json.loads(status.out)
    assert document["tag"] == TAG
    assert document["complete"] is False
    assert "not complete: 1 to do" in status.log
    import fcntl

    folder = run.home / "build" / "release" / TAG
    folder.mkdir(parents=True, exist_ok=True)
    with (folder / ".running").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        ran = run("-s", "release", "--", TAG, "--only", "lint")
    assert ran.status == 1
    assert "another process is releasing it from this clone" in ran.log


def test_a_release_in_ci_is_of_the_tag_that_the_event_names(run: InProcess, tmp_path: Path) -> None:
    home = repository(run.home)
    git(home, "tag", TAG)
    head = git(home, "rev-parse", "HEAD")
    event: dict[str, Any] = {
        "repository": {"full_name": "quant/strategies", "default_branch": "main"},
        "workflow_run": {
            "conclusion": "success",
            "event": "push",
            "head_branch": TAG,
            "head_sha": head,
            "head_repository": {"full_name": "quant/strategies"},
        },
    }
    file = home / "build" / "event.json"
    file.parent.mkdir(exist_ok=True)

    def released(*args: str, **changed: object):  # type: ignore[no-untyped-def]  # as above
        raw = {**event, "workflow_run": {**event["workflow_run"], **changed}}
        file.write_text(json.dumps(raw))
        env = {
            "GITHUB_EVENT_NAME": "workflow_run",
            "GITHUB_EVENT_PATH": str(file),
            "GITHUB_REPOSITORY": "quant/strategies",
            "GITHUB_REF": "refs/heads/main",
        }
        return run("-s", "release", "--", *args, "--only", "lint", "--dry-run", env=env)

    assert released().status == 0
    assert released(TAG).status == 0
    assert "its run did not succeed" in released(conclusion="failure").log
    assert "of another repository" in released(head_repository={"full_name": "evil/s"}).log
    assert "but the CI event is of 000000000000" in released(head_sha="0" * 40).log
    assert "no release tag" in released(head_branch="main").log
    assert "no release tag" in released(head_branch="v1.0.0; rm -rf /").log
    git(home, "tag", "momentum-v0.0.0-test")
    assert "the workflow_run event is of tag" in released("momentum-v0.0.0-test").log
    pushed = {"GITHUB_EVENT_NAME": "push", "GITHUB_REF": f"refs/tags/{TAG}", "GITHUB_SHA": head}
    looked = run("-s", "release", "--", "--only", "lint", "--dry-run", env=pushed)
    assert looked.status == 0, looked.log
