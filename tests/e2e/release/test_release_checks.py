"""What a release is held against in real repositories, and the processes of its gates."""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
import threading
import time
from pathlib import Path
from typing import Any

import pytest

from tests.support.inprocess import InProcess, run
from tests.support.real import clean_env, edit, git, write
from tradai_tasks import process
from tradai_tasks.errors import (
    CommandFailedError,
    DirtyTreeError,
    GitError,
    StoppedError,
    TasksError,
    WrongCommitError,
)
from tradai_tasks.parent_watch import leashed
from tradai_tasks.process import run_logged
from tradai_tasks.release.tags import tag_validation as validate
from tradai_tasks.release.tags.tag_validation import check, look, release_of, still_holds
from tradai_tasks.vcs.git import Git
from tradai_tasks.workspace.tags import ReleaseTag, parse_tag

__all__ = ["run"]

PROJECT = '[project]\nname = "momentum"\nversion = "1.0.0"\nrequires-python = ">=3.11"\n'
FILES = {
    "noxfile.py": "import tradai_tasks\n\ntradai_tasks.register()\n",
    "strategies/momentum/pyproject.toml": PROJECT,
    "strategies/momentum/uv.lock": 'version = 1\n[[package]]\nname = "momentum"\n',
    ".gitignore": "build/\n.nox/\n__pycache__/\n",
}
TAG = "momentum-v1.0.0"


def tag(text: str = TAG) -> ReleaseTag:
    return parse_tag(text, ["momentum"])


def repository(home: Path) -> Path:
    write(home, FILES)
    git(home, "init", "-q", "-b", "main")
    git(home, "add", "-A")
    git(home, "commit", "-qm", "First")
    return home


def found(home: Path, branch: str | None = None) -> validate.Found:
    return look(Git.open(home, clean_env()), tag(), branch=branch, env={})


@pytest.fixture
def home(tmp_path: Path) -> Path:
    made = repository(tmp_path / "strategies")
    git(made, "tag", "-a", "-m", "x", TAG)
    return made


def test_an_annotated_and_a_bare_tag_name_their_commit(home: Path) -> None:
    head = git(home, "rev-parse", "HEAD")
    one = found(home)
    check(tag(), one, None)
    assert (one.commit, one.head, one.main, one.not_on_main) == (head, head, "main", None)
    assert one.time == int(git(home, "log", "-1", "--format=%ct"))
    git(home, "tag", "-d", TAG)
    assert found(home).commit is None
    git(home, "tag", TAG)
    assert found(home).commit == head
    git(home, "tag", "-d", TAG)
    git(home, "branch", TAG)  # a branch is no tag
    assert found(home).commit is None
    assert found(home).branches == (f"refs/heads/{TAG}",)


def test_a_commit_must_be_on_the_main_branch_of_the_remote(home: Path, tmp_path: Path) -> None:
    git(tmp_path, "clone", "-q", "--bare", str(home), "origin.git")
    clone = tmp_path / "clone"
    git(tmp_path, "clone", "-q", str(tmp_path / "origin.git"), "clone")
    assert found(clone).main == "origin/main"
    assert found(clone).source is None  # a path of this machine is nobody else's business
    git(clone, "remote", "set-url", "origin", "https://ci:token@git.example/quant/strategies.git")
    assert found(clone).source == "https://git.example/quant/strategies"
    write(clone, {"a.txt": "a"})
    git(clone, "add", "-A")
    git(clone, "commit", "-qm", "Not pushed")
    git(clone, "tag", "-f", TAG)
    said = found(clone)
    assert said.not_on_main is not None
    assert said.not_on_main.startswith("it branched off at ")
    git(clone, "push", "-q", str(tmp_path / "origin.git"), f"HEAD:refs/heads/{TAG}")
    git(clone, "update-ref", f"refs/remotes/origin/{TAG}", "HEAD")
    assert found(clone).branches == (f"refs/remotes/origin/{TAG}",)
    env = {"GITHUB_SERVER_URL": "https://ci.example", "GITHUB_REPOSITORY": "quant/s"}
    of_ci = look(
        Git.open(clone, clean_env()), tag(), branch="main", env={**env, "GITHUB_ACTIONS": "true"}
    )
    assert of_ci.source == "https://ci.example/quant/s"


def test_a_shallow_clone_of_just_the_tag_asks_the_remote(home: Path, tmp_path: Path) -> None:
    for number in range(3):
        git(home, "commit", "-q", "--allow-empty", "-m", f"Later {number}")
    git(tmp_path, "clone", "-q", "--bare", str(home), "origin.git")
    clone = tmp_path / "clone"
    git(tmp_path, "init", "-q", "clone")
    git(clone, "remote", "add", "origin", f"file://{tmp_path / 'origin.git'}")
    git(
        clone, "fetch", "-q", "--depth=1", "--no-tags", "origin", f"refs/tags/{TAG}:refs/tags/{TAG}"
    )
    git(clone, "checkout", "-q", "--detach", TAG)
    one = found(clone)
    assert (one.main, one.not_on_main) == ("origin/main", None)
    check(tag(), one, None)
    git(clone, "remote", "set-url", "origin", f"file://{tmp_path / 'nowhere.git'}")
    git(clone, "update-ref", "-d", "refs/remotes/origin/main")
    assert found(clone).main is None


def test_a_repository_that_is_broken_is_an_error(home: Path) -> None:
    (home / ".git" / "packed-refs").write_text("nonsense\n")
    with pytest.raises(TasksError) as caught:
        found(home)
    assert isinstance(caught.value, GitError)


def test_what_moves_while_gates_run_is_seen(home: Path) -> None:
    opened = Git.open(home, clean_env())
    made = release_of(tag(), found(home), home)
    still_holds(opened, made, untracked=True)
    write(home, {"left.txt": "x"})
    still_holds(opened, made, untracked=False)  # a gate beside may have it for a while
    with pytest.raises(DirtyTreeError, match=r"left\.txt changed while the gates ran"):
        still_holds(opened, made, untracked=True)
    (home / "left.txt").unlink()
    write(home, {"noxfile.py": "x"})
    with pytest.raises(DirtyTreeError):
        still_holds(opened, made, untracked=False)
    git(home, "checkout", "-q", ".")
    git(home, "commit", "-q", "--allow-empty", "-m", "Moved")
    with pytest.raises(WrongCommitError, match="the tag or HEAD moved while the gates ran"):
        still_holds(opened, made, untracked=False)


# --- the session, in this process -----------------------------------------------------------------


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


# --- the processes of gates -----------------------------------------------------------------------


def test_what_a_command_says_goes_to_its_log(tmp_path: Path) -> None:
    log = tmp_path / "log"
    code = "import sys; print('out'); print('err', file=sys.stderr); sys.exit(3)"
    with log.open("wb") as opened:
        assert run_logged([sys.executable, "-uc", code], cwd=tmp_path, log=opened) == 3
    assert log.read_text() == "out\nerr\n"


@pytest.mark.parametrize("deaf", ["", "signal.signal(2, signal.SIG_IGN)"])
def test_a_command_is_stopped_also_one_that_does_not_listen(
    tmp_path: Path, deaf: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("tradai_tasks.process._PATIENCE", (0.5, 0.5))
    stop = threading.Event()
    log = tmp_path / "log"
    code = f"import signal, time; {deaf or 'pass'}; print('up', flush=True); time.sleep(600)"
    failed: list[BaseException] = []

    def work() -> None:
        try:
            with log.open("wb") as opened:
                run_logged([sys.executable, "-c", code], cwd=tmp_path, log=opened, stop=stop)
        except StoppedError as error:
            failed.append(error)

    thread = threading.Thread(target=work)
    thread.start()
    while not (log.exists() and "up" in log.read_text()):
        time.sleep(0.02)
    stop.set()
    thread.join(60)
    assert str(failed[0]).endswith("stopped")


def test_a_command_whose_output_is_wanted_is_stopped_too(tmp_path: Path) -> None:
    stop, begin = threading.Event(), time.monotonic()
    echo = [sys.executable, "-c", "import sys; print(sys.stdin.read()); sys.exit(3)"]
    done = process.run(echo, cwd=tmp_path, stdin=b"in", check=False, stop=stop)
    assert (done.returncode, done.stdout) == (3, b"in\n")
    slow = [sys.executable, "-c", "import time; time.sleep(600)"]
    with pytest.raises(CommandFailedError, match=r"not done after 0\.3 s; ended"):
        process.run(slow, cwd=tmp_path, timeout=0.3, stop=stop)
    threading.Timer(0.3, stop.set).start()
    with pytest.raises(StoppedError, match="stopped"):
        process.run(slow, cwd=tmp_path, stop=stop)
    assert time.monotonic() - begin < 30


@pytest.mark.parametrize(
    ("ended_by", "group"), [(signal.SIGINT, True), (signal.SIGTERM, False), (signal.SIGKILL, False)]
)
def test_however_a_release_is_ended_its_gates_end_too(
    tmp_path: Path, ended_by: signal.Signals, group: bool
) -> None:
    if sys.platform != "linux" and not group:
        pytest.skip("only Linux ends a process with its parent")
    home = repository(tmp_path / "strategies")
    write(home, {"noxfile.py": _OWN_LINT})
    git(home, "add", "-A")
    git(home, "commit", "-qm", "A lint of its own")
    git(home, "tag", TAG)
    log = tmp_path / "log"
    with log.open("w") as out:
        process = subprocess.Popen(
            # on a leash, since this very test run may have been told to ignore interrupts
            leashed(sys.executable, "-m", "nox", "-s", "release", "--", TAG, "--only", "lint"),
            cwd=home,
            env=clean_env(),
            stdout=out,
            stderr=out,
            start_new_session=True,
        )
    marker = home / "build" / "begun"
    for _ in range(1200):
        if (marker.exists() and marker.read_text()) or process.poll() is not None:
            break
        time.sleep(0.1)
    assert process.poll() is None, log.read_text()
    os.kill(-process.pid if group else process.pid, ended_by)
    process.wait(timeout=120)
    assert process.returncode != 0
    for _ in range(600):  # the gate's own process, two below
        if not _is_there(int(marker.read_text())):
            break
        time.sleep(0.1)
    assert not _is_there(int(marker.read_text()))
    assert "/tradai_tasks/" not in log.read_text()  # no traceback of its own, whatever lint's says
    assert not (home / "build" / "release" / TAG / "lint.json").exists()


def _is_there(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    stat = Path(f"/proc/{pid}/stat")  # a dead one may wait for its new parent to take notice
    return not (stat.exists() and stat.read_text().rpartition(")")[2].split()[0] == "Z")


def test_a_command_whose_starter_has_died_is_not_begun(tmp_path: Path) -> None:
    argv = [
        sys.executable,
        "-m",
        "tradai_tasks.parent_watch",
        "1",
        "/bin/touch",
        str(tmp_path / "made"),
    ]
    done = subprocess.run(argv, capture_output=True, text=True, check=False, env=clean_env())
    assert done.returncode == 1
    assert "/bin/touch: not begun, since process 1 has ended" in done.stderr
    assert not (tmp_path / "made").exists()


_OWN_LINT = """\
import pathlib

import nox

import tradai_tasks

tradai_tasks.register(exclude=["lint"])


@nox.session(venv_backend="none")
def lint(session: nox.Session) -> None:
    code = (
        "import os, pathlib, time; pathlib.Path('build').mkdir(exist_ok=True);"
        "pathlib.Path('build/begun').write_text(str(os.getpid())); time.sleep(600)"
    )
    session.run("python", "-c", code, external=True)
"""
