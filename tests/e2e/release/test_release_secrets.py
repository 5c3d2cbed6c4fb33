"""No secret in any output, argument, image or file outside its purpose: every stage, run for real.

Every secret is marked. What each stage and each session beside it leaves is searched for them: what
they print, well or failing, the commands that they start, files, images and their history.
"""

from __future__ import annotations

import subprocess
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from tests.support.engine import engine, import_busybox
from tests.support.leaks import Recorder, contents, files_with, left_behind, watched
from tests.support.platform_yard import BASE, FILES, NOXFILE, Place, open_place, released
from tests.support.real import Result, clean_env, edit, git, need, nox
from tests.support.registry import PASSWORD
from tests.support.yard import buildkit_path, docker
from tradai_tasks.process import sandbox_fault
from tradai_tasks.sandbox import Sandbox

INSTALL = "marked-to-install"  # what gates need to install packages
SECRETS = {
    "AWS_SECRET_ACCESS_KEY": "marked-aws-key",
    "AWS_SESSION_TOKEN": "marked-aws-session",
    "BINANCE_API_SECRET": "marked-binance",
    "BUILD_TOKEN": "marked-build",
    "FREQTRADE__EXCHANGE__SECRET": "marked-freqtrade",
    "GITHUB_PAT": "marked-pat",
    "GITHUB_TOKEN": "marked-github",
    "MLFLOW_TRACKING_TOKEN": "marked-mlflow",
    "MLFLOW_TRACKING_URI": "https://user:marked-address@mlflow.example",
    "NPM_TOKEN": "marked-npm",
    "PULUMI_CONFIG_PASSPHRASE": "marked-pulumi",
    "TWINE_PASSWORD": "marked-twine",
    "UV_INDEX_PRIVATE_PASSWORD": INSTALL,
    "UV_PUBLISH_TOKEN": "marked-uv",
}
MARKS = ("marked-", PASSWORD)  # every token of the stand-in for CodeArtifact begins so too
READS_IT = "RUN --mount=type=secret,id=index test -s /run/secrets/index && cat /run/secrets/index\n"
# a build backend that keeps what it was given, and what else it can read of others
BACKEND = """\
import os, pathlib
from uv_build import *

def _environments():
    for file in [pathlib.Path("/proc/self/environ"), *pathlib.Path("/proc").glob("[0-9]*/environ")]:
        try:
            yield file.read_bytes().decode("utf-8", "replace")
        except OSError:
            pass

with open({file!r}, "a") as kept:
    kept.write(repr(dict(os.environ)) + "".join(_environments()) + "\\n")
"""
PROJECT = FILES["libs/shared/pyproject.toml"].replace(
    'build-backend = "uv_build"', 'build-backend = "keeping"\nbackend-path = ["."]'
)
# a gate that keeps what it was given, as a test that goes wrong would print it
GATE = """\
    import os, pathlib
    pathlib.Path("build").mkdir(exist_ok=True)
    pathlib.Path("build", "seen-by-typecheck").write_text(repr(dict(os.environ)))
"""


@dataclass
class World:
    """A platform that is released with marked secrets, and all that was said meanwhile."""

    place: Place
    recorder: Recorder
    folder: Path
    said: list[str] = field(default_factory=list)
    seen: set[str] = field(default_factory=set)  # command lines of processes

    def __call__(self, session: str, *args: str, status: int = 0, **env: str) -> Result:
        given = {**self.place.env, **env}
        ran = nox(self.place.home, "-v", "-s", session, "--", *args, env=given)
        assert ran.status == status, ran.text
        assert "Traceback" not in ran.text
        self.said.append(ran.text)
        return ran


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    folder = tmp_path_factory.mktemp("secrets")
    (folder / "engine").mkdir()
    path = buildkit_path(folder / "bin")
    need(path is not None, "a docker with BuildKit (the buildx plugin, or docker before 23)")
    with engine(folder / "engine") as host:
        import_busybox(host, folder / "busybox", BASE)
        seen = str(folder / "seen-by-backend")
        changed = {
            "libs/shared/keeping.py": BACKEND.format(file=seen),
            "libs/shared/pyproject.toml": PROJECT,
            "noxfile.py": NOXFILE.replace('    session.log("as they should be")\n', GATE),
            "services/web/Dockerfile": FILES["services/web/Dockerfile"]
            + READS_IT
            + "RUN env > /env\n",
        }
        with open_place(folder, host, **changed) as place:
            edit(
                place.home / "pyproject.toml",
                "network",
                'patience = 1\nsecrets = [{ id = "index", env = "BUILD_TOKEN" }]\nnetwork',
            )
            recorder = Recorder(folder / "recorded")
            (folder / "scratch").mkdir()
            (folder / "user").mkdir()
            place.env |= {
                **SECRETS,
                **recorder.env,
                "HOME": str(folder / "user"),
                "PATH": str(path),
                "TMPDIR": str(folder / "scratch"),
                "GITHUB_STEP_SUMMARY": str(folder / "summary.md"),
                "GITHUB_OUTPUT": str(folder / "outputs"),
            }
            git(place.home, "add", "-A")
            yield World(place, recorder, folder)


@pytest.fixture(scope="module")
def after(world: World) -> World:
    """The world after every stage and every session beside it has run, well and failing."""
    with watched() as world.seen:
        _run_all(world)
    return world


def _run_all(world: World) -> None:
    place = world.place
    commit = place.tag("v1.2.0")
    _fail(world)
    world("release", "v1.2.0")
    released(place, commit)
    for session, *args in (
        ("doctor", "--only", "aws", "--only", "registry", "--only", "codeartifact"),
        ("build",),
        ("publish", "v1.2.0", "--dry-run"),
        ("images", "v1.2.0"),
        ("lambdas", "v1.2.0"),
        ("deploy", "v1.2.0", "--rollback"),
    ):
        # STS is not among the stand-ins, and no doctor is well without it
        world(session, *args, status=int(session == "doctor"))
    world("codeartifact-login", "--tool", "twine")
    world("codeartifact-login", "--tool", "twine", "--env-file", str(world.folder / "login.env"))


def _fail(world: World) -> None:
    """Have a release fail at each server, in the words of each."""
    place = world.place
    for kind, fault in (("token", "AccessDeniedException"), ("look", "401"), ("upload", "401")):
        place.index.always[kind] = fault
        world("release", "v1.2.0", status=1)
        place.index.always.clear()
    place.front.fail("PUT", "/web/manifests/", 403, times=1000)
    world("release", "v1.2.0", status=1)
    place.front.faults.clear()
    world("images", "v1.2.0", status=1, REGISTRY_PASSWORD="marked-wrong")
    for api, operation in ((place.functions, "UpdateFunctionCode"), (place.ecs, "UpdateService")):
        api.always[operation] = "denied"
        world("release", "v1.2.0", status=1)
        api.always.clear()


def test_nothing_that_is_printed_shows_one(after: World) -> None:
    assert len(after.said) > 12
    for text in after.said:
        assert not any(mark in text for mark in MARKS), text


def test_no_command_is_given_one_as_an_argument(after: World) -> None:
    commands = after.recorder.commands()
    words = {Path(word).name for argv, _ in commands for word in argv}
    assert {"docker", "git", "uv", "nox", "twine"} <= words
    for argv, _ in commands:
        assert not any(mark in word for word in argv for mark in MARKS), argv
    # and what these start in turn: the engine's client, uv's build backends
    assert any(line.startswith("docker\0") or "/docker\0" in line for line in after.seen)
    for line in after.seen:
        # tests of workflows, which may run at the same time, give act secrets that it hands on
        if Path(line.partition("\0")[0]).name != "act":
            assert not any(mark in line for mark in MARKS), line


def test_gates_and_builds_are_given_none_but_what_installs(after: World) -> None:
    commands = after.recorder.commands()
    gates = [env for argv, env in commands if {"nox", "--noxfile"} <= set(argv)]
    # the container engine's builds are other ones: it hands on just what it is told
    builds = [env for argv, env in commands if "build" in argv and "DOCKER_CONFIG" not in env]
    assert min(len(gates), len(builds)) >= 4
    for env in (*gates, *builds):
        held = {name for name, said in env.items() if any(mark in said for mark in MARKS)}
        assert held <= {"UV_INDEX_PRIVATE_PASSWORD"}
    seen = (after.place.home / "build" / "seen-by-typecheck").read_text()
    assert INSTALL in seen
    assert not any(mark in seen.replace(INSTALL, "") for mark in MARKS)


def test_a_build_backend_sees_none_but_what_installs(after: World) -> None:
    if sandbox_fault(Sandbox()):
        need(False, "a user namespace")
    seen = (after.folder / "seen-by-backend").read_text()
    assert INSTALL in seen
    assert not any(mark in seen.replace(INSTALL, "") for mark in MARKS)


def test_no_file_holds_one_outside_its_purpose(after: World) -> None:
    for kept in (
        after.place.home / "build" / "seen-by-typecheck",
        after.folder / "seen-by-backend",
    ):
        kept.unlink(missing_ok=True)  # looked at above
    # where a login writes the token for the tools that read it there
    purpose = {str(after.folder / "user" / ".pypirc"), str(after.folder / "login.env")}
    found = files_with(
        MARKS,
        [
            (name, data)
            for name, data in left_behind(after.folder)
            if not name.startswith((f"{after.recorder.folder}/", f"{after.folder}/engine/"))
        ],
    )
    assert set(found) == purpose
    assert [one.name for one in (after.folder / "scratch").iterdir()] == []


def test_no_image_holds_one_in_a_layer_or_its_history(after: World) -> None:
    host = after.place.env["DOCKER_HOST"]
    listed = docker(host, "image", "ls", "--format", "{{.Repository}}:{{.Tag}}").splitlines()
    names = [name for name in listed if name.startswith(after.place.front.host)]
    assert len(names) >= 4
    saved = subprocess.run(
        ["docker", "save", *names],
        env=clean_env(DOCKER_HOST=host),
        capture_output=True,
        check=True,
    ).stdout
    assert files_with(MARKS, contents(saved)) == []
    for name in names:
        text = docker(host, "history", "--no-trunc", name) + docker(host, "inspect", name)
        assert not any(mark in text for mark in MARKS)
    given = [
        argv for argv, _ in after.recorder.commands() if "--secret=id=index,env=BUILD_TOKEN" in argv
    ]
    assert given  # the build of web fails without it
