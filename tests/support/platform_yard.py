"""A platform's repository, and all that it is released to."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import httpx

from tests.support.codeartifact import State, codeartifact
from tests.support.ecs import Ecs, Service, ecs_server
from tests.support.lambda_api import FunctionState, Lambda, lambda_server
from tests.support.pyprojects import pyproject
from tests.support.real import Result, git, nox, write
from tests.support.registry import PASSWORD, USER, Proxy, proxy, registry

__all__ = ["BASE", "FILES", "NOXFILE", "OLD", "STAGES", "Place", "open_place", "released"]

BASE = "stand-in/base:1"
OLD = "sha256:" + "0" * 64  # that services run before the first release
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
    "libs/shared/pyproject.toml": pyproject(
        "shared", version="1.4.0", more='readme = "README.md"\n'
    ),
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
            verify=False,  # it is no https, and reading certificates takes long
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

    def begin(self) -> None:
        """Have old services and an old function run, as before the first release."""
        self.ecs.reset(self.resolve)
        self.functions.reset()
        for cluster in ("main", "small"):
            for name in ("backend", "web"):
                image = f"{self.front.host}/tradai/{name}:latest"
                self.ecs.add(cluster, Service(name=name, image=image), running=OLD)
        self.functions.add(FunctionState(name="gaps", uri="x@sha256:old"))


@contextmanager
def open_place(folder: Path, docker_host: str, **more: str) -> Iterator[Place]:
    """Make a platform's repository, and start what it is released to.

    Args:
        folder: Where everything is.
        docker_host: A container engine that has `BASE`.
        more: Files of the repository, with other content.
    """
    home = folder / "platform"
    write(home, {**FILES, **more})
    git(home, "init", "-q", "-b", "main")
    git(home, "add", "-A")
    with (
        registry(folder / "registry") as upstream,
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
        made.begin()
        yield made


def released(place: Place, commit: str) -> None:
    """What one release of v1.2.0 leaves, and no more."""
    digests = place.digests("v1.2.0")
    assert None not in digests.values()
    assert place.digests("latest") == digests
    assert place.index.stored == ["shared-1.4.0-py3-none-any.whl"]
    for name in ("backend", "web"):
        assert place.ecs.clusters["main"][name].running == [digests[name]]
        assert place.ecs.clusters["small"][name].running == [OLD]
    function = place.functions.functions["gaps"]
    assert function.uri == f"{place.front.host}/tradai/lambda-gaps@{digests['lambda-gaps']}"
    assert len(function.versions) == 1
    evidence = place.home / "build" / "release" / "v1.2.0" / "deploy-prod.json"
    assert json.loads(evidence.read_text())["commit"] == commit
