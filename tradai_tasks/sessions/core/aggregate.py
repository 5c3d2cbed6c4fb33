"""`check` and `ci`: sessions that only run other sessions."""

from __future__ import annotations

import nox

from tradai_tasks.errors import BadArgumentsError
from tradai_tasks.sessions.core.command_line import base_of, refusal
from tradai_tasks.sessions.core.context import Context

__all__ = ["add_aggregates"]


def add_aggregates(context: Context) -> None:
    """Add `check`, and in a strategies repository `ci` and `ci(s)`."""

    def conclude(session: nox.Session) -> None:
        from tradai_tasks.sessions.core.completeness import require_seen  # noqa: PLC0415 - as bodies

        if session.posargs:
            raise BadArgumentsError(refusal(session.name))
        require_seen(session, context)

    if context.workspace.kind == "strategies":
        for package in context.workspace.packages:
            one = context.workspace.session_id(package)
            context.add(
                conclude,
                name=f"ci({one})",
                doc="Lint, type-check, test and smoke-backtest one strategy.",
                isolated=False,
                requires=_of_package(context, one),
                tags=[one],
            )
        context.add(
            conclude,
            name="ci",
            doc="Lint, type-check, test and smoke-backtest every strategy.",
            isolated=False,
            requires=[name for name in context.names if name.startswith("ci(")],
        )
    else:
        context.absent["ci"] = "it is for strategies; for packages there is: nox -s check"
    context.add(
        conclude,
        name="check",
        doc="Lint, type-check and test everything; with -j auto, in parallel.",
        isolated=False,
        default=True,
        requires=[name for name in context.names if base_of(name) in {"lint", "typecheck", "test"}],
    )


def _of_package(context: Context, one: str) -> list[str]:
    wanted = {"lint", "typecheck", "test", "backtest-smoke"}
    return [name for name in context.names if base_of(name) in wanted and name.endswith(f"({one})")]
