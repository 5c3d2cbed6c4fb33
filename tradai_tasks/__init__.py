"""nox sessions for every check and release step of a uv monorepo: `register()` adds them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from os import PathLike
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from tradai_tasks.edge_rules import EdgeRule

__all__ = ["__version__", "register"]


def __getattr__(name: str) -> str:
    """Return the version; it is read when it is asked for, since that takes its time."""
    if name == "__version__":
        from importlib.metadata import version  # noqa: PLC0415 - keeps `import` free of cost

        return version("tradai-tasks")
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


def register(
    *,
    root: str | PathLike[str] | None = None,
    exclude: Iterable[str] = (),
    settings: Mapping[str, Any] | None = None,
    edge_rules: Iterable[EdgeRule] = (),
) -> None:
    """Add the sessions that fit the repository; call it from a noxfile, or from what that calls.

    A fault in the repository or its settings ends nox with one line and status 2.

    Args:
        root: The workspace root, from the noxfile's folder; by default that folder.
        exclude: Names of sessions to leave out, such as `"lint"`, to put your own in their place.
        settings: A table shaped as `[tool.tradai-tasks]`, laid over what the files say.
        edge_rules: Kinds of edges of your own, for `changes` and `affected`: docs/affected.md.
    """
    import sys  # noqa: PLC0415 - keeps `import tradai_tasks` free of cost

    from tradai_tasks.errors import TasksError  # noqa: PLC0415 - as above
    from tradai_tasks.report import machine_fault, say  # noqa: PLC0415 - as above
    from tradai_tasks.sessions.core.registry.registration import register_all  # noqa: PLC0415 - as above

    try:
        register_all(root=root, exclude=exclude, settings=settings, edge_rules=edge_rules)
    except TasksError as error:
        say(*(f"tradai-tasks: {line}" for line in error.faults), file=sys.stderr)
        raise SystemExit(error.exit_code) from None
    except (OSError, UnicodeEncodeError) as error:
        if (said := machine_fault(error)) is None:
            raise
        say(f"tradai-tasks: {said}", file=sys.stderr)
        raise SystemExit(2) from None
