"""Workspaces of libraries to publish, and what an index has of them."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Protocol

from tests.support.codeartifact import State
from tests.support.real import NOXFILE, Result, git, write
from tests.support.waits import waits
from tradai_tasks.release.clients.aws import Aws
from tradai_tasks.release.clients.codeartifact import CodeArtifact
from tradai_tasks.release.engine.step import Look
from tradai_tasks.release.libraries.distributions import Distribution
from tradai_tasks.release.libraries.publish_step import Publisher, publish_stage
from tradai_tasks.settings.codeartifact import CodeArtifactSettings

BACKENDS = {
    "uv_build": ('"uv_build>=0.9,<1"', "uv_build"),
    "hatchling": ('"hatchling"', "hatchling.build"),
    "setuptools": ('"setuptools>=77"', "setuptools.build_meta"),
}
ROOT = """\
[tool.uv.workspace]
members = ["libs/*"]

[tool.tradai-tasks.publish]
libraries = [{names}]
{more}
"""
CODEARTIFACT = '\n[tool.tradai-tasks.publish.codeartifact]\ndomain = "tradai"\nrepository = "py"\n'


def library(name: str, backend: str = "uv_build", version: str = "1.0.0") -> dict[str, str]:
    requires, module = BACKENDS[backend]
    home = f"libs/{name}"
    return {
        f"{home}/pyproject.toml": f'[project]\nname = "{name}"\nversion = "{version}"\n'
        f'readme = "README.md"\nrequires-python = ">=3.11"\n\n'
        f'[build-system]\nrequires = [{requires}]\nbuild-backend = "{module}"\n',
        f"{home}/README.md": f"# {name}\n",
        f"{home}/src/{name.replace('-', '_')}/__init__.py": "ANSWER = 42\n",
    }


def workspace(home: Path, names: dict[str, str], more: str = CODEARTIFACT) -> Path:
    files = {
        "noxfile.py": NOXFILE,
        ".gitignore": ".nox/\n__pycache__/\ndist/\nbuild/\n",
        "pyproject.toml": ROOT.format(names=", ".join(f'"{n}"' for n in names), more=more),
    }
    for name, backend in names.items():
        files |= library(name, backend)
    write(home, files)
    git(home, "init", "-q", "-b", "main")
    commit(home, "Begin")
    return home


def commit(home: Path, message: str) -> None:
    git(home, "add", "-A")
    git(home, "commit", "-qm", message)


def digests(folder: Path) -> dict[str, str]:
    return {
        path.name: hashlib.sha256(path.read_bytes()).hexdigest()
        for path in folder.iterdir()
        if path.suffix in {".whl", ".gz"}
    }


def held(state: State) -> dict[str, str]:
    return {name: hashlib.sha256(content).hexdigest() for name, (_, content) in state.files.items()}


def settings(state: State) -> CodeArtifactSettings:
    return CodeArtifactSettings(domain=state.domain, repository=state.repository)


_clients: dict[str, Aws] = {}


def shared() -> Aws:
    """One client of the API for most tests: to make one takes long."""
    return _clients.setdefault(os.environ["AWS_ENDPOINT_URL"], Aws())


def publish(
    state: State,
    files: Sequence[Distribution],
    slept: list[float] | None = None,
    *,
    anew: bool = False,
) -> tuple[Look, Look]:
    """Look at one library and act, as a release does."""
    target = CodeArtifact(settings(state), aws=None if anew else shared())
    with waits(slept), Publisher(target, timeout=20) as publisher:
        stage = publish_stage({files[0].name: lambda: tuple(files)}, publisher)
        step = stage.steps[0]
        found = step.look({})
        return found, step.act({}) if found.state == "todo" else found


def is_whole(state: State, files: Sequence[Distribution]) -> bool:
    held = {name: hashlib.sha256(content).hexdigest() for name, (_, content) in state.files.items()}
    return held == {file.filename: file.sha256 for file in files}


class Nox(Protocol):
    """Runs nox on a project, as `tests.support.real.nox` does."""

    def __call__(self, home: Path, *args: str, env: Mapping[str, str] | None = None) -> Result: ...
