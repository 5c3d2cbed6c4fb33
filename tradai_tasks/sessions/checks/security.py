"""`security`: run bandit on the sources and pip-audit on locked third-party packages."""

from __future__ import annotations

from datetime import UTC, datetime

import nox

from tradai_tasks.checks.audit import expired_ignores
from tradai_tasks.checks.testing.pytest_arguments import FRESH
from tradai_tasks.errors import CheckFailedError, TasksError
from tradai_tasks.sessions.checks.dependency_audit import audit_locked
from tradai_tasks.sessions.checks.source_scan import scan_sources
from tradai_tasks.sessions.core.arguments import flag, parse
from tradai_tasks.sessions.core.context import Context
from tradai_tasks.sessions.core.environments.environment import install_tool
from tradai_tasks.sessions.core.nox_options import end_of_install

_OPTIONS = [flag(FRESH, "scan every file, whatever result is known")]


def security(session: nox.Session, context: Context) -> None:
    """Scan the sources and audit the locked packages; fail after all faults are shown."""
    repository = context.repository
    parse(session, _OPTIONS)
    home = repository.workspace.projects[0]
    for tool in ("bandit", "pip-audit"):
        install_tool(session, repository, tool, project=home)
    end_of_install(session)
    faults = [*expired_ignores(repository.settings.security, datetime.now(tz=UTC).date())]
    for check in (scan_sources, audit_locked):
        try:
            faults += check(session, repository)
        except TasksError as error:
            faults += error.faults
    if faults:
        raise CheckFailedError(f"security: {faults[0]}", *faults[1:])
