"""Find the compose file and the Docker Compose command for the session `contract`."""

from __future__ import annotations

import hashlib
import shutil
from collections.abc import Sequence

from tradai_tasks.errors import CheckFailedError, ToolMissingError
from tradai_tasks.files.file_tree import Tree
from tradai_tasks.process import run

_USUAL = ("compose.yaml", "compose.yml", "docker-compose.yaml", "docker-compose.yml")


def compose_file(tree: Tree, setting: str | None) -> str | None:
    """Return the compose file: from the setting, else one with a usual name at the root.

    Raises:
        CheckFailedError: The setting names a file that is not there.
    """
    if setting is not None:
        if not tree.is_file(setting):
            raise CheckFailedError(
                f"{setting}: no such file; fix the setting contract.compose-file"
            )
        return setting
    return next((name for name in _USUAL if tree.is_file(name)), None)


def compose_client(root: str) -> Sequence[str]:
    """Return the command of Docker Compose: the plugin, or the older program.

    Raises:
        ToolMissingError: Neither is installed, or no engine answers.
    """
    clients = [["docker", "compose"]] if shutil.which("docker") else []
    clients += [["docker-compose"]] if shutil.which("docker-compose") else []
    usable = [
        words
        for words in clients
        if run([*words, "version"], cwd=root, check=False).returncode == 0
    ]
    if not usable:
        raise ToolMissingError(
            "docker compose: not found on PATH; install a Docker engine with its compose plugin"
        )
    if shutil.which("docker") is not None:
        answer = run(
            ["docker", "version", "--format", "{{.Server.Version}}"], cwd=root, check=False
        )
        if answer.returncode != 0:
            raise ToolMissingError(
                "docker: no engine answers; start Docker, or point DOCKER_HOST at a running one"
            )
    return usable[0]


def project_name(root: str, session: str) -> str:
    """Return a compose project name, separate for each checkout and session."""
    digest = hashlib.sha256(f"{root}\0{session}".encode()).hexdigest()[:10]
    return f"tradai-{digest}"
