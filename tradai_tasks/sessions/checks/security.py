"""`security`: run bandit on the sources and pip-audit on locked third-party packages."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from pathlib import Path

import nox

from tradai_tasks.checks.audit import (
    AuditResult,
    bandit_findings,
    expired_ignores,
    pinned_requirements,
    read_audit,
    rounds,
    unlocatable,
)
from tradai_tasks.errors import CheckFailedError, CommandFailedError, TasksError
from tradai_tasks.report import annotate, say
from tradai_tasks.sessions.core.arguments import parse
from tradai_tasks.sessions.core.context import Context
from tradai_tasks.sessions.core.environment import install_tool, status_of
from tradai_tasks.sessions.core.nox_options import end_of_install
from tradai_tasks.workspace.locked_tools import read_lock

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
    for check in (_bandit, _pip_audit):
        try:
            faults += check(session, context)
        except TasksError as error:
            faults += error.faults
    if faults:
        raise CheckFailedError(f"security: {faults[0]}", *faults[1:])


def _bandit(session: nox.Session, context: Context) -> list[str]:
    """Run bandit and return faults; files that it could not read do not change its exit status."""
    targets = _sources(context)
    if not targets:
        session.log("no package has sources to scan")
        return []
    report = context.reports("security") / "bandit.json"
    report.unlink(missing_ok=True)
    argv = ["bandit", "--recursive", "--quiet", "--format=json", f"--output={report}"]
    if "bandit" in context.workspace.root_document.get("tool", {}):
        argv += ["--configfile", "pyproject.toml"]
    excluded = [
        path
        for package in context.workspace.packages
        for path in context.layout(package).tests
        if any(path.startswith(f"{target}/") for target in targets)
    ]
    if excluded:
        argv.append(f"--exclude={','.join(f'./{path}' for path in excluded)}")
    status = status_of(session, [*argv, *(f"./{target}" for target in targets)])
    if not report.is_file():
        raise CommandFailedError(f"bandit: exit status {status} and no report; see above")
    findings, unread = bandit_findings(
        json.loads(report.read_text(encoding="utf-8")), context.settings.security
    )
    for finding in findings:
        say(str(finding))
        annotate("error", f"{finding.test}: {finding.text}", file=finding.path, line=finding.line)
    faults = [f"bandit could not read {line}" for line in unread]
    if findings:
        places = ", ".join(sorted({f.path for f in findings}))
        faults.append(
            f"bandit: {len(findings)} finding{'s' * (len(findings) > 1)} in {places}; fix them, "
            f"or mark a line that is right with `# nosec <test>` and the reason"
        )
    return faults


def _sources(context: Context) -> list[str]:
    """Return the import folders and files of all packages, and of lambdas that are not packages."""
    found: dict[str, None] = {}
    for package in context.workspace.packages:
        for module in context.layout(package).imports:
            found[module.path] = None
    known = {package.path for package in context.workspace.packages}
    for unit in (*context.workspace.lambdas, *context.workspace.services):
        if unit.path not in known:
            files = [name for name in context.tree.files(unit.path) if name.endswith(".py")]
            found.update(dict.fromkeys(f"{unit.path}/{name}" for name in files))
    return list(found)


def _pip_audit(session: nox.Session, context: Context) -> list[str]:
    """Audit the packages that the lock files pin, not the session's environment."""
    projects = context.workspace.projects
    locks = [read_lock(context.tree, project).document for project in projects]
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
