"""A platform with a registry, ECS and Lambda that it is deployed to."""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass
from pathlib import Path

import httpx

from tests.support.ecs import Ecs, Service
from tests.support.inprocess import InProcess, Ran
from tests.support.lambda_api import Lambda
from tests.support.real import git
from tests.support.registry import PASSWORD, USER, Proxy

BASE = "stand-in/base:1"
SETTINGS = """
[tool.uv.workspace]
members = ["services/*"]
[tool.tradai-tasks.images]
network = "host"
patience = 5
[tool.tradai-tasks.deploy]
interval = 0.05
timeout = 120
tags = [
    { kind = "prerelease", environment = "staging" },
    { match = "v1.*", environment = "prod" },
]
[tool.tradai-tasks.deploy.environments.prod]
region = "eu-central-1"
cluster = "main"
services = { backend = "backend-api" }
function-prefix = "prod-"
[tool.tradai-tasks.deploy.environments.staging]
region = "eu-central-1"
cluster = "stage"
[tool.tradai-tasks.deploy.environments.dev]
region = "eu-central-1"
cluster = "small"
"""
FILES = {
    "pyproject.toml": SETTINGS,
    ".gitignore": "build/\n.nox/\n__pycache__/\n",
    "uv.lock": "version = 1\n",
    "services/backend/pyproject.toml": '[project]\nname = "backend"\nversion = "1"\n',
    "services/backend/Dockerfile": f"FROM {BASE}\n",
    "services/web/Dockerfile": f"FROM {BASE}\n",
    "services/web/pyproject.toml": '[project]\nname = "web"\nversion = "1"\n',
    "lambdas/base/Dockerfile": f"FROM {BASE}\nCOPY uv.lock /lock\n",
    "lambdas/gaps/Dockerfile": (
        f'ARG BASE_IMAGE={BASE}\nFROM ${{BASE_IMAGE}}\nCOPY handler.py /\nCMD ["handler.run"]\n'
    ),
    "lambdas/gaps/handler.py": "def run(event, context): ...\n",
    "lambdas/beat/Dockerfile": (
        f'ARG BASE_IMAGE={BASE}\nFROM ${{BASE_IMAGE}}\nCOPY handler.py /\nCMD ["handler.run"]\n'
    ),
    "lambdas/beat/handler.py": "def run(event, context): return 1\n",
}


@dataclass
class Place:
    """A platform, what it is deployed to, and the way to run nox on it."""

    run: InProcess
    front: Proxy
    ecs: Ecs
    functions: Lambda
    prefix: str

    @property
    def home(self) -> Path:
        return self.run.home

    def __call__(self, session: str, *args: str) -> Ran:
        ran = self.run("-s", session, "--", *args)
        assert "Traceback" not in ran.log
        assert PASSWORD not in ran.log + ran.out
        assert "marked-secret" not in ran.log + ran.out
        return ran

    def repository(self, name: str) -> str:
        return f"{self.front.host}/{self.prefix}/tradai/{name}"

    def _client(self) -> httpx.Client:
        return httpx.Client(base_url=f"http://{self.front.host}", auth=(USER, PASSWORD))

    def push(self, name: str, *tags: str, of: tuple[str, str] | None = None) -> str:
        """Put an image of no layers under some tags, different for each set; return its digest.

        `of` are the version and the commit that its labels state.
        """
        labels = {"tags": str(tags)}
        for key, value in zip(("version", "revision"), of or (), strict=False):
            labels[f"org.opencontainers.image.{key}"] = value
        config = json.dumps(
            {"architecture": "amd64", "os": "linux", "config": {"Labels": labels}}
        ).encode()
        path = f"/v2/{self.prefix}/tradai/{name}"
        digest = f"sha256:{hashlib.sha256(config).hexdigest()}"
        kind = "application/vnd.oci.image"
        manifest = json.dumps(
            {
                "schemaVersion": 2,
                "mediaType": f"{kind}.manifest.v1+json",
                "config": {
                    "mediaType": f"{kind}.config.v1+json",
                    "digest": digest,
                    "size": len(config),
                },
                "layers": [],
            }
        ).encode()
        with self._client() as client:
            begun = client.post(f"{path}/blobs/uploads/")
            where = httpx.URL(begun.headers["Location"]).copy_merge_params({"digest": digest})
            client.put(f"http://{self.front.host}{where.raw_path.decode()}", content=config)
            for tag in tags:
                done = client.put(
                    f"{path}/manifests/{tag}",
                    content=manifest,
                    headers={"Content-Type": f"{kind}.manifest.v1+json"},
                )
                assert done.status_code == 201, done.text
        return f"sha256:{hashlib.sha256(manifest).hexdigest()}"

    def resolve(self, image: str) -> str | None:
        """Return the digest that a pull of an image would give, from the registry itself."""
        name, _, tag = image.removeprefix(f"{self.front.host}/").rpartition(":")
        kinds = "application/vnd.oci.image.manifest.v1+json, "
        kinds += "application/vnd.docker.distribution.manifest.v2+json"
        with self._client() as client:
            found = client.head(f"/v2/{name}/manifests/{tag}", headers={"Accept": kinds})
        digest: str | None = found.headers.get("Docker-Content-Digest")
        return digest

    def tag(self, text: str) -> str:
        git(self.home, "commit", "-q", "--allow-empty", "-m", text)
        git(self.home, "tag", text)
        return git(self.home, "rev-parse", "HEAD")


@dataclass
class Deployed:
    """A platform with two releases in the registry, whose services run the first."""

    place: Place
    old: str
    new: str
    backend: Service
    web: Service
