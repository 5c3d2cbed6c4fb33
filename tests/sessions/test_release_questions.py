"""What sessions that release something ask for first, and in whose words."""

from __future__ import annotations

import importlib.util
from typing import Any

import pytest

from tests.support.inprocess import InProcess
from tests.support.project import pyproject
from tests.support.real import git

PLATFORM = {
    "pyproject.toml": pyproject("own"),
    "own.py": "",
    "services/api/Dockerfile": "FROM scratch\n",
    "lambdas/in/Dockerfile": "FROM scratch\n",
}
STRATEGIES = {
    "pyproject.toml": "[tool.uv.workspace]\nmembers = ['strategies/*']\n",
    "strategies/trend/pyproject.toml": pyproject("trend-strategy"),
    "strategies/trend/Dockerfile": "FROM scratch\n",
}


def repository(run: InProcess, files: dict[str, str]) -> None:
    run.files(files)
    git(run.home, "init", "-qb", "main")
    git(run.home, "add", "-A")
    git(run.home, "commit", "-qm", "all")


@pytest.mark.parametrize(
    ("session", "files", "example"),
    [
        ("images", PLATFORM, "nox -s images -- v1.2.0"),
        ("lambdas", PLATFORM, "nox -s lambdas -- v1.2.0"),
        ("deploy", PLATFORM, "nox -s deploy -- v1.2.0"),
        ("release", PLATFORM, "nox -s release -- v1.2.0"),
        ("images", STRATEGIES, "nox -s images -- trend-v1.0.0"),
        ("mlflow-register", STRATEGIES, "nox -s mlflow-register -- trend-v1.0.0"),
    ],
)
def test_without_a_tag_the_example_is_the_sessions_own(
    run: InProcess, session: str, files: dict[str, str], example: str
) -> None:
    repository(run, files)
    ran = run("-s", session)
    assert ran.status != 0
    assert f"which tag? such as: {example}; only in a CI run" in ran.log


@pytest.mark.parametrize("session", ["build", "publish"])
@pytest.mark.parametrize("libraries", ["", "[tool.tradai-tasks.publish]\nlibraries = []\n"])
def test_nothing_to_publish_needs_no_extra(
    run: InProcess, session: str, libraries: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    there = importlib.util.find_spec
    extra = ("boto3", "twine", "httpx")

    def find_spec(name: str, *more: Any) -> Any:
        return None if name in extra else there(name, *more)

    monkeypatch.setattr("importlib.util.find_spec", find_spec)
    repository(run, {**PLATFORM, "pyproject.toml": pyproject("own", libraries)})
    ran = run("-s", session)
    assert ran.status != 0
    assert "publish.libraries: nothing to publish; name the packages to publish there" in ran.log
    assert "extra" not in ran.log
    named = "[tool.tradai-tasks.publish]\nlibraries = ['own']\n[build-system]\nrequires = []\n"
    run.files({"pyproject.toml": pyproject("own", named)})
    assert "tradai-tasks[release]" in run("-s", session).log
