"""Every check and release step of a uv monorepo as nox sessions, from one line in its noxfile."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

__all__ = ["register"]


def register(*, exclude: Iterable[str] = (), settings: Mapping[str, Any] | None = None) -> None:
    """Add the sessions that fit the repository; call it from a noxfile at the workspace root.

    A fault in the repository or its settings ends nox with one line and status 2.

    Args:
        exclude: Names of sessions to leave out, such as `"lint"`, to put your own in their place.
        settings: A table shaped as `[tool.tradai-tasks]`, laid over what the files say.
    """
    import sys  # noqa: PLC0415 - keeps `import tradai_tasks` free of cost

    from tradai_tasks.errors import TasksError  # noqa: PLC0415 - as above
    from tradai_tasks.report import say  # noqa: PLC0415 - as above
    from tradai_tasks.sessions.registration import register_all  # noqa: PLC0415 - as above

    noxfile = sys._getframe(1).f_globals.get("__file__")  # noqa: SLF001 - the caller is the noxfile
    try:
        register_all(noxfile, exclude=exclude, settings=settings)
    except TasksError as error:
        say(*(f"tradai-tasks: {line}" for line in error.faults), file=sys.stderr)
        raise SystemExit(error.exit_code) from None
