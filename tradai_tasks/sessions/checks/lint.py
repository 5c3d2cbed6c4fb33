"""`fmt` and `lint`: run ruff and the repository's own lint commands."""

from __future__ import annotations

import nox

from tradai_tasks.sessions.core.context import Context, in_ci
from tradai_tasks.sessions.core.environment import install_tool, run_all, sync_everything
from tradai_tasks.workspace.discovery import Package

__all__ = ["fmt", "lint"]

# A strategy is checked for import sorting whatever rules its configuration selects.
_STRATEGY_RULES = ["--extend-select", "I"]


def lint(session: nox.Session, context: Context, package: Package | None) -> None:
    """Lint the repository, or one strategy."""
    project, fix, rules = _scope(context, package)
    commands = context.settings.lint.commands if package is None else ()
    if commands:
        sync_everything(session, context, project, context.settings.lint.groups)
    install_tool(session, context, "ruff", project=project, only_missing=bool(commands))
    if package is not None:
        session.chdir(package.path)
    output = ["--output-format=github"] if in_ci() else []
    targets = list(session.posargs) or ["."]
    fault = f"lint: ruff found faults; apply automatic fixes with: {fix}"
    run_all(
        session,
        [["ruff", "check", *rules, *output, *targets], ["ruff", "format", "--check", *targets]],
        fault,
    )
    for command in commands:
        run_all(session, [command], f"lint: {' '.join(command)} failed; its message is above")


def fmt(session: nox.Session, context: Context, package: Package | None) -> None:
    """Format and fix the repository, or one strategy."""
    project, _, rules = _scope(context, package)
    install_tool(session, context, "ruff", project=project)
    if package is not None:
        session.chdir(package.path)
    targets = list(session.posargs) or ["."]
    run_all(
        session,
        [["ruff", "check", "--fix", *rules, *targets], ["ruff", "format", *targets]],
        "fmt: ruff could not fix everything; what is left is above",
    )


def _scope(context: Context, package: Package | None) -> tuple[str, str, list[str]]:
    """Return the project whose lock counts, the command to fix faults, and further rules."""
    if package is None:
        return ".", "nox -s fmt", []
    fix = f'nox -s "fmt({context.workspace.session_id(package)})"'
    return package.project, fix, _STRATEGY_RULES
