"""Install the requirements of a service or lambda that has no project."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import nox
from nox.command import CommandFailed
from nox.virtualenv import PassthroughEnv

from tradai_tasks.errors import CommandFailedError
from tradai_tasks.sessions.core.environments.environment import with_uv
from tradai_tasks.workspace.loose_code import requirements_of


def environment_of_unit(session: nox.Session, path: str) -> Path | None:
    """Return the interpreter of an environment of its own, inside the session's.

    Its requirements are not checked by the lock, so they do not go where the packages are.

    Raises:
        CommandFailedError: They cannot be installed.
    """
    file = requirements_of(path)
    if isinstance(session.virtualenv, PassthroughEnv):
        session.log(f"not installed without an environment of its own: {file}")
        return None
    home = Path(session.virtualenv.location)
    folder = home / "units" / path.replace("/", "-")
    made = ["uv", "venv", "--quiet", "--allow-existing", "--python", str(home), str(folder)]
    _install(session, [made, _install_command(folder, [file])], file)
    return folder / "bin" / "python"


def install_requirements(session: nox.Session, files: Sequence[str]) -> None:
    """Install requirements files into the session's environment, beside the locked packages.

    Raises:
        CommandFailedError: They cannot be installed, such as two that need other versions.
    """
    shown = ", ".join(files)
    if isinstance(session.virtualenv, PassthroughEnv):
        session.log(f"not installed without an environment of its own: {shown}")
        return
    _install(session, [_install_command(Path(session.virtualenv.location), files)], shown)


def _install_command(environment: Path, files: Sequence[str]) -> list[str]:
    options = [word for file in files for word in ("--requirement", file)]
    python = str(environment / "bin" / "python")
    return ["uv", "pip", "install", "--quiet", "--python", python, *options]


def _install(session: nox.Session, commands: Sequence[Sequence[str]], shown: str) -> None:
    try:
        for command in commands:
            session.run_install(*with_uv(session, command), external=True)
    except CommandFailed:
        raise CommandFailedError(
            f"{session.name}: {shown} could not be installed; uv's message is above"
        ) from None
