"""Sessions that deploy refuse a dispatch on a branch by themselves, in any workflow."""

from __future__ import annotations

import pytest

from tests.support.inprocess import InProcess, run
from tests.support.repos import Repo

__all__ = ["run"]

_FILES = {
    "pyproject.toml": """
[tool.uv.workspace]
members = ["libs/*"]

[[tool.tradai-tasks.deploy.tags]]
environment = "prod"

[tool.tradai-tasks.deploy.environments.prod]
region = "eu-central-1"
cluster = "prod"

[tool.tradai-tasks.docs]
project = "pages"

[tool.tradai-tasks.devcontainer]
image = "ghcr.example/a/b"

[tool.tradai-tasks.images]
registry = "registry.example"

[tool.tradai-tasks.publish.codeartifact]
domain = "d"
repository = "r"
""",
    "uv.lock": "version = 1\n",
    "libs/tradai-strategy/pyproject.toml": '[project]\nname = "tradai-strategy"\nversion = "1"\n'
    '[build-system]\nrequires = ["uv_build"]\n',
    "libs/tradai-strategy/src/tradai_strategy/__init__.py": "",
    "services/api/Dockerfile": "FROM scratch\n",
    "lambdas/beat/Dockerfile": "FROM scratch\n",
    "infra/Pulumi.prod.yaml": "",
    "mkdocs.yml": "site_name: a\n",
    ".devcontainer/devcontainer.json": "{}",
    ".gitignore": "__pycache__/\n.nox/\nbuild/\n",
}
_SESSIONS = {
    "deploy": ["v1.0.0"],
    "lambdas": ["v1.0.0"],
    "images": ["v1.0.0"],
    "release": ["v1.0.0"],
    "publish": ["v1.0.0"],
    "infra": ["up", "prod", "--yes"],
    "docs": ["--deploy"],
    "devcontainer": ["--push"],
}


@pytest.fixture
def repo(run: InProcess) -> Repo:
    repo = Repo.init(run.home)
    run.files(_FILES)
    repo.commit()
    repo.git("tag", "v1.0.0")
    return repo


@pytest.mark.parametrize("ref", ["refs/heads/feature", "refs/tags/v1.0.0"])
@pytest.mark.parametrize("session", _SESSIONS)
def test_a_dispatch_on_a_branch_is_refused(
    run: InProcess, repo: Repo, session: str, ref: str
) -> None:
    env = repo.event(
        "workflow_dispatch",
        {"repository": {"full_name": "a/b", "default_branch": "main"}},
        ref=ref,
        sha=repo.head,
    )
    env |= {"CLOUDFLARE_API_TOKEN": "x", "CLOUDFLARE_ACCOUNT_ID": "x", "GITHUB_TOKEN": "x"}
    ran = run("-s", session, "--", *_SESSIONS[session], env=env)
    assert ran.status != 0
    name = ref.removeprefix("refs/heads/")
    assert f"Session {session} aborted: a dispatch on '{name}' deploys nothing to '" in ran.log
    # nox itself makes the environment of a session that has one
    assert [command for command in ran.commands if "venv" not in command] == []
