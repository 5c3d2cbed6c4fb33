"""A tag through the workflows that follow CI, with every session real and servers on loopback."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest
from tests.support.bases import import_python
from tests.support.codeartifact import State, codeartifact
from tests.support.engine import engine
from tests.support.hub import RULE, Hub, prepared
from tests.support.real import git, nox
from tests.support.registry import PASSWORD, USER, Proxy, proxy, registry

_SETTINGS = """
[tool.tradai-tasks.publish.codeartifact]
domain = "tradai"
repository = "tradai-python-dev"

[tool.tradai-tasks.images]
network = "host"
"""


@pytest.fixture
def hub(tmp_path: Path) -> Hub:
    """The platform, with one service, so that one image stands for all."""
    home = prepared("tradai-uv", tmp_path / "tradai-uv")
    with (home / "pyproject.toml").open("a") as settings:
        settings.write(RULE + _SETTINGS)
    for service in ("backend", "data-collection", "strategy-service"):
        (home / "services" / service / "Dockerfile").unlink()
    assert nox(home, "-s", "workflows").status == 0
    made = Hub(home, tmp_path / "act", "tradai/tradai-uv")
    made.settle("Where it goes")
    made.act.variables["AWS_ROLE_ARN"] = "arn:aws:iam::123456789012:role/deploy"
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


def test_images_carry_the_tag_of_the_event(
    hub: Hub, front: Proxy, tmp_path_factory: pytest.TempPathFactory
) -> None:
    git(hub.home, "tag", "v1.2.0")
    folder = tmp_path_factory.mktemp("engine")  # short, as the path of a socket must be
    with engine(folder) as host:
        import_python(host, folder / "bases", "python:3.11-slim", stubs=("mlflow==3.17.2",))
        hub.act.env |= {
            "DOCKER_HOST": host,
            "REGISTRY_USERNAME": USER,
            "REGISTRY_PASSWORD": PASSWORD,
        }
        hub.act.secrets["ECR_REGISTRY"] = front.host
        run = hub.after_ci("v1.2.0", hub.main, "docker-build.yml", real="tag,images")
        assert run.status == 0, run.log
        assert run.jobs["images"] == ["success"]
        again = hub.after_ci("v1.2.0", hub.main, "docker-build.yml", real="tag,images")
    assert again.status == 0, again.log
    assert "as before: nothing was changed" in again.log
    said = asked_of(front.host, "/v2/tradai/mlflow/tags/list")
    assert sorted(said["tags"]) == ["latest", "v1.2.0"]  # and not `main`


def asked_of(host: str, path: str) -> dict[str, list[str]]:
    answer = httpx.get(f"http://{host}{path}", auth=(USER, PASSWORD), timeout=60)
    answer.raise_for_status()
    document: dict[str, list[str]] = answer.json()
    return document
