"""Images with ECR's login: its token, from AWS on loopback, opens a real registry."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import boto3
import pytest

from tests.support.moto_server import ECR_PASSWORD, moto
from tests.support.registry import Proxy, proxy, registry
from tests.support.yard import A, B, Yard, open_yard
from tradai_tasks.errors import (
    AwsCredentialsError,
    AwsUnreachableError,
    ConflictError,
    RepositoryMissingError,
)
from tradai_tasks.release.clients.ecr import Ecr


@pytest.fixture
def aws(monkeypatch: pytest.MonkeyPatch) -> Iterator[Any]:
    with moto(monkeypatch):
        client = boto3.client("ecr")
        for found in client.describe_repositories()["repositories"]:
            client.delete_repository(repositoryName=found["repositoryName"], force=True)
        yield client


@pytest.fixture
def front(tmp_path: Path) -> Iterator[Proxy]:
    with registry(tmp_path / "registry", password=ECR_PASSWORD) as host, proxy(host) as made:
        yield made


@pytest.fixture
def yard(
    docker_host: str, aws: Any, front: Proxy, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Yard:
    made = open_yard(docker_host, front, tmp_path / "project", monkeypatch, login="ecr")
    for name in ("REGISTRY_USERNAME", "REGISTRY_PASSWORD"):
        del made.env[name]
    return made


def test_the_token_of_ecr_opens_the_registry(yard: Yard, aws: Any) -> None:
    aws.create_repository(repositoryName="tradai/web")
    look = yard.run("v1.0.0", A)
    assert look.state == "done"
    assert yard.digest("latest") == look.record["digest"]
    assert ECR_PASSWORD not in json.dumps(yard.ran)
    yard.forget()
    assert yard.run("v1.0.0", A).state == "done"
    assert yard.proxy.writes() == []


def test_a_repository_that_lacks_is_named_or_created(yard: Yard, aws: Any) -> None:
    with pytest.raises(RepositoryMissingError) as error:
        yard.run("v1.0.0", A)
    assert "/tradai/web: there is no such repository" in str(error.value)
    assert "aws ecr create-repository --repository-name tradai/web" in str(error.value)
    with yard.step("v1.0.0", A) as step, pytest.raises(RepositoryMissingError):
        step.act({})
    with yard.step("v1.0.0", A, create=True) as step:
        look = step.look({})
        assert (look.state, "a new repository" in look.note) == ("todo", True)
        assert aws.describe_repositories()["repositories"] == []  # looking changes nothing
        assert step.act({}).state == "done"
    (made,) = aws.describe_repositories()["repositories"]
    assert made["repositoryName"] == "tradai/web"
    assert yard.run("v1.0.0", A, create=True).state == "done"


def test_an_immutable_repository_is_not_pushed_to_twice(yard: Yard, aws: Any) -> None:
    aws.create_repository(repositoryName="tradai/web", imageTagMutability="IMMUTABLE")
    yard.proxy.immutable.append("tradai/web")
    first = yard.run("v1.0.0", A)
    assert "latest is left alone: the repository is immutable" in first.note
    assert yard.digest("latest") is None
    yard.forget()
    assert yard.run("v1.0.0", A).state == "done"
    assert yard.run("v1.1.0", B).state == "done"
    assert not [path for _, path in yard.proxy.writes() if path.endswith("/latest")]
    tests = yard.spec("momentum", kind="strategy")
    aws.create_repository(repositoryName="tradai/momentum", imageTagMutability="IMMUTABLE")
    yard.run("momentum-v0.0.0-test", A, spec=tests)
    with pytest.raises(ConflictError, match=r"immutable; use another test tag"):
        yard.run("momentum-v0.0.0-test", B, spec=tests)


def test_tags_that_are_left_out_of_immutability(aws: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    ecr = Ecr("127.0.0.1:1", region="eu-central-1")
    facts = {
        "imageTagMutability": "IMMUTABLE_WITH_EXCLUSION",
        "imageTagMutabilityExclusionFilters": [{"filterType": "WILDCARD", "filter": "late*"}],
    }
    monkeypatch.setattr(ecr, "_described", lambda _: facts)
    assert not ecr.is_immutable("web", "latest")
    assert ecr.is_immutable("web", "v1.0.0")
    facts["imageTagMutability"] = "MUTABLE_WITH_EXCLUSION"
    assert ecr.is_immutable("web", "latest")
    assert not ecr.is_immutable("web", "v1.0.0")


def test_without_aws_credentials(yard: Yard, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("AWS_ACCESS_KEY_ID")
    monkeypatch.delenv("AWS_SECRET_ACCESS_KEY")
    with pytest.raises(AwsCredentialsError, match="no credentials for AWS"):
        yard.run("v1.0.0", A)


def test_aws_that_cannot_be_reached(yard: Yard, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_ENDPOINT_URL", "http://127.0.0.1:1")
    monkeypatch.setenv("AWS_MAX_ATTEMPTS", "1")
    ecr = Ecr(yard.proxy.host)
    monkeypatch.setattr(ecr._aws, "attempts", 1)
    with pytest.raises(AwsUnreachableError, match="AWS cannot be reached"):
        ecr.credentials()
