"""`security`: run bandit on the sources and pip-audit on locked third-party packages."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

import nox

from tradai_tasks.checks.audit import (
    AuditResult,
    expired_ignores,
    pinned_requirements,
    read_audit,
    rounds,
    unlocatable,
)
from tradai_tasks.errors import CheckFailedError, TasksError
from tradai_tasks.report import annotate, say
from tradai_tasks.sessions.checks.source_scan import scan_sources
from tradai_tasks.sessions.core.arguments import parse
from tradai_tasks.sessions.core.context import Context
from tradai_tasks.sessions.core.environment import install_tool
from tradai_tasks.sessions.core.nox_options import end_of_install
from tradai_tasks.workspace.lock_file import read_lock

__all__ = ["security"]

_DOC = "Scan the sources and the locked packages for vulnerabilities: bandit and pip-audit."


def security(session: nox.Session, context: Context) -> None:
    """Scan the sources and audit the locked packages; fail after all faults are shown."""
    parse(session, [], _DOC)
    home = context.workspace.projects[0]
    for tool in ("bandit", "pip-audit"):
        install_tool(session, context, tool, project=home)
    end_of_install(session)
    faults = [*expired_ignores(context.settings.security, datetime.now(tz=UTC).date())]
    for check in (scan_sources, _pip_audit):
        try:
            faults += check(session, context)
        except TasksError as error:
            faults += error.faults
    if faults:
        raise CheckFailedError(f"security: {faults[0]}", *faults[1:])


def _pip_audit(session: nox.Session, context: Context) -> list[str]:
    """Audit the packages that the lock files pin, not the session's environment."""
    projects = context.workspace.projects
    locks = [read_lock(context.tree, project) for project in projects]
    pins = pinned_requirements(locks)
    folder = context.reports("security")
    results = [
        _audit_once(session, context, folder / f"audit-{number}", part)
        for number, part in enumerate(rounds(pins), start=1)
    ]
    results.append(
        read_audit(
            '{"dependencies": []}', "", (), context.settings.security, further=unlocatable(locks)
        )
    )
    vulnerable = sorted({line for result in results for line in result.vulnerable})
    not_audited = sorted({line for result in results for line in result.not_audited})
    for line in vulnerable:
        say(line)
        annotate("error", line)
    ignored = sorted({name for result in results for name in result.ignored})
    session.log(
        f"pip-audit: {sum(result.audited for result in results)} of {len(pins)} locked packages "
        f"audited{', accepted: ' + ', '.join(ignored) if ignored else ''}"
    )
    faults = []
    if vulnerable:
        faults.append(
            f"pip-audit: {'; '.join(vulnerable)}; upgrade with: nox -s lock -- "
            f"--upgrade-package NAME"
        )
    if not_audited:
        names = [line.partition(":")[0] for line in not_audited]
        shown = ", ".join(names[:5]) + (", ..." if names[5:] else "")
        faults.append(
            f"pip-audit: {len(names)} of {len(pins)} packages could not be audited ({shown}), such "
            f"as {not_audited[0]}; set security.service-url to a service that knows them, or "
            f"accept them by name in security.not-audited"
        )
    return faults


def _audit_once(
    session: nox.Session, context: Context, stem: Path, pins: tuple[str, ...]
) -> AuditResult:
    listed = stem.with_suffix(".txt")
    listed.write_text("".join(f"{pin}\n" for pin in pins), encoding="utf-8")
    output = stem.with_suffix(".json")
    output.unlink(missing_ok=True)
    argv = ["pip-audit", "--requirement", str(listed), "--no-deps", "--disable-pip"]
    argv += ["--format=json", f"--output={output}", "--progress-spinner=off"]
    url = context.settings.security.service_url
    argv += ["--vulnerability-service=osv", f"--osv-url={url}"] if url else []
    errors = stem.with_suffix(".log")
    with errors.open("w", encoding="utf-8") as log:
        # its messages are evaluated below and would only confuse here
        session.run(*argv, success_codes=range(256), stdout=log, stderr=log)
    text = output.read_text(encoding="utf-8") if output.is_file() else None
    messages = errors.read_text(encoding="utf-8")
    return read_audit(text, messages, pins, context.settings.security)
