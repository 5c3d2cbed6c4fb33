"""Which images there are, and where they go."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest

from tests.support.project import DictTree, found, pyproject
from tradai_tasks.errors import BadArgumentsError, ImageBuildError, SettingsError
from tradai_tasks.release.clients.ecr import ecr_address
from tradai_tasks.release.clients.image_reference import Home, home_of, is_loopback
from tradai_tasks.release.images.image_specs import (
    ImageKind,
    ImageSpec,
    check_files,
    image_specs,
    select,
)
from tradai_tasks.settings.images import ImagesSettings

HOME = Home(host="reg.example", prefix="team")
PLATFORM = {
    "pyproject.toml": '[tool.uv.workspace]\nmembers = ["services/backend", "services/mlflow"]\n',
    "services/backend/pyproject.toml": pyproject("backend"),
    "services/backend/Dockerfile": "FROM a\n",
    "services/mlflow/pyproject.toml": pyproject("mlflow-service"),
    "services/mlflow/Dockerfile": "FROM a\n",
    "lambdas/base/Dockerfile": "FROM a\n",
    "lambdas/beat/Dockerfile": "FROM a\n",
}
STRATEGIES = {
    "strategies/momentum/pyproject.toml": pyproject("momentum"),
    "strategies/momentum/Dockerfile": "FROM a\n",
}


def settings(**table: Any) -> ImagesSettings:
    return msgspec.convert(table, ImagesSettings)


def specs(
    files: dict[str, str], *kinds: ImageKind, table: dict[str, Any] | None = None
) -> tuple[ImageSpec, ...]:
    tree = DictTree(files)
    return image_specs(found(tree), settings(**(table or {})), HOME, tree, kinds=kinds)


def test_services_are_built_from_the_root() -> None:
    backend, mlflow = specs(PLATFORM, "service")
    assert backend == ImageSpec(
        name="backend",
        kind="service",
        host="reg.example",
        path="team/tradai/backend",
        context=".",
        dockerfile="services/backend/Dockerfile",
    )
    assert mlflow.name == "mlflow"
    assert mlflow.repository == "reg.example/team/tradai/mlflow"


def test_lambdas_are_built_from_their_folder_and_their_base_from_the_root() -> None:
    base, beat = specs(PLATFORM, "base", "lambda")
    assert (base.path, base.context) == ("team/tradai/lambda-base", ".")
    assert (beat.path, beat.context) == ("team/tradai/lambda-beat", "lambdas/beat")


def test_strategies_are_built_from_their_folder() -> None:
    (momentum,) = specs(STRATEGIES, "strategy", table={"strategy-base": "mine:1"})
    assert (momentum.path, momentum.context) == ("team/momentum", "strategies/momentum")
    assert momentum.base == "mine:1"


def test_an_image_has_settings_of_its_own() -> None:
    table = {
        "units": {
            "backend": {"image": "api", "context": "services", "build-args": {"A": "1"}},
            "services/mlflow": {"dockerfile": "docker/mlflow"},
        }
    }
    backend, mlflow = specs(PLATFORM, "service", table=table)
    assert (backend.path, backend.context) == ("team/api", "services")
    assert backend.build_args == {"A": "1"}
    assert mlflow.dockerfile == "docker/mlflow"


@pytest.mark.parametrize(
    ("files", "table", "said"),
    [
        ({}, {"units": {"bakend": {}}}, "images.units.bakend: no image of that name; did you mean"),
        ({}, {"units": {"zzz": {}}}, "images.units.zzz: no image of that name"),
        (
            {"lambdas/backend/Dockerfile": "FROM a\n"},
            {"units": {"backend": {}}},
            "is lambdas/backend or services/backend; write the folder instead",
        ),
        ({}, {"service-image": "all-{name}", "lambda-image": "all-{name}"}, None),
        (
            {"lambdas/backend/Dockerfile": "FROM a\n"},
            {"service-image": "{name}", "lambda-image": "{name}"},
            "services/backend/Dockerfile and lambdas/backend/Dockerfile would both be team/backend",
        ),
        ({"services/Web/Dockerfile": "FROM a\n"}, {}, "is no name of an image"),
        ({"services/-web/Dockerfile": "FROM a\n"}, {"service-image": "{name}"}, "is no name of an"),
    ],
)
def test_faults_of_names(files: dict[str, str], table: dict[str, Any], said: str | None) -> None:
    if said is None:
        assert specs({**PLATFORM, **files}, "service", table=table)
        return
    with pytest.raises(SettingsError) as error:
        specs({**PLATFORM, **files}, "service", table=table)
    assert said in str(error.value)
    assert "\n" not in str(error.value)


def test_choosing_some() -> None:
    both = specs(PLATFORM, "service")
    assert select(both, []) == both
    assert [spec.name for spec in select(both, ["mlflow"])] == ["mlflow"]
    with pytest.raises(BadArgumentsError, match="--only bakend: no such image; did you mean 'back"):
        select(both, ["bakend"])
    with pytest.raises(BadArgumentsError, match="there are backend, mlflow"):
        select(both, ["zzz"])


def test_an_image_needs_its_dockerfile() -> None:
    (spec,) = specs(STRATEGIES, "strategy")
    check_files(spec, DictTree(STRATEGIES))
    with pytest.raises(ImageBuildError, match=r"strategies/momentum/Dockerfile: no such file"):
        check_files(spec, DictTree({}))


@pytest.mark.parametrize(
    ("text", "host", "prefix"),
    [
        ("reg.example", "reg.example", ""),
        ("reg.example:5000/a/b", "reg.example:5000", "a/b"),
        ("reg.example/", "reg.example", ""),
    ],
)
def test_the_registry_is_set_or_in_the_environment(text: str, host: str, prefix: str) -> None:
    assert home_of(settings(registry=text), {}) == Home(host=host, prefix=prefix)
    assert home_of(settings(), {"ECR_REGISTRY": text}) == Home(host=host, prefix=prefix)


@pytest.mark.parametrize(
    "text", ["https://reg.example", "a b", "reg.example//a", "-x", "a/B", "$(x)"]
)
def test_what_is_no_registry(text: str) -> None:
    with pytest.raises(SettingsError, match=r"ECR_REGISTRY: .* is no registry"):
        home_of(settings(), {"ECR_REGISTRY": text})


def test_a_registry_must_be_known() -> None:
    for env in ({}, {"ECR_REGISTRY": " "}):
        with pytest.raises(SettingsError, match=r"images\.registry: not set.*ECR_REGISTRY"):
            home_of(settings(), env)


@pytest.mark.parametrize(
    ("host", "is_it"),
    [
        ("127.0.0.1:5000", True), ("127.1.2.3", True), ("localhost", True), ("localhost:1", True),
        ("127.0.0.1.example:1", False), ("10.0.0.1:5000", False), ("reg.example", False),
        ("localhost.example", False),
    ],
)  # fmt: skip
def test_loopback(host: str, is_it: bool) -> None:
    assert is_loopback(host) is is_it


@pytest.mark.parametrize(
    ("host", "address"),
    [
        ("123456789012.dkr.ecr.eu-central-1.amazonaws.com", ("123456789012", "eu-central-1")),
        (
            "123456789012.dkr.ecr-fips.us-gov-west-1.amazonaws.com",
            ("123456789012", "us-gov-west-1"),
        ),
        ("123456789012.dkr.ecr.cn-north-1.amazonaws.com.cn", ("123456789012", "cn-north-1")),
        ("123456789012.dkr-ecr.eu-central-1.on.aws", ("123456789012", "eu-central-1")),
        ("public.ecr.aws", None),
        ("ghcr.io", None),
        ("123456789012.dkr.ecr.eu-central-1.amazonaws.com.evil.example", None),
    ],
)
def test_an_ecr_host(host: str, address: tuple[str, str] | None) -> None:
    assert ecr_address(host) == address
