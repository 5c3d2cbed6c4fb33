"""The example platform's release, whole and real, killed anywhere and run again."""

from __future__ import annotations

import hashlib
import os
import random
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx
import pytest

from tests.support.bases import import_python
from tests.support.codeartifact import State, codeartifact
from tests.support.ecs import Ecs, Service, ecs_server
from tests.support.engine import engine
from tests.support.lambda_api import FunctionState, Lambda, lambda_server
from tests.support.osv import osv_server
from tests.support.real import Result, clean_env, copy_example, git, nox
from tests.support.registry import PASSWORD, USER, Proxy, proxy, registry

TAG = "v1.2.0"
CLUSTER = "tradai-prod"
SERVICES = {  # by the image's name
    "backend": "backend-api",
    "data-collection": "data-collection",
    "mlflow": "mlflow",
    "strategy-service": "strategy-service",
}
LAMBDAS = ("candle-gaps", "heartbeat", "order-alerts")
IMAGES = (*SERVICES, "lambda-base", *(f"lambda-{name}" for name in LAMBDAS))
GATES = ("lint", "typecheck", "security", "test")
BASES = ("python:3.11-slim", "public.ecr.aws/lambda/python:3.12")
STUBS = ("uv==0.13.9", "mlflow==3.17.2", "httpx==0.28.1")
SETTINGS = """
[tool.tradai-tasks.publish]
codeartifact = {{ domain = "tradai", repository = "py" }}

[tool.tradai-tasks.images]
network = "host"

[tool.tradai-tasks.security]
service-url = "{advisories}"
"""
OLD = "sha256:" + "0" * 64
MANIFEST = "application/vnd.oci.image.manifest.v1+json, "
MANIFEST += "application/vnd.docker.distribution.manifest.v2+json"
SEED = 20261125


@dataclass
class Outside:
    """All that a release goes to, as it was before any."""

    registry: Proxy
    index: State
    ecs: Ecs
    functions: Lambda
    env: dict[str, str] = field(repr=False)

    def _asked(self, image: str, path: str, **headers: str) -> httpx.Response:
        url = f"http://{self.registry.host}/v2/tradai/{image}/{path}"
        return httpx.get(url, auth=(USER, PASSWORD), headers=headers, verify=False)

    def digest(self, reference: str) -> str | None:
        """What a pull of host/tradai/<image>:<tag> would give."""
        image, _, tag = reference.rpartition("/")[2].partition(":")
        answer = self._asked(image, f"manifests/{tag}", Accept=MANIFEST)
        found: str | None = answer.headers.get("Docker-Content-Digest")
        return found if answer.status_code == 200 else None

    def revision(self, image: str, tag: str) -> str:
        """The commit that an image says it was made of."""
        manifest = self._asked(image, f"manifests/{tag}", Accept=MANIFEST).json()
        config = self._asked(image, f"blobs/{manifest['config']['digest']}").json()
        return str(config["config"]["Labels"]["org.opencontainers.image.revision"])

    def state(self) -> dict[str, Any]:
        """All that a release leaves behind; where digests may differ, whether they agree."""
        tags = {name: self._asked(name, "tags/list").json()["tags"] for name in IMAGES}
        now = {name: self.digest(f"{name}:{TAG}") for name in IMAGES}
        host = self.registry.host
        return {
            "index": {
                name: hashlib.sha256(content).hexdigest()
                for name, (_, content) in self.index.files.items()
            },
            "stored": sorted(self.index.stored),  # a file that is stored twice is here twice
            "tags": {name: sorted(found) for name, found in tags.items()},
            "revisions": {
                name: sorted({self.revision(name, tag) for tag in found})
                for name, found in tags.items()
            },
            "latest is it": [self.digest(f"{name}:latest") == now[name] for name in IMAGES],
            "running is it": [
                self.ecs.clusters[CLUSTER][service].running == [now[image]]
                for image, service in SERVICES.items()
            ],
            "functions are it": [
                self.functions.functions[name].uri
                == f"{host}/tradai/lambda-{name}@{now[f'lambda-{name}']}"
                for name in LAMBDAS
            ],
            "versions": [len(self.functions.functions[name].versions) for name in LAMBDAS],
        }

    def writes(self) -> list[object]:
        """What changed anything since `forget`."""
        made: list[object] = [*self.registry.writes()]
        made += [one for one in self.index.log if one[0] == "upload"]
        asked = (*self.ecs.requests, *self.functions.requests)
        return made + [one for one in asked if one.startswith(("Update", "Publish"))]

    def forget(self) -> None:
        self.registry.forget()
        self.index.log.clear()
        self.ecs.requests.clear()
        self.functions.requests.clear()


@contextmanager
def outside(folder: Path, docker_host: str) -> Iterator[Outside]:
    with ExitStack() as stack:
        front = stack.enter_context(proxy(stack.enter_context(registry(folder))))
        index = stack.enter_context(codeartifact())
        ecs = stack.enter_context(ecs_server())
        functions = stack.enter_context(lambda_server())
        env = {
            **index.env,
            "AWS_ENDPOINT_URL_ECS": ecs.url,
            "AWS_ENDPOINT_URL_LAMBDA": functions.url,
            "DOCKER_HOST": docker_host,
            "ECR_REGISTRY": front.host,
            "REGISTRY_USERNAME": USER,
            "REGISTRY_PASSWORD": PASSWORD,
        }
        made = Outside(front, index, ecs, functions, env)
        ecs.reset(made.digest)
        functions.reset()
        for image, service in SERVICES.items():
            reference = f"{front.host}/tradai/{image}:latest"
            ecs.add(CLUSTER, Service(name=service, image=reference), running=OLD)
        for name in LAMBDAS:
            functions.add(FunctionState(name=name, uri=OLD))
        yield made


@dataclass
class Platform:
    """The example, locked, committed and tagged, and the engine that makes its images."""

    home: Path
    docker_host: str
    scratch: Path
    commit: str

    def release(self, to: Outside) -> Result:
        return nox(self.home, "-s", "release", "--", TAG, env=to.env, timeout=900)

    def killed(self, to: Outside, after: float) -> bool:
        """Run it, and end it and all it has started after so many seconds; tell if it ran yet."""
        process = subprocess.Popen(
            [sys.executable, "-m", "nox", "-s", "release", "--", TAG],
            cwd=self.home,
            env=clean_env(**to.env),
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            start_new_session=True,
        )
        try:
            process.wait(timeout=after)
        except subprocess.TimeoutExpired:
            os.killpg(process.pid, signal.SIGKILL)
            process.wait(timeout=60)
            return True
        return False

    def begin(self, judged: Path | None) -> None:
        """Forget all releases; have what the gates left behind, where that is given."""
        shutil.rmtree(self.home / "build")
        if judged is not None:
            shutil.copytree(judged, self.home / "build", symlinks=True)
        self.forget_builds()

    def forget_builds(self) -> None:
        """Leave the engine nothing but the base images: no build cache, and none of ours."""
        listed = self._docker("image", "ls", "--format", "{{.Repository}}:{{.Tag}}").split()
        ours = [name for name in listed if "<none>" not in name and not name.startswith(BASES)]
        if ours:
            self._docker("image", "rm", "--force", *ours)
        self._docker("image", "prune", "--force")  # and what lost its name to a later build
        self._docker("builder", "prune", "--all", "--force")

    def _docker(self, *args: str) -> str:
        env = clean_env(DOCKER_HOST=self.docker_host)
        return subprocess.run(
            ["docker", *args], env=env, check=True, capture_output=True, text=True
        ).stdout


@pytest.fixture(scope="module")
def platform(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Platform]:
    folder = tmp_path_factory.mktemp("platform")
    home = copy_example("tradai-uv", folder / "tradai-uv")
    with engine(folder) as host, osv_server({}) as advisories:
        import_python(host, folder / "bases", *BASES, stubs=STUBS)
        settings = home / "pyproject.toml"
        text = settings.read_text().replace("deploy]\n", "deploy]\ninterval = 0.05\n", 1)
        settings.write_text(text + SETTINGS.format(advisories=advisories))
        git(home, "init", "-q", "-b", "main")
        git(home, "add", "-A")
        git(home, "commit", "-qm", "An example")
        locked = nox(home, "-s", "lock")
        assert locked.status == 0, locked.text
        git(home, "tag", TAG)
        yield Platform(home, host, folder, git(home, "rev-parse", "HEAD"))


@dataclass
class Undisturbed:
    """What a release leaves that nothing happens to."""

    state: dict[str, Any]
    gates: float  # seconds that it takes
    rest: float
    judged: Path  # what the gates left behind


@pytest.fixture(scope="module")
def undisturbed(platform: Platform) -> Undisturbed:
    """Release once, by its gates and then the rest, and keep what the gates have left."""
    judged = platform.scratch / "judged"
    with outside(platform.scratch / "undisturbed", platform.docker_host) as to:
        began = time.monotonic()
        only = [word for name in GATES for word in ("--only", name)]
        gates = nox(platform.home, "-s", "release", "--", TAG, *only, env=to.env, timeout=900)
        assert gates.status == 0, gates.text
        assert to.writes() == []
        shutil.copytree(platform.home / "build", judged, symlinks=True)
        between = time.monotonic()
        rest = platform.release(to)
        assert rest.status == 0, rest.text
        ended = time.monotonic()
        return Undisturbed(to.state(), between - began, ended - between, judged)


def test_a_whole_release_of_the_example(platform: Platform, undisturbed: Undisturbed) -> None:
    state = undisturbed.state
    (wheel,) = state["index"]
    assert wheel.startswith("tradai_strategy-")
    assert state["stored"] == [wheel]
    assert state["tags"] == {name: ["latest", TAG] for name in IMAGES}
    assert state["revisions"] == {name: [platform.commit] for name in IMAGES}
    for name in ("latest is it", "running is it", "functions are it"):
        assert all(state[name]), (name, state)
    assert state["versions"] == [1, 1, 1]


@pytest.mark.parametrize("number", range(5))
def test_killed_at_a_random_point_and_run_again_it_leaves_the_same(
    platform: Platform, undisturbed: Undisturbed, number: int, tmp_path: Path
) -> None:
    dice = random.Random(SEED + number)
    # the gates are long: one point lies in them, and one in each quarter of what comes after
    judged = undisturbed.judged if number else None
    span = undisturbed.rest if number else undisturbed.gates
    point = (number - 1 + dice.random()) / 4 if number else dice.random()
    point = 0.05 + 0.9 * point  # not before it has begun, nor after its end
    for draw in range(3):  # earlier, where it was faster this time and had ended already
        platform.begin(judged)
        with outside(tmp_path / str(draw), platform.docker_host) as to:
            if platform.killed(to, point * span / 2**draw):
                finished_by_another_run(platform, to, undisturbed.state)
                return
    pytest.fail("it always ended before it could be killed")


def finished_by_another_run(platform: Platform, to: Outside, state: dict[str, Any]) -> None:
    """What was begun is finished, on an engine that remembers nothing, and only once."""
    platform.forget_builds()
    again = platform.release(to)
    assert again.status == 0, again.text
    assert f"{TAG}: complete" in again.log
    assert to.state() == state
    to.forget()
    last = platform.release(to)
    assert "nothing was changed" in last.log
    assert to.writes() == []
