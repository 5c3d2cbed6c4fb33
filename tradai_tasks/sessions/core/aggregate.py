"""`check` and `ci`: sessions that only run other sessions."""

from __future__ import annotations

from collections.abc import Callable, Iterable

import nox

from tradai_tasks.errors import BadArgumentsError
from tradai_tasks.sessions.core.command_line import refusal
from tradai_tasks.sessions.core.context import Context
from tradai_tasks.sessions.core.replacements import (
    NOT_REPLACED,
    LateNames,
    sessions_of,
    unreplaced,
)

__all__ = ["add_aggregates"]


_CHECK = ("lint", "typecheck", "test")
_CI = (*_CHECK, "backtest-smoke")


def add_aggregates(context: Context) -> None:
    """Add `check`, and in a strategies repository `ci` and `ci(s)`."""
    if context.workspace.kind == "strategies":
        for package in context.workspace.packages:
            one = context.workspace.session_id(package)
            context.add(
                _body(context, _CI),
                name=f"ci({one})",
                doc="Lint, type-check, test and smoke-backtest one strategy.",
                isolated=False,
                requires=_sessions(context, _CI, one),
                tags=[one],
            )
        context.add(
            _body(context, ()),  # each of those that it runs says what is left out
            name="ci",
            doc="Lint, type-check, test and smoke-backtest every strategy.",
            isolated=False,
            requires=[name for name in context.names if name.startswith("ci(")],
        )
    else:
        context.absent["ci"] = "it is for strategies; for packages there is: nox -s check"
    context.add(
        _body(context, _CHECK),
        name="check",
        doc="Lint, type-check and test everything; with -j auto, in parallel.",
        isolated=False,
        default=True,
        requires=_sessions(context, _CHECK),
    )


def _sessions(context: Context, bases: Iterable[str], one: str | None = None) -> LateNames:
    return LateNames(lambda: [name for base in bases for name in sessions_of(context, base, one)])


def _body(context: Context, bases: Iterable[str]) -> Callable[[nox.Session], None]:
    def conclude(session: nox.Session) -> None:
        from tradai_tasks.sessions.core.completeness import require_seen  # noqa: PLC0415 - as bodies

        if session.posargs:
            raise BadArgumentsError(refusal(session.name))
        for base in unreplaced(context, bases):
            session.warn(f"{base} was not run: {NOT_REPLACED}")
        require_seen(session, context)

    return conclude
