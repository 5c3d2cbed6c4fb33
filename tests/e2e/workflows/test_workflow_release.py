"""A tag through the workflows that follow CI, with every session real and servers on loopback."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

from tests.support.bases import import_python
from tests.support.codeartifact import State, codeartifact
from tests.support.ecs import Service, ecs_server
from tests.support.engine import engine
from tests.support.hub import ROLES, Hub, prepared
from tests.support.lambda_api import FunctionState, lambda_server
from tests.support.platform_yard import OLD
from tests.support.real import edit, git, nox
from tests.support.registry import PASSWORD, USER, Proxy, proxy, registry

_SETTINGS = """
[tool.tradai-tasks.publish.codeartifact]
domain = "tradai"
repository = "tradai-python-dev"

[tool.tradai-tasks.images]
network = "host"
"""
_BASES = ("python:3.11-slim", "public.ecr.aws/lambda/python:3.12")


@pytest.fixture
def hub(tmp_path: Path) -> Hub:
    """The platform, with one service and one lambda that stand for all."""
    home = prepared("tradai-uv", tmp_path / "tradai-uv")
    with (home / "pyproject.toml").open("a") as settings:
        settings.write(_SETTINGS)
    edit(home / "pyproject.toml", "deploy]\n", "deploy]\ninterval = 0.05\n")
    for folder in ("services/mlflow", "services/data-collection", "services/strategy-service"):
        (home / folder / "Dockerfile").unlink()
    for folder in ("lambdas/candle-gaps", "lambdas/order-alerts"):
        (home / folder / "Dockerfile").unlink()
    assert nox(home, "-s", "workflows").status == 0
    made = Hub(home, tmp_path / "act", "tradai/tradai-uv")
    made.settle("Where it goes")
    made.act.variables.update(ROLES)
    made.act.secrets["AWS_REGION"] = "eu-central-1"
    return made


@pytest.fixture
def aws() -> Iterator[State]:
    with codeartifact(repository="tradai-python-dev") as state:
        yield state


def test_libraries_are_published_once(hub: Hub, aws: State) -> None:
    git(hub.home, "tag", "v1.2.0")
    git(hub.home, "commit", "-q", "--allow-empty", "-m", "main went on")
    # the address of what stands for AWS; the credentials come from the workflow
    hub.act.env["AWS_ENDPOINT_URL"] = aws.env["AWS_ENDPOINT_URL"]
    run = hub.after_ci("v1.2.0", hub.main, "publish-libs.yml", real="tag,build,publish")
    assert run.status == 0, run.log
    assert run.jobs == {"version": ["success"], "build": ["success"], "publish": ["success"]}
    assert list(aws.files) == ["tradai_strategy-1.0.0-py3-none-any.whl"]
    uploads = aws.count("upload")
    again = hub.after_ci("v1.2.0", hub.main, "publish-libs.yml", real="tag,build,publish")
    assert again.status == 0, again.log
    assert "nothing to do: the index has it all already" in again.log
    assert aws.count("upload") == uploads


def test_a_repository_that_nobody_has_made(hub: Hub, aws: State) -> None:
    git(hub.home, "tag", "v1.2.0")
    aws.repository = "tradai-python-prod"
    hub.act.env["AWS_ENDPOINT_URL"] = aws.env["AWS_ENDPOINT_URL"]
    run = hub.after_ci("v1.2.0", hub.main, "publish-libs.yml", real="tag,build,publish")
    assert run.status != 0
    assert run.jobs["publish"] == ["failure"]
    assert "there is no repository 'tradai-python-dev' in this account and region" in run.log
    assert "Traceback" not in run.log
    assert aws.files == {}


@pytest.fixture
def front(tmp_path: Path) -> Iterator[Proxy]:
    with registry(tmp_path / "registry") as upstream, proxy(upstream) as made:
        yield made


@pytest.fixture(scope="module")
def docker_host(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    folder = tmp_path_factory.mktemp("engine")  # short, as the path of a socket must be
    with engine(folder) as host:
        import_python(host, folder / "bases", *_BASES, stubs=("uv==0.13.9", "httpx==0.28.1"))
        yield host


@pytest.fixture
def shipped(hub: Hub, front: Proxy, docker_host: str) -> Hub:
    """The platform, whose images go to a registry, with the tag v1.2.0."""
    hub.act.env |= {
        "DOCKER_HOST": docker_host,
        "REGISTRY_USERNAME": USER,
        "REGISTRY_PASSWORD": PASSWORD,
    }
    hub.act.secrets["ECR_REGISTRY"] = front.host
    git(hub.home, "tag", "v1.2.0")
    return hub


def test_services_run_the_image_that_has_the_tag(shipped: Hub, front: Proxy) -> None:
    with ecs_server() as ecs:
        ecs.reset(lambda image: digest_of(front.host, image))
        image = f"{front.host}/tradai/backend:latest"
        service = ecs.add("tradai-prod", Service(name="backend-api", image=image), running=OLD)
        shipped.act.env["AWS_ENDPOINT_URL_ECS"] = ecs.url
        real = "tag,images,deploy"
        run = shipped.after_ci("v1.2.0", shipped.main, "docker-build.yml", real=real)
        assert run.status == 0, run.log
        jobs = ("version", "discover", "images", "deploy")
        assert run.jobs == {name: ["success"] for name in jobs}
        # the very tag, and not `main`, as GITHUB_REF_NAME has it
        assert sorted(tags_of(front.host, "tradai/backend")) == ["latest", "v1.2.0"]
        assert service.running == [digest_of(front.host, f"{front.host}/tradai/backend:v1.2.0")]
        again = shipped.after_ci("v1.2.0", shipped.main, "docker-build.yml", real=real)
        assert again.status == 0, again.log
        assert "as before: nothing was changed" in again.log
        assert service.started == 1


def test_functions_run_the_image_that_has_the_tag(shipped: Hub, front: Proxy) -> None:
    with lambda_server() as functions:
        functions.reset()
        function = functions.add(FunctionState(name="heartbeat", uri="x@sha256:old"))
        shipped.act.env["AWS_ENDPOINT_URL_LAMBDA"] = functions.url
        run = shipped.after_ci("v1.2.0", shipped.main, "deploy-lambdas.yml", real="tag,lambdas")
        assert run.status == 0, run.log
        jobs = ("version", "discover", "base", "images", "functions")
        assert run.jobs == {name: ["success"] for name in jobs}
        assert "v1.2.0" in tags_of(front.host, "tradai/lambda-heartbeat")
        assert function.updates == 1
        assert len(function.versions) == 1


def test_a_dispatch_of_lambdas_to_staging(shipped: Hub, front: Proxy) -> None:
    git(shipped.home, "checkout", "-q", "main")
    with lambda_server() as functions:
        functions.reset()
        function = functions.add(FunctionState(name="heartbeat", uri="x@sha256:old"))
        shipped.act.env["AWS_ENDPOINT_URL_LAMBDA"] = functions.url
        run = shipped.dispatch(
            workflow="deploy-lambdas.yml",
            inputs={"environment": "staging"},
            real="tag,lambdas",
        )
        assert run.status == 0, run.log
        short = shipped.main[:7]
        (version,) = (
            tag for tag in tags_of(front.host, "tradai/lambda-heartbeat") if tag != "latest"
        )
        assert version.startswith(f"v1.2.0-g{short}")
        assert function.updates == 1


def digest_of(host: str, image: str) -> str | None:
    """The digest that a pull of an image would give, from the registry itself."""
    name, _, tag = image.removeprefix(f"{host}/").rpartition(":")
    kinds = "application/vnd.oci.image.manifest.v1+json, "
    kinds += "application/vnd.docker.distribution.manifest.v2+json"
    found = httpx.head(
        f"http://{host}/v2/{name}/manifests/{tag}",
        headers={"Accept": kinds},
        auth=(USER, PASSWORD),
        timeout=60,
    )
    digest: str | None = found.headers.get("Docker-Content-Digest")
    return digest


def tags_of(host: str, name: str) -> list[str]:
    answer = httpx.get(f"http://{host}/v2/{name}/tags/list", auth=(USER, PASSWORD), timeout=60)
    answer.raise_for_status()
    tags: list[str] = answer.json()["tags"]
    return tags
