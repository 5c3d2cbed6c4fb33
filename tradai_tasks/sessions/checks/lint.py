"""`fmt` and `lint`: run ruff and the repository's own lint commands."""

from __future__ import annotations

import json
import os
import re
from pathlib import Path

import nox

from tradai_tasks.checks.lint_scope import hidden_files, ignore_options, lint_files, unlisted_files
from tradai_tasks.errors import CommandFailedError
from tradai_tasks.files.file_tree import join
from tradai_tasks.report import annotate, say
from tradai_tasks.repository import Repository
from tradai_tasks.sessions.core.arguments import asks_help, skip_for_help
from tradai_tasks.sessions.core.context import Context
from tradai_tasks.sessions.core.environments.environment import (
    install_tool,
    output_of,
    run_all,
    status_of,
    sync_everything,
)
from tradai_tasks.sessions.core.parallel.parallel_output import conclude, first_of
from tradai_tasks.text import leading
from tradai_tasks.workspace.discovery import Package

_FOUND = 1  # ruff's exit status for findings; 2 is for what keeps it from looking
# `fix` and `fix-only` in its configuration would have it write files, or report nothing
_AS_FOUND = ["--no-fix", "--no-fix-only"]
# A strategy is checked for import sorting whatever rules its configuration selects.
_STRATEGY_RULES = ["--extend-select", "I"]
# up to ruff 0.12, and later in its format `concise`
_UNFORMATTED = re.compile(
    r"^(?:Would reformat: (.+)|([^:\n]+):\d+:\d+: unformatted: .*)$", re.MULTILINE
)


def lint(session: nox.Session, context: Context, package: Package | None = None) -> None:
    """Lint the repository, or one strategy."""
    repository = context.repository
    if asks_help(session):
        skip_for_help(session, "paths for `ruff check` and `ruff format --check`; all by default")
    project, fix, rules = _scope(repository, package)
    commands = repository.settings.lint.commands if package is None else ()
    if commands:
        sync_everything(session, repository, project, repository.settings.lint.groups)
    install_tool(session, repository, "ruff", project=project, only_missing=bool(commands))
    if package is not None:
        session.chdir(package.path)
    home = "." if package is None else package.path
    targets = _targets(session, repository, package)
    rules = [*rules, *_ignored(repository, package), "--output-format=json-lines"]
    check, output = output_of(session, ["ruff", "check", *_AS_FOUND, *rules, *targets])
    found = _show_findings(session, output, home)
    layout = 0
    if repository.settings.lint.format:
        concise = {"RUFF_OUTPUT_FORMAT": "concise"}
        layout, output = output_of(session, ["ruff", "format", "--check", *targets], concise)
        found += _show_unformatted(session, output, home)
    if _FOUND in {check, layout} and {check, layout} <= {0, _FOUND}:
        raise CommandFailedError(
            f"lint: ruff found faults{leading(found)}; apply automatic fixes with: {fix}"
        )
    if check or layout:
        raise CommandFailedError(_broken("lint", max(check, layout, key=abs)))
    shown = _name_hidden_files(session, repository, package)
    for command in commands:
        run_all(session, [command], f"lint: {' '.join(command)} failed; its message is above")
    more = f", {len(commands)} further commands" if commands else ""
    conclude(session, f"{shown} files without faults{more}")


def _show_findings(session: nox.Session, output: str, home: str) -> list[str]:
    """Show what `ruff check` found, given as JSON lines, and return a line for each."""
    found = []
    for line in output.splitlines():
        if not line.startswith('{"'):
            say(line)
            continue
        entry = json.loads(line)
        path, place = _from_root(home, entry["filename"]), entry["location"]
        path += f":cell {entry['cell']}" if entry["cell"] else ""
        is_fixed = (entry["fix"] or {}).get("applicability") == "safe"  # by `fmt`
        mark = "[*]" if is_fixed else None
        text = " ".join(filter(None, (entry["code"], mark, entry["message"])))
        found.append((path, place["row"], place["column"], text))
    for path, row, column, text in first_of(session, found):
        say(f"{path}:{row}:{column}: {text}")
        annotate("error", text, file=path.partition(":cell ")[0], line=row)
    return [f"{path}:{row}: {text}" for path, row, _, text in found]


def _show_unformatted(session: nox.Session, output: str, home: str) -> list[str]:
    """Show which files `ruff format` would change, by its output, and return a line for each."""
    files = [_from_root(home, old or new) for old, new in _UNFORMATTED.findall(output)]
    for file in first_of(session, files):
        say(f"Would reformat: {file}")
        annotate("error", "ruff would reformat it", file=file)
    return [f"{file}: not formatted" for file in files]


def _from_root(home: str, file: str) -> str:
    """Return a path of ruff's, from the root; ruff resolves the links in the paths it prints."""
    return join(home, Path(os.path.relpath(file, Path.cwd())).as_posix())


def fmt(session: nox.Session, context: Context, package: Package | None = None) -> None:
    """Format and fix the repository, or one strategy."""
    repository = context.repository
    if asks_help(session):
        skip_for_help(session, "paths for `ruff check --fix` and `ruff format`; all by default")
    project, _, rules = _scope(repository, package)
    install_tool(session, repository, "ruff", project=project)
    if package is not None:
        session.chdir(package.path)
    targets = _targets(session, repository, package)
    fix = status_of(session, ["ruff", "check", "--fix", "--no-fix-only", *rules, *targets])
    if fix == _FOUND and (ignored := _ignored(repository, package)):  # what need not be fixed
        fix = status_of(session, ["ruff", "check", *_AS_FOUND, *rules, *ignored, *targets])
    layout = 0
    if repository.settings.lint.format:
        layout = status_of(session, ["ruff", "format", *targets])
    if fix == _FOUND and not layout:
        raise CommandFailedError("fmt: ruff could not fix everything; what is left is above")
    if fix or layout:
        raise CommandFailedError(_broken("fmt", max(fix, layout, key=abs)))


def _ignored(repository: Repository, package: Package | None) -> list[str]:
    return ignore_options(repository.settings.lint.ignore, package.path if package else ".")


def _broken(name: str, status: int) -> str:
    return (
        f"{name}: ruff could not finish (exit status {status}): a file that does not parse, a bad "
        f"configuration or argument, or a crash; its message is above"
    )


def _targets(session: nox.Session, repository: Repository, package: Package | None) -> list[str]:
    """Return what ruff is given: the folder, and Python files that it does not find there."""
    return list(session.posargs) or _everything(repository, package)


def _everything(repository: Repository, package: Package | None) -> list[str]:
    home = "." if package is None else package.path
    files = unlisted_files(lint_files(repository.inventory, None if package is None else home))
    return [".", *(os.path.relpath(path, home) for path in files)]


def _name_hidden_files(
    session: nox.Session, repository: Repository, package: Package | None = None
) -> int:
    """Name the files that ruff does not look at; return how many it looks at.

    Raises:
        CheckFailedError: It looks at none at all.
    """
    given = [word for word in session.posargs if Path(word).exists()]
    targets = given or _everything(repository, package)
    found = session.run("ruff", "check", "--show-files", *targets, silent=True, stderr=None)
    lines = [line for line in str(found).splitlines() if Path(line).is_absolute()]
    home = "." if package is None else package.path
    shown = {_from_root(home, line) for line in lines}
    files = lint_files(repository.inventory, None if package is None else home)
    hidden = hidden_files(() if given else files, shown, where=" ".join(targets))
    if hidden:
        session.warn(
            f"not linted, by ruff's configuration or an ignore rule of git: {', '.join(hidden)}"
        )
    return len(lines)


def _scope(repository: Repository, package: Package | None) -> tuple[str, str, list[str]]:
    """Return the project whose lock counts, the command to fix faults, and further rules."""
    if package is None:
        return ".", "nox -s fmt", []
    fix = f'nox -s "fmt({repository.workspace.session_id(package)})"'
    return package.project, fix, _STRATEGY_RULES
