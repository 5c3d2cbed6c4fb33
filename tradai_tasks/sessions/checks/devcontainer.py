"""`devcontainer`: build the development container, run the tests in it, push its image."""

from __future__ import annotations

import json
import os
import re
import tempfile
from pathlib import Path

import nox

from tradai_tasks.errors import (
    BadArgumentsError,
    CheckFailedError,
    CommandFailedError,
    DevcontainerError,
    LoginRefusedError,
    SettingsError,
)
from tradai_tasks.process import find_tool, node_tool, run
from tradai_tasks.report import mask_environment, say
from tradai_tasks.sessions.core.arguments import flag, parse
from tradai_tasks.sessions.core.context import Context
from tradai_tasks.sessions.core.dispatched import refuse_dispatch
from tradai_tasks.sessions.core.environments.environment import status_of
from tradai_tasks.settings.devcontainer import DevcontainerSettings
from tradai_tasks.workspace.layout import DEVCONTAINERS, has_devcontainer

_OPTIONS = [
    flag("--test", "run devcontainer.command in the container"),
    flag("--push", "push the image, after the tests if any"),
    flag("--dry-run", "print what would be run"),
]
_LOCAL = "tradai-tasks-devcontainer"  # default name of the image
_CONTAINER = re.compile(r"[0-9a-f]{12,64}")


def devcontainer(session: nox.Session, context: Context) -> None:
    """Build, test and push, each only if the one before it succeeded."""
    repository = context.repository
    options = parse(session, _OPTIONS)
    mask_environment()
    settings = repository.settings.devcontainer
    if not has_devcontainer(repository.tree):
        raise DevcontainerError(f"devcontainer: neither {' nor '.join(DEVCONTAINERS)} is there")
    image = f"{settings.image or _LOCAL}:{settings.tag}"
    if options.push and settings.image is None:
        raise SettingsError(
            f"{repository.settings_file}: devcontainer.image: not set; name the image"
        )
    folder = f"--workspace-folder={repository.root}"
    cli = ["devcontainer"] if options.dry_run else node_tool("devcontainer")
    build = [*cli, "build", folder, f"--image-name={image}"]
    if options.dry_run:
        lines = [build]
        lines += [["devcontainer", "exec", folder, *settings.command]] if options.test else []
        lines += [["docker", "push", image]] if options.push else []
        say(*map(" ".join, lines))
        session.log("nothing was done: this is a dry run")
        return
    if options.push:
        refuse_dispatch(repository, "devcontainer")
    find_tool("docker")
    if options.push:
        _credentials(settings)
    # the build does not see the token that pushes the image
    if status_of(session, build, env={settings.password_env: None}):
        raise CommandFailedError("devcontainer: the image could not be built; see above")
    if options.test:
        _test(session, settings, cli, folder, repository.root)
    if options.push:
        _push(session, settings, image, repository.root)


def _test(
    session: nox.Session, settings: DevcontainerSettings, cli: list[str], folder: str, root: Path
) -> None:
    """Run the tests in a container that is always removed afterwards."""
    up = [*cli, "up", folder, "--remove-existing-container"]
    done = run(up, cwd=root, check=False)
    container = _container(done.text)
    try:
        if done.returncode or container is None:
            raise CommandFailedError(
                f"devcontainer: the container did not start: {done.last_error}"
            )
        if status_of(session, [*cli, "exec", folder, *settings.command]):
            raise CheckFailedError(
                f"devcontainer: {' '.join(settings.command)} failed in the container; what passes "
                f"elsewhere and not here is a matter of .devcontainer/"
            )
    finally:
        if container is not None:
            run(["docker", "rm", "--force", container], cwd=root, check=False)


def _container(out: str) -> str | None:
    """Return the id of the container that `devcontainer up` reports."""
    for line in reversed(out.splitlines()):
        try:
            found = json.loads(line)
        except ValueError:
            continue
        identity = found.get("containerId") if isinstance(found, dict) else None
        if isinstance(identity, str) and _CONTAINER.fullmatch(identity):
            return identity
    return None


def _push(session: nox.Session, settings: DevcontainerSettings, image: str, root: Path) -> None:
    """Push with a temporary login, apart from the user's own."""
    user, password = _credentials(settings)
    host = image.partition("/")[0]
    with tempfile.TemporaryDirectory(prefix="tradai-tasks-login-") as place:
        env = {**os.environ, "DOCKER_CONFIG": place}
        login = ["docker", "login", host, "--username", user, "--password-stdin"]
        done = run(login, cwd=root, env=env, stdin=password.encode(), check=False)
        if done.returncode:
            raise LoginRefusedError(
                f"{host}: login refused; check {settings.username_env} and "
                f"{settings.password_env}, which needs the permission packages: write"
            )
        if status_of(session, ["docker", "push", image], env={"DOCKER_CONFIG": place}):
            raise CommandFailedError(f"devcontainer: {image} could not be pushed; see above")
    session.log(f"pushed {image}")


def _credentials(settings: DevcontainerSettings) -> tuple[str, str]:
    names = (settings.username_env, settings.password_env)
    missing = [name for name in names if not os.environ.get(name)]
    if missing:
        raise BadArgumentsError(f"devcontainer: --push needs {' and '.join(missing)} to be set")
    return os.environ[names[0]], os.environ[names[1]]
