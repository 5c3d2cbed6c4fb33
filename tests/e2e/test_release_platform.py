"""A platform by one command: wheels, images, lambdas and services; cut anywhere, and run again."""

from __future__ import annotations

import json
import os
import random
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import httpx
import pytest
from tests.support.codeartifact import State, codeartifact
from tests.support.ecs import Ecs, Service, ecs_server
from tests.support.engine import engine, import_busybox
from tests.support.lambda_api import FunctionState, Lambda, lambda_server
from tests.support.real import Result, clean_env, edit, git, nox, write
from tests.support.registry import PASSWORD, USER, Proxy, proxy, registry

BASE = "stand-in/base:1"
KINDS = "application/vnd.oci.image.manifest.v1+json, "
KINDS += "application/vnd.docker.distribution.manifest.v2+json"
SETTINGS = """\
[tool.uv.workspace]
members = ["libs/*"]

[tool.tradai-tasks]
kind = "platform"

[tool.tradai-tasks.publish]
libraries = ["shared"]
codeartifact = { domain = "tradai", repository = "py" }

[tool.tradai-tasks.images]
network = "host"

[tool.tradai-tasks.deploy]
interval = 0.05
tags = [{ kind = "release", environment = "prod" }]

[tool.tradai-tasks.deploy.environments.prod]
region = "eu-central-1"
cluster = "main"

[tool.tradai-tasks.deploy.environments.dev]
region = "eu-central-1"
cluster = "small"
"""
# its own gates, so that what is looked at here is the release
NOXFILE = """\
import nox

import tradai_tasks

tradai_tasks.register(exclude=["lint", "typecheck", "security", "test"])


@nox.session(venv_backend="none")
def lint(session: nox.Session) -> None:
    session.run("python", "-c", "import pathlib; pathlib.Path('broken').exists() and 1 / 0")


@nox.session(venv_backend="none")
def typecheck(session: nox.Session) -> None:
    session.log("as they should be")


@nox.session(venv_backend="none")
def security(session: nox.Session) -> None:
    session.log("nothing found")


@nox.session(venv_backend="none")
@nox.parametrize("package", ["shared", "backend"])
def test(session: nox.Session, package: str) -> None:
    session.log("passed")
"""
FILES = {
    "noxfile.py": NOXFILE,
    "pyproject.toml": SETTINGS,
    ".gitignore": "build/\n.nox/\n__pycache__/\ndist/\n",
    "uv.lock": "version = 1\n",
    "libs/shared/pyproject.toml": '[project]\nname = "shared"\nversion = "1.4.0"\n'
    'readme = "README.md"\nrequires-python = ">=3.11"\n\n'
    '[build-system]\nrequires = ["uv_build>=0.9,<1"]\nbuild-backend = "uv_build"\n',
    "libs/shared/README.md": "# shared\n",
    "libs/shared/src/shared/__init__.py": "ANSWER = 42\n",
    "services/backend/Dockerfile": f"FROM {BASE}\nCOPY uv.lock /lock\n",
    "services/web/Dockerfile": f"FROM {BASE}\nCOPY pyproject.toml /settings\n",
    "lambdas/base/Dockerfile": f"FROM {BASE}\nCOPY uv.lock /lock\n",
    "lambdas/gaps/Dockerfile": f"ARG BASE_IMAGE={BASE}\nFROM ${{BASE_IMAGE}}\nCOPY handler.py /\n",
    "lambdas/gaps/handler.py": "def run(event, context): ...\n",
}
STAGES = [
    "lint", "typecheck", "security", "test", "publish", "image", "lambda-base", "lambda-image",
    "functions-prod", "deploy-prod",
]  # fmt: skip


@dataclass
class Place:
    """A platform, and all that it is released to."""

    home: Path
    front: Proxy
    index: State
    ecs: Ecs
    functions: Lambda
    env: dict[str, str]

    def __call__(self, *args: str) -> Result:
        return nox(self.home, "-s", "release", "--", *args, env=self.env)

    def tag(self, name: str) -> str:
        git(self.home, "commit", "-q", "--allow-empty", "-m", name)
        git(self.home, "tag", "-f", name)
        return git(self.home, "rev-parse", "HEAD")

    def resolve(self, image: str) -> str | None:
        path, _, tag = image.removeprefix(f"{self.front.host}/").rpartition(":")
        found = httpx.head(
            f"http://{self.front.host}/v2/{path}/manifests/{tag}",
            auth=(USER, PASSWORD),
            headers={"Accept": KINDS},
        )
        digest = found.headers.get("Docker-Content-Digest")
        return digest if found.status_code == 200 else None

    def digests(self, tag: str) -> dict[str, str | None]:
        names = ("backend", "web", "lambda-base", "lambda-gaps")
        return {name: self.resolve(f"{self.front.host}/tradai/{name}:{tag}") for name in names}

    def writes(self) -> list[tuple[str, str]]:
        """What changed anything since `forget`."""
        uploads = [one for one in self.index.log if one[0] == "upload"]
        asked = [(name, "") for name in self.ecs.requests if name.startswith("Update")]
        return [*self.front.writes(), *uploads, *asked]

    def forget(self) -> None:
        self.front.forget()
        self.index.log.clear()
        self.ecs.requests.clear()


@pytest.fixture(scope="module")
def docker_host(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    folder = tmp_path_factory.mktemp("engine")
    with engine(folder) as host:
        import_busybox(host, folder / "busybox", BASE)
        yield host


@pytest.fixture
def place(tmp_path: Path, docker_host: str) -> Iterator[Place]:
    home = tmp_path / "platform"
    write(home, FILES)
    git(home, "init", "-q", "-b", "main")
    git(home, "add", "-A")
    with (
        registry(tmp_path / "registry") as upstream,
        proxy(upstream) as front,
        codeartifact() as index,
        ecs_server() as ecs,
        lambda_server() as functions,
    ):
        env = {
            **index.env,
            "AWS_ENDPOINT_URL_ECS": ecs.url,
            "AWS_ENDPOINT_URL_LAMBDA": functions.url,
            "DOCKER_HOST": docker_host,
            "ECR_REGISTRY": front.host,
            "REGISTRY_USERNAME": USER,
            "REGISTRY_PASSWORD": PASSWORD,
        }
        made = Place(home, front, index, ecs, functions, env)
        ecs.reset(made.resolve)
        for cluster in ("main", "small"):
            for name in ("backend", "web"):
                image = f"{front.host}/tradai/{name}:latest"
                ecs.add(cluster, Service(name=name, image=image), running="sha256:" + "0" * 64)
        functions.add(FunctionState(name="gaps", uri="x@sha256:old"))
        yield made


def released(place: Place, commit: str) -> None:
    """What one release of v1.2.0 leaves, and no more."""
    digests = place.digests("v1.2.0")
    assert None not in digests.values()
    assert place.digests("latest") == digests
    assert place.index.stored == ["shared-1.4.0-py3-none-any.whl"]
    for name in ("backend", "web"):
        assert place.ecs.clusters["main"][name].running == [digests[name]]
        assert place.ecs.clusters["small"][name].running == ["sha256:" + "0" * 64]
    function = place.functions.functions["gaps"]
    assert function.uri == f"{place.front.host}/tradai/lambda-gaps@{digests['lambda-gaps']}"
    assert len(function.versions) == 1
    evidence = place.home / "build" / "release" / "v1.2.0" / "deploy-prod.json"
    assert json.loads(evidence.read_text())["commit"] == commit


def test_one_command_releases_a_platform_and_the_second_changes_nothing(place: Place) -> None:
    commit = place.tag("v1.2.0")
    plan = place("v1.2.0", "--dry-run", "--json")
    assert plan.status == 0, plan.text
    steps = json.loads(plan.out)["steps"]
    assert list(dict.fromkeys(step["stage"] for step in steps)) == STAGES
    assert place.writes() == []
    first = place("v1.2.0")
    assert first.status == 0, first.text
    assert "v1.2.0 goes to prod" in first.log
    assert "v1.2.0: complete" in first.log
    released(place, commit)
    place.forget()
    second = place("v1.2.0")
    assert second.status == 0, second.text
    assert "v1.2.0: complete, as before: nothing was changed" in second.log
    assert place.writes() == []
    assert PASSWORD not in first.text + second.text


def test_a_gate_that_fails_ends_it_before_anything_is_changed(place: Place) -> None:
    write(place.home, {"broken": "x"})
    git(place.home, "add", "-A")
    place.tag("v1.2.0")
    result = place("v1.2.0")
    assert result.status == 1
    assert "lint platform: " in result.log
    assert place.writes() == []
    refused = place("v1.2.0", "--from", "deploy-prod")
    assert "evidence of lint" in refused.log
    assert place.writes() == []


def test_a_test_tag_goes_to_dev_and_may_be_released_again(place: Place) -> None:
    for _ in range(2):
        place.tag("v0.0.0-test")
        result = place("v0.0.0-test", "--environment", "prod")
        assert result.status == 0, result.text
        assert "it goes to dev, not prod" in result.log
        digests = place.digests("v0.0.0-test")
        assert place.digests("latest") == digests
        assert place.ecs.clusters["small"]["web"].running == [digests["web"]]
    assert place.ecs.clusters["main"]["web"].running == ["sha256:" + "0" * 64]
    assert all(".dev" in name for name in place.index.stored)


def test_killed_at_random_and_run_again_it_is_finished(place: Place) -> None:
    commit = place.tag("v1.2.0")
    dice = random.Random(20261125)
    for _ in range(6):
        process = subprocess.Popen(
            [sys.executable, "-m", "nox", "-s", "release", "--", "v1.2.0"],
            cwd=place.home,
            env=clean_env(**place.env),
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            start_new_session=True,
        )
        until = time.monotonic() + dice.uniform(1.0, 12.0)
        while process.poll() is None and time.monotonic() < until:
            time.sleep(0.05)
        if process.poll() is None:
            os.killpg(process.pid, signal.SIGKILL)
            process.wait(timeout=60)
    last = place("v1.2.0")
    assert last.status == 0, last.text
    released(place, commit)
    place.forget()
    assert "nothing was changed" in place("v1.2.0").log
    assert place.writes() == []


def test_libraries_go_to_the_environments_own_repository(place: Place) -> None:
    own = "\n[tool.tradai-tasks.deploy.environments.dev.codeartifact]\n"
    own += 'domain = "tradai"\nrepository = "py"\n'
    other = 'codeartifact = { domain = "other", repository = "nowhere" }'
    edit(
        place.home / "pyproject.toml",
        'codeartifact = { domain = "tradai", repository = "py" }',
        other,
    )
    edit(place.home / "pyproject.toml", 'cluster = "small"\n', f'cluster = "small"\n{own}')
    git(place.home, "add", "-A")
    place.tag("v0.0.0-test")
    plan = json.loads(place("v0.0.0-test", "--dry-run", "--json").out)
    assert "publish-dev" in json.dumps(plan)
    wanted = ["lint", "typecheck", "security", "test", "publish-dev"]
    ran = place("v0.0.0-test", *(word for name in wanted for word in ("--only", name)))
    assert ran.status == 0, ran.text
    (name,) = place.index.files
    assert name.startswith("shared-0.0.0.dev")


def test_an_unmapped_tag_and_a_strategys_are_refused(place: Place) -> None:
    place.tag("v1.3.0-rc1")
    result = place("v1.3.0-rc1")
    assert result.status != 0
    assert "v1.3.0-rc1" in result.log
    assert "Traceback" not in result.text
    assert "no strategy is called 'momentum'" in place("momentum-v1.0.0").log
    assert place.writes() == []
