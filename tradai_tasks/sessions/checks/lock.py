"""`lock`: update or check every lock file of the repository."""

from __future__ import annotations

import nox

from tradai_tasks.checks.lock_check import LockState, state_of
from tradai_tasks.errors import CheckFailedError
from tradai_tasks.report import say
from tradai_tasks.repository import Repository
from tradai_tasks.sessions.core.arguments import flag, parse, repeated
from tradai_tasks.sessions.core.context import Context
from tradai_tasks.sessions.core.environments.environment import status_of, uv_program
from tradai_tasks.workspace.path_sources import require_path_sources

_OPTIONS = [
    flag("--check", "write nothing; fail where a lock is stale"),
    flag("--upgrade", "take the newest versions allowed"),
    repeated("--upgrade-package", "take its newest version", metavar="NAME"),
]


def lock(session: nox.Session, context: Context) -> None:
    """Run `uv lock` on every project."""
    repository = context.repository
    options = parse(session, _OPTIONS)
    further = ["--upgrade"] if options.upgrade else []
    further += [f"--upgrade-package={name}" for name in options.upgrade_package]
    projects = repository.workspace.projects
    require_path_sources(repository.root, repository.workspace)
    uv = uv_program()
    if options.check:
        _judge([_look(session, repository, uv, project, further) for project in projects])
    elif failed := [
        project
        for project in projects
        if status_of(session, [uv, "lock", "--project", project, *further])
    ]:
        raise CheckFailedError(f"lock: uv could not lock {', '.join(failed)}; see above")
    session.log(f"{len(projects)} lock file{'s' * (len(projects) > 1)} up to date")


def _look(
    session: nox.Session, repository: Repository, uv: str, project: str, further: list[str]
) -> LockState:
    session.log(" ".join([uv, "lock", "--check", "--project", project, *further]))
    found = state_of(uv, repository.root, repository.tree, project, further)
    say(*found.said.splitlines())
    return found


def _judge(found: list[LockState]) -> None:
    """Fail for lock files that are not fresh; log those that uv could not check.

    Raises:
        CheckFailedError: One is missing or stale, or cannot be checked.
    """
    names = {
        state: ", ".join(one.file for one in found if one.state == state)
        for state in ("missing", "stale", "unknown")
    }
    faults = [f"{state}: {names[state]}" for state in ("missing", "stale") if names[state]]
    if faults:
        faults[-1] += "; make it fresh with: nox -s lock"
    if names["unknown"]:
        why = next(one.why for one in found if one.state == "unknown")
        faults.append(f"uv could not look at {names['unknown']}: {why}")
    if faults:
        raise CheckFailedError(f"lock: {'; '.join(faults)}")
