"""`check` and `ci`: sessions that only require others."""

from __future__ import annotations

import os
import sys
from collections.abc import Mapping, Sequence

import nox

from tradai_tasks.errors import BadArgumentsError
from tradai_tasks.sessions.context import Context

__all__ = ["add_aggregates", "command_line", "refuse_posargs"]


def add_aggregates(context: Context) -> None:
    """Add `check`, and in a strategies repository `ci` and `ci(s)`."""

    def nothing(session: nox.Session) -> None:
        if session.posargs:
            raise BadArgumentsError(_refusal(session.name))

    if context.workspace.kind == "strategies":
        for package in context.workspace.packages:
            one = context.workspace.session_id(package)
            context.add(
                nothing,
                name=f"ci({one})",
                doc="Lint, type-check and test one strategy.",
                isolated=False,
                requires=_of_package(context, one),
                tags=[one],
            )
        context.add(
            nothing,
            name="ci",
            doc="Lint, type-check and test every strategy.",
            isolated=False,
            requires=[name for name in context.names if name.startswith("ci(")],
        )
    context.add(
        nothing,
        name="check",
        doc="Lint, type-check and test everything; with -j auto, in parallel.",
        isolated=False,
        default=True,
        requires=[name for name in context.names if _base(name) in {"lint", "typecheck", "test"}],
    )


def _of_package(context: Context, one: str) -> list[str]:
    return [
        name
        for name in context.names
        if _base(name) in {"lint", "typecheck", "test"} and name.endswith(f"({one})")
    ]


def _base(name: str) -> str:
    """Return a session's name without Python version and package: `test-3.11(a)` -> `test`."""
    head = name.partition("(")[0]
    stem, _, version = head.rpartition("-")
    return stem if stem and version.replace(".", "").isdigit() else head


def refuse_posargs(argv: Sequence[str], env: Mapping[str, str], names: Sequence[str]) -> None:
    """Refuse `nox -s check -- ...` before any session runs.

    nox hands what stands after `--` to every session it runs, those that an aggregate requires
    first of all, so the aggregate itself would refuse too late.

    Args:
        argv: The command line of nox.
        env: Its environment, where NOXSESSION may name sessions.
        names: All sessions that there are.

    Raises:
        BadArgumentsError: An aggregate is selected, and there is something after `--`.
    """
    if "--" not in argv or not argv[list(argv).index("--") + 1 :]:
        return
    before = list(argv[: list(argv).index("--")])
    selected = set(before) | {word.strip() for word in env.get("NOXSESSION", "").split(",")}
    for name in names:
        if _base(name) in {"check", "ci"} and name in selected:
            raise BadArgumentsError(_refusal(name))


def command_line() -> tuple[Sequence[str], Mapping[str, str]]:
    """Return what nox was called with."""
    return sys.argv[1:], os.environ


def _refusal(name: str) -> str:
    return (
        f"{name}: takes no arguments after `--`, since nox would hand them to every session it "
        f'requires; give them to one, such as: nox -s "test(PACKAGE)" -- -k NAME'
    )
