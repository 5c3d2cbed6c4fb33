"""Scan the source of the inventory with bandit, as a part of `security`."""

from __future__ import annotations

import json
import posixpath
import shlex
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import nox

from tradai_tasks.checks.audit import BanditFinding, bandit_findings
from tradai_tasks.checks.bandit_scope import BanditScope, bandit_scope, batches, unread_faults
from tradai_tasks.errors import CommandFailedError
from tradai_tasks.files.atomic_write import write_whole
from tradai_tasks.files.ini_file import read_ini
from tradai_tasks.files.report_folder import make_report_folder
from tradai_tasks.report import annotate, say
from tradai_tasks.repository import Repository
from tradai_tasks.sessions.core.environments.environment import status_of
from tradai_tasks.sessions.core.parallel.parallel_output import first_of
from tradai_tasks.text import counted, leading, safe

_INI = ".bandit"


def scan_sources(session: nox.Session, repository: Repository) -> list[str]:
    """Run bandit on the files of the inventory and return faults.

    Its exit status ignores files that it could not read, so its report is compared with what it was
    given.
    """
    table = repository.workspace.root_document.get("tool", {}).get("bandit", {})
    ini = _ini(repository)
    excluding = [one.strip() for one in ini.get("exclude", "").split(",")]
    scope = bandit_scope(repository.inventory, [*table.get("exclude_dirs", []), *excluding])
    for name in ("skips", "tests", "profile", "profiles"):
        for value in filter(None, (table.get(name), ini.get(name))):
            session.warn(f"bandit's configuration chooses its tests, by {name}: {safe(str(value))}")
    for entry, excluded in scope.excluded.items():
        session.warn(f"not scanned, by exclude_dirs {entry!r}: {', '.join(excluded)}")
    if not scope.files:
        session.log("there is no source to scan")
        return list(scope.faults)

    def check() -> tuple[list[str], bool]:
        return _scan(session, repository, scope, table), True

    if repository.settings.results.replay == "never":
        return [*scope.faults, *check()[0]]
    from tradai_tasks.sessions.checks.testing.kept_check import KeptCheck  # noqa: PLC0415 - if in use

    kept = KeptCheck(
        session=session,
        repository=repository,
        name="bandit",
        words=[repr((sorted(scope.tests), repository.settings.security))],
        files=lambda: [*scope.files, "pyproject.toml", _INI],
    )
    return [*scope.faults, *(kept.unless_green(check) or ())]


def _scan(
    session: nox.Session, repository: Repository, scope: BanditScope, table: Mapping[str, Any]
) -> list[str]:
    """Run bandit and return faults."""
    folder = make_report_folder(repository.root, "security")
    options = _options(repository, table, folder)
    findings: list[BanditFinding] = []
    faults: list[str] = []
    for number, files in enumerate(batches(scope.files), start=1):
        report = _run(session, folder / f"bandit-{number}.json", options, files)
        found, unread = bandit_findings(report, repository.settings.security)
        findings += [one for one in found if not _is_assert(one, scope)]
        faults += [f"bandit could not read {line}" for line in unread]
        metrics = {name: one for name, one in report["metrics"].items() if name != "_totals"}
        broken = {posixpath.normpath(error["filename"]) for error in report.get("errors", [])}
        contents = {path: repository.tree.read(path) for path in files if path not in broken}
        faults += unread_faults(metrics, contents)
    session.log(f"bandit: {len(scope.files)} files scanned")
    return faults + _shown(session, findings)


def _options(repository: Repository, table: Mapping[str, Any], folder: Path) -> list[str]:
    """Return bandit's options: its configuration without exclusions, which `bandit_scope` reads."""
    options = ["--quiet", "--format=json", "--exclude="]
    if "exclude_dirs" in table:
        file = folder / "bandit-settings.yaml"
        kept = {key: value for key, value in table.items() if key != "exclude_dirs"}
        # JSON is YAML too
        write_whole(file, json.dumps(kept, default=str).encode())
        options += ["--configfile", str(file)]
    elif table:
        options += ["--configfile", "pyproject.toml"]
    return [*options, "--ini", _INI] if repository.tree.is_file(_INI) else options


def _ini(repository: Repository) -> Mapping[str, str]:
    """Return the options of the file `.bandit`."""
    if not repository.tree.is_file(_INI):
        return {}
    found = read_ini(repository.tree.read(_INI))
    return found["bandit"] if found and found.has_section("bandit") else {}


def _run(
    session: nox.Session, file: Path, options: list[str], files: list[str]
) -> Mapping[str, Any]:
    file.unlink(missing_ok=True)
    argv = ["bandit", *options, f"--output={file}", *(f"./{path}" for path in files)]
    session.log(f"bandit {shlex.join(options)} and {counted(len(files), 'file')}")
    status = status_of(session, argv, log=False)
    if not file.is_file() or not file.stat().st_size:
        raise CommandFailedError(f"bandit: exit status {status} and no report; see above")
    report: Mapping[str, Any] = json.loads(file.read_text(encoding="utf-8"))
    return report


def _is_assert(finding: BanditFinding, scope: BanditScope) -> bool:
    """Return whether a finding is an assert in a test."""
    return finding.test == "B101" and finding.path in scope.tests


def _shown(session: nox.Session, findings: list[BanditFinding]) -> list[str]:
    """Show the findings; return the fault that there are some."""
    for finding in first_of(session, findings):
        say(str(finding))
        annotate("error", f"{finding.test}: {finding.text}", file=finding.path, line=finding.line)
    if not findings:
        return []
    remedy = "fix them, or mark right lines with `# nosec <test>`; again: nox -s security"
    return [f"bandit found faults{leading([*map(str, findings)])}; {remedy}"]
