"""`check` and `ci`: sessions that only run other sessions."""

from __future__ import annotations

from collections.abc import Callable, Iterable

import nox

from tradai_tasks.errors import BadArgumentsError
from tradai_tasks.sessions.core.command_line import refusal
from tradai_tasks.sessions.core.registry.replacements import (
    NOT_REPLACED,
    LateNames,
    sessions_of,
    unreplaced,
)
from tradai_tasks.sessions.core.registry.session_registry import SessionRegistry

_CHECK = ("lint", "typecheck", "test")
_CI = (*_CHECK, "backtest-smoke")


def add_aggregates(registry: SessionRegistry) -> None:
    """Add `check`, and in a strategies repository `ci` and `ci(s)`."""
    if registry.repository.workspace.kind == "strategies":
        for package in registry.repository.workspace.packages:
            one = registry.repository.workspace.session_id(package)
            registry.add(
                _body(registry, _CI),
                name=f"ci({one})",
                doc="Lint, type-check, test and smoke-backtest one strategy.",
                requires=_sessions(registry, _CI, one),
                tags=[one],
            )
        registry.add(
            _body(registry, ()),  # each of those that it runs says what is left out
            name="ci",
            doc="Lint, type-check, test and smoke-backtest every strategy.",
            requires=[name for name in registry.names if name.startswith("ci(")],
        )
    else:
        registry.absent["ci"] = "it is for strategies; for packages there is: nox -s check"
    registry.add(
        _body(registry, _CHECK),
        name="check",
        doc="Lint, type-check and test everything; with -j auto, in parallel.",
        default=True,
        requires=_sessions(registry, _CHECK),
    )
    registry.add(
        _ratchet(registry),
        name="ratchet",
        doc="Test everything, and raise the coverage floors of packages to what was measured.",
        requires=_sessions(registry, ("test",)),
    )


def _sessions(registry: SessionRegistry, bases: Iterable[str], one: str | None = None) -> LateNames:
    return LateNames(
        lambda: [name for base in bases for name in sessions_of(registry.context(), base, one)]
    )


def _ratchet(registry: SessionRegistry) -> Callable[[nox.Session], None]:
    def body(session: nox.Session) -> None:
        from tradai_tasks.sessions.core.ratchet import ratchet  # noqa: PLC0415 - as bodies

        ratchet(session, registry.context())

    return body


def _body(registry: SessionRegistry, bases: Iterable[str]) -> Callable[[nox.Session], None]:
    def conclude(session: nox.Session) -> None:
        from tradai_tasks.sessions.core.completeness import require_seen  # noqa: PLC0415 - as bodies

        if session.posargs:
            raise BadArgumentsError(refusal(session.name))
        for base in unreplaced(registry.context(), bases):
            session.warn(f"{base} was not run: {NOT_REPLACED}")
        require_seen(session, registry.context())

    return conclude
