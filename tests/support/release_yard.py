"""All that a strategy's release meets: freqtrade, an engine, a registry, ECR, MLflow."""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import sys
import threading
import time
import types
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import boto3
import httpx
import pytest

from tests.support.bases import import_python
from tests.support.engine import engine
from tests.support.freqtrade import Strategies, strategies
from tests.support.mlflow_server import mlflow
from tests.support.moto_server import ECR_PASSWORD, moto
from tests.support.real import Result, clean_env, git, nox
from tests.support.registry import USER, Fault, Proxy, proxy, registry
from tradai_tasks.parent_watch import leashed

BASE = "freqtradeorg/freqtrade:stable"
SETTINGS = """\
[backtest]
full-months = 1
end = "2026-02-01"
data-dir = "{candles}"

[images]
login = "ecr"
network = "host"

[mlflow]
metadata = {{ desk = "momentum" }}
"""


@dataclass
class Yard:
    """A strategies' repository, and the servers that its releases go to."""

    repo: Strategies
    registry: Proxy  # in front of the registry
    mlflow: Proxy  # in front of MLflow
    env: dict[str, str] = field(repr=False)

    @property
    def home(self) -> Path:
        return self.repo.home

    def release(self, *args: str, session: str = "release", **env: str) -> Result:
        return nox(self.home, "-s", session, "--", *args, env={**self.env, **env}, timeout=900)

    def start(self, *args: str) -> Running:
        return Running(self.home, self.env, args)

    def commit(self, version: str) -> str:
        """Commit another version of momentum, and tag it."""
        file = self.repo.strategy / "pyproject.toml"
        lines = file.read_text().splitlines()
        at = next(n for n, line in enumerate(lines) if line.startswith("version = "))
        lines[at] = f'version = "{version}"'
        file.write_text("\n".join(lines) + "\n")
        locked = nox(self.home, "-s", "lock", env=self.env)
        assert locked.status == 0, locked.text
        git(self.home, "add", "-A")
        git(self.home, "commit", "-qm", f"Version {version}")
        tag = f"momentum-v{version}"
        git(self.home, "tag", "-a", "-m", version, tag)
        return tag

    def evidence(self, tag: str) -> Path:
        return self.home / "build" / "release" / tag

    # --- what is there

    def digests(self) -> dict[str, str]:
        """The image's tags with their digests."""
        base, auth = f"http://{self.registry.host}/v2/momentum", (USER, ECR_PASSWORD)
        listed = httpx.get(f"{base}/tags/list", auth=auth, verify=False)
        if listed.status_code == 404:
            return {}
        kind = "application/vnd.docker.distribution.manifest.v2+json"
        found = {}
        for tag in listed.json()["tags"] or []:
            headers = {"Accept": f"{kind}, application/vnd.oci.image.manifest.v1+json"}
            answer = httpx.head(f"{base}/manifests/{tag}", auth=auth, headers=headers, verify=False)
            found[tag] = answer.headers["Docker-Content-Digest"]
        return found

    def versions(self) -> list[dict[str, Any]]:
        query = {"filter": "name='momentum'"}
        found = self._mlflow("GET", "model-versions/search", params=query)
        return sorted(found.get("model_versions", []), key=lambda one: int(one["version"]))

    def version_of(self, version: str) -> dict[str, Any]:
        (found,) = [v for v in self.versions() if tags_of(v)["strategy_version"] == version]
        return found

    def aliases(self) -> dict[str, str]:
        found = self._mlflow("GET", "registered-models/get", params={"name": "momentum"})
        listed = found["registered_model"].get("aliases", [])
        return {one["alias"]: one["version"] for one in listed}

    def runs(self, tag: str) -> list[dict[str, Any]]:
        name = {"experiment_name": "strategy-releases"}
        found = self._mlflow("GET", "experiments/get-by-name", params=name)
        body = {
            "experiment_ids": [found["experiment"]["experiment_id"]],
            "filter": f"tags.release_tag = '{tag}'",
        }
        return list(self._mlflow("POST", "runs/search", json=body).get("runs", []))

    def artifacts(self, run: str) -> set[str]:
        query = {"run_id": run, "path": "report"}
        found = self._mlflow("GET", "artifacts/list", params=query)
        return {one["path"] for one in found.get("files", [])}

    def _mlflow(self, method: str, path: str, **given: Any) -> dict[str, Any]:
        url = f"http://{self.mlflow.host}/api/2.0/mlflow/{path}"
        given |= {"timeout": 60, "verify": False}
        answer: dict[str, Any] = httpx.request(method, url, **given).json()
        return answer

    def writes(self) -> list[str]:
        """What changed something at either server since `forget`."""
        reading = ("/runs/search",)
        made = [*self.registry.writes(), *self.mlflow.writes()]
        return [f"{m} {path}" for m, path in made if not path.endswith(reading)]

    def forget(self) -> None:
        self.registry.forget()
        self.mlflow.forget()


def tags_of(version: dict[str, Any]) -> dict[str, str]:
    return {one["key"]: one["value"] for one in version["tags"]}


class Running:
    """A release that runs, in a process group of its own, to be killed."""

    def __init__(self, home: Path, env: dict[str, str], args: tuple[str, ...]) -> None:
        self.lines: list[str] = []
        self._came = threading.Condition()
        self.process = subprocess.Popen(
            # on a leash, since this very test run may have been told to ignore interrupts
            leashed(sys.executable, "-m", "nox", "-s", "release", "--", *args),
            cwd=home,
            env=clean_env(**env),
            stdout=subprocess.DEVNULL,
            stderr=subprocess.PIPE,
            stdin=subprocess.DEVNULL,
            text=True,
            start_new_session=True,
        )
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()

    def _read(self) -> None:
        assert self.process.stderr is not None
        with self.process.stderr as stream:
            for line in stream:
                with self._came:
                    self.lines.append(line)
                    self._came.notify_all()
        with self._came:
            self._came.notify_all()

    def wait_for(self, *passages: str, timeout: float = 600) -> None:
        """Wait until a line of its progress has one of the passages."""

        def is_there() -> bool:
            return any(passage in line for line in self.lines for passage in passages)

        with self._came:
            came = self._came.wait_for(lambda: is_there() or not self._reader.is_alive(), timeout)
        assert came, f"no {passages} in time: {''.join(self.lines)}"
        assert is_there(), "".join(self.lines)

    def end(self, number: signal.Signals, *, alone: bool = False) -> float:
        """End it, and all that it started unless alone; return the seconds that it took.

        By SIGKILL, for which nothing can be prepared; by others it must say how to go on.
        """
        begin = time.monotonic()
        os.kill(self.process.pid if alone else -self.process.pid, number)
        self.process.wait(timeout=60)
        taken = time.monotonic() - begin
        self._reader.join(timeout=60)
        if number != signal.SIGKILL:
            said = "".join(self.lines)
            assert self.process.returncode == 130, said
            assert f"interrupted by {number.name}; what is done stays done; run the same" in said
            assert "Traceback" not in said
        return taken


@dataclass
class Hold:
    """A request that is held on its way, such that the client can be killed meanwhile."""

    reached: threading.Event = field(default_factory=threading.Event)
    go: threading.Event = field(default_factory=threading.Event)


@contextmanager
def holding(server: Proxy, method: str, path: str, *, carried_out: bool) -> Iterator[Hold]:
    """Hold the first request that fits; once let go it is carried out, or lost."""
    hold = Hold()
    take = server.take
    if not carried_out:
        server.fail(method, path, "drop")

    def held(self: Proxy, given: str, where: str) -> Fault | None:
        if not hold.reached.is_set() and given == method and re.search(path, where):
            hold.reached.set()
            assert hold.go.wait(600)
        return take(given, where)

    server.take = types.MethodType(held, server)  # type: ignore[method-assign]  # for a while
    try:
        yield hold
    finally:
        hold.go.set()
        del server.take  # the class's own again


@contextmanager
def release_yard(folder: Path, shared: Path) -> Iterator[Yard]:
    """Start all servers, and make a repository whose momentum can be released.

    Args:
        folder: Where everything is.
        shared: The folder of the whole test run.
    """
    with ExitStack() as stack:
        docker = stack.enter_context(engine(_made(folder / "engine")))
        stored = stack.enter_context(registry(folder / "registry", password=ECR_PASSWORD))
        with pytest.MonkeyPatch.context() as patch:
            stack.enter_context(moto(patch))
            boto3.client("ecr").create_repository(repositoryName="momentum")
            env = {name: value for name, value in os.environ.items() if name.startswith("AWS_")}
        tracking = stack.enter_context(mlflow(folder / "mlflow"))
        images = stack.enter_context(proxy(stored))
        models = stack.enter_context(proxy(tracking.removeprefix("http://")))
        repo = strategies(folder / "examples", shared)
        import_python(docker, _made(folder / "base"), BASE, environment=repo.environment)
        _prepare(repo)
        env |= {
            "DOCKER_HOST": docker,
            "ECR_REGISTRY": images.host,
            "MLFLOW_TRACKING_URI": f"http://{models.host}",
        }
        yield Yard(repo, images, models, env)


def _made(folder: Path) -> Path:
    folder.mkdir(parents=True)
    return folder


def _prepare(repo: Strategies) -> None:
    """Commit the settings; the library's wheel is built for the image from beside."""
    repo.settings.write_text(SETTINGS.format(candles=repo.candles), encoding="utf-8")
    git(repo.home, "add", "-A")
    git(repo.home, "commit", "-qm", "Settings")


def figures(evidence: Path, stage: str) -> dict[str, Any]:
    """Return the evidence of a stage."""
    found: dict[str, Any] = json.loads((evidence / f"{stage}.json").read_bytes())
    return found
