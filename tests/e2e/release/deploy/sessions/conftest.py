"""A platform with a registry, ECS and Lambda, for each test of the sessions that deploy."""

from __future__ import annotations

import os
from collections.abc import Iterator

import pytest

from tests.support.deploy_place import FILES, Deployed, Place
from tests.support.ecs import Ecs, Service, ecs_server
from tests.support.inprocess import InProcess, run
from tests.support.lambda_api import Lambda, lambda_server
from tests.support.real import clean_env, git, write
from tests.support.registry import PASSWORD, USER, proxy, registry

__all__ = ["run"]


@pytest.fixture(scope="session")
def upstream(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    with registry(tmp_path_factory.mktemp("registry") / "it") as host:
        yield host


@pytest.fixture(scope="session")
def clouds() -> Iterator[tuple[Ecs, Lambda]]:
    with ecs_server() as ecs, lambda_server() as functions:
        yield ecs, functions


@pytest.fixture
def place(
    run: InProcess,
    upstream: str,
    clouds: tuple[Ecs, Lambda],
    monkeypatch: pytest.MonkeyPatch,
    request: pytest.FixtureRequest,
) -> Iterator[Place]:
    ecs, functions = clouds
    functions.reset()
    # each test has a part of the registry of its own
    prefix = f"t{abs(hash(request.node.name)):x}"
    with proxy(upstream) as front:
        made = Place(run, front, ecs, functions, prefix)
        ecs.reset(made.resolve)
        run.home = run.home / "platform"
        write(run.home, {"noxfile.py": "import tradai_tasks\n\ntradai_tasks.register()\n", **FILES})
        for name in [name for name in os.environ if name.startswith("AWS_")]:
            monkeypatch.delenv(name)
        env = {
            "AWS_ACCESS_KEY_ID": "AKIDEXAMPLE",
            "AWS_SECRET_ACCESS_KEY": "marked-secret",
            "AWS_CONFIG_FILE": os.devnull,
            "AWS_SHARED_CREDENTIALS_FILE": os.devnull,
            "AWS_ENDPOINT_URL_ECS": ecs.url,
            "AWS_ENDPOINT_URL_LAMBDA": functions.url,
            "ECR_REGISTRY": f"{front.host}/{prefix}",
            "REGISTRY_USERNAME": USER,
            "REGISTRY_PASSWORD": PASSWORD,
            "TMPDIR": str(run.home.parent),
        }
        env |= {name: said for name, said in clean_env().items() if name.startswith("GIT_")}
        for name, said in env.items():
            monkeypatch.setenv(name, said)
        git(run.home, "init", "-q", "-b", "main")
        git(run.home, "add", "-A")
        yield made


@pytest.fixture
def deployed(place: Place) -> Deployed:
    place.tag("v1.1.0")
    place.tag("v1.2.0")
    digests = {}
    for name in ("backend", "web"):
        digests[name] = (
            place.push(name, f"v1.1.0-{name}", "v1.1.0"),
            place.push(name, f"v1.2.0-{name}", "v1.2.0", "latest"),
        )
    services = {
        name: place.ecs.add(
            "main",
            Service(name=name, image=f"{place.repository(image)}:latest", desired=2),
            running=digests[image][0],
        )
        for name, image in (("backend-api", "backend"), ("web", "web"))
    }
    place.front.forget()
    old, new = digests["backend"]
    return Deployed(place, old, new, services["backend-api"], services["web"])
