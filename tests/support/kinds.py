"""Eight kinds of repository, as small as each can be, and what a tag does in each."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from tests.support.project import pyproject

__all__ = ["KINDS", "OTHERS", "Kind"]

_ROOT = '[tool.uv.workspace]\nmembers = ["libs/*"]\n'
_LIBRARY = {
    "libs/alpha/pyproject.toml": pyproject(
        "alpha", '[build-system]\nrequires = ["uv_build"]\nbuild-backend = "uv_build"\n'
    ),
    "libs/alpha/src/alpha/__init__.py": "ONE = 1\n",
    "libs/alpha/tests/test_alpha.py": "def test_alpha():\n    assert True\n",
}
_SERVICE = {
    "services/api/Dockerfile": "FROM scratch\n",
    "services/web/Dockerfile": "FROM scratch\n",
}
_LAMBDAS = {
    "lambdas/base/Dockerfile": "FROM scratch\n",
    "lambdas/tick/Dockerfile": "FROM scratch\n",
    "lambdas/tock/Dockerfile": "FROM scratch\n",
}
_PROD = """
[tool.tradai-tasks.deploy]
tags = [{ kind = "any", environment = "prod" }]

[tool.tradai-tasks.deploy.environments.prod]
cluster = "main"
"""
_STRATEGY = {
    "strategies/momentum/pyproject.toml": pyproject("momentum"),
    "strategies/momentum/src/momentum/__init__.py": "",
    "strategies/momentum/tests/test_it.py": "def test_it():\n    assert True\n",
    "strategies/momentum/uv.lock": "version = 1\n",
    "strategies/momentum/Dockerfile": "FROM scratch\n",
}
_AWS = ("AWS_REGION", "ECR_REGISTRY")


@dataclass(frozen=True, kw_only=True)
class Kind:
    """A kind of repository, and the jobs that a tag starts after CI, by workflow."""

    files: Mapping[str, str]
    jobs: Mapping[str, tuple[str, ...]]  # with a result for each leg of a matrix
    tag: str = "v1.0.0"
    branch: str = "main"
    folder: str = ""
    secrets: tuple[str, ...] = _AWS
    skipped: frozenset[str] = field(default_factory=frozenset)  # jobs of CI


def _platform(settings: str, *more: Mapping[str, str]) -> dict[str, str]:
    files = {"pyproject.toml": f'{_ROOT}\n[tool.tradai-tasks]\nkind = "platform"\n{settings}'}
    for part in (_LIBRARY, *more):
        files |= part
    return files


_PUBLISH = """
[tool.tradai-tasks.publish]
libraries = ["alpha"]
index = { upload-url = "https://index.example/up", simple-url = "https://index.example/simple" }
"""
_PUBLISHED = {"publish-libs.yml": ("version", "build", "publish")}
_IMAGES = ("version", "discover", "images", "images")

KINDS = {
    "libraries": Kind(
        files=_platform(_PUBLISH), jobs=_PUBLISHED, secrets=("TWINE_USERNAME", "TWINE_PASSWORD")
    ),
    "images-ghcr": Kind(
        files=_platform('[tool.tradai-tasks.images]\nregistry = "ghcr.io/acme"\n', _SERVICE),
        jobs={"docker-build.yml": _IMAGES},
        secrets=(),
    ),
    "ecs": Kind(files=_platform(_PROD, _SERVICE), jobs={"docker-build.yml": (*_IMAGES, "deploy")}),
    "lambdas": Kind(
        files=_platform(_PROD, _LAMBDAS),
        jobs={
            "deploy-lambdas.yml": ("version", "discover", "base", "images", "images", "functions")
        },
    ),
    "strategies-bucket": Kind(
        files={
            **_STRATEGY,
            "tradai-tasks.toml": 'kind = "strategies"\n[backtest]\nsource = "s3://acme-candles"\n',
        },
        jobs={"strategy-release.yml": ("version", "gates", "release")},
        tag="momentum-v1.0.0",
    ),
    "strategies-without-backtests": Kind(
        files={
            **_STRATEGY,
            "tradai-tasks.toml": 'kind = "strategies"\n[backtest]\nenabled = false\n',
        },
        jobs={"strategy-release.yml": ("version", "gates", "release")},
        tag="momentum-v1.0.0",
    ),
    "develop": Kind(
        files=_platform(_PUBLISH),
        jobs=_PUBLISHED,
        branch="develop",
        secrets=("TWINE_USERNAME", "TWINE_PASSWORD"),
    ),
    "subfolder": Kind(
        files=_platform(_PROD, _SERVICE),
        jobs={"docker-build.yml": (*_IMAGES, "deploy")},
        folder="py/",
    ),
}

# settings that change what is written, for the checkers alone
_ONE_JOB = """
[tool.tradai-tasks.workflows]
matrix = false
queue = false
attest = true
timeout = 300
secrets = ["NPM_TOKEN"]
env = ["A=${{ secrets.B }} and $HOME", "C=${{ vars.D }}"]
"""
_STACKS = {"infra/Pulumi.dev.yaml": "", "infra/Pulumi.prod.yaml": ""}
_TRUSTED = _PUBLISH.replace('/simple" }', '/simple", trusted-publishing = true }')
_LOGIN = '[tool.tradai-tasks.images]\nregistry = "registry.example"\nlogin = "environment"\n'
OTHERS = {
    "one-job": _platform(_PROD + _PUBLISH + _ONE_JOB, _SERVICE, _LAMBDAS, _STACKS),
    "each-a-job": _platform(_PROD + _TRUSTED + _LOGIN, _SERVICE, _LAMBDAS, _STACKS),
    "deployed-nowhere": _platform(_LOGIN + _ONE_JOB, _SERVICE, _LAMBDAS),
}
