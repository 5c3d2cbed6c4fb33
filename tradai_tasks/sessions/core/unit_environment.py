"""Install the requirements of a service or lambda that has no project."""

from __future__ import annotations

from pathlib import Path

import nox
from nox.command import CommandFailed
from nox.virtualenv import PassthroughEnv

from tradai_tasks.errors import CommandFailedError
from tradai_tasks.sessions.core.environment import uv_program
from tradai_tasks.workspace.loose_code import requirements_of

__all__ = ["environment_of_unit"]


def environment_of_unit(session: nox.Session, path: str) -> Path | None:
    """Return the interpreter of an environment of its own, inside the session's.

    Its requirements are not held against the lock, so they do not go where the packages are.

    Args:
        session: The session.
        path: The folder of the service or lambda, with a requirements.txt.

    Raises:
        CommandFailedError: They cannot be installed.
    """
    file = requirements_of(path)
    if isinstance(session.virtualenv, PassthroughEnv):
        session.log(f"not installed without an environment of its own: {file}")
        return None
    uv_program()
    home = Path(session.virtualenv.location)
    folder = home / "units" / path.replace("/", "-")
    python = folder / "bin" / "python"
    try:
        made = ["uv", "venv", "--quiet", "--allow-existing", "--python", str(home), str(folder)]
        session.run_install(*made, external=True)
        wanted = ["uv", "pip", "install", "--quiet", "--python", str(python), "--requirement", file]
        session.run_install(*wanted, external=True)
    except CommandFailed:
        raise CommandFailedError(
            f"{session.name}: {file} could not be installed; uv's message is above"
        ) from None
    return python
