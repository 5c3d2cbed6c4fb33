"""The audit of `security`: run pip-audit on every distribution that is locked."""

from __future__ import annotations

from pathlib import Path

import nox

from tradai_tasks.checks.locked_distributions import (
    Answer,
    Locked,
    conclude,
    locked_in,
    locks_of_scripts,
    pinned_in,
    read_audit,
    requirements_files,
    rounds,
)
from tradai_tasks.errors import BrokenTomlError
from tradai_tasks.files.atomic_write import write_whole
from tradai_tasks.files.report_folder import make_report_folder
from tradai_tasks.process import run
from tradai_tasks.report import annotate, say
from tradai_tasks.repository import Repository
from tradai_tasks.sessions.core.environments.environment import uv_program
from tradai_tasks.sessions.core.parallel.parallel_output import first_of
from tradai_tasks.text import leading, listed, safe
from tradai_tasks.workspace.locks.lock_file import parse_lock_file, read_lock


def audit_locked(session: nox.Session, repository: Repository) -> list[str]:
    """Audit what the locks and requirements files pin; return the faults, a line each."""
    locked, faults = _locked(repository)
    pins = sorted({one.pin for one in locked if one.pin})
    folder = make_report_folder(repository.root, "security")
    audit = conclude(
        locked,
        [
            _answer(session, repository, folder / f"audit-{number}", part)
            for number, part in enumerate(rounds(pins), start=1)
        ],
        repository.settings.security,
    )
    for line in first_of(session, audit.vulnerable):
        say(line)
        annotate("error", line)
    accepted = f", accepted: {', '.join(audit.ignored)}" if audit.ignored else ""
    session.log(
        f"pip-audit: {audit.audited} of {audit.total} locked distributions audited{accepted}"
    )
    for line in first_of(session, (*audit.passed_over, *audit.not_audited)):
        session.log(f"not audited: {safe(line)}")
    if audit.vulnerable:
        faults.append(
            f"pip-audit found advisories{leading(audit.vulnerable)}; upgrade with: nox -s lock -- "
            f"--upgrade-package {audit.vulnerable[0].partition(' ')[0]}"
        )
    if missed := audit.not_audited:
        names = [line.partition(" ")[0].rstrip(":") for line in missed]
        faults.append(
            f"pip-audit: {len(missed)} of {audit.total} locked distributions could not be audited "
            f"({listed(names)}), such as {missed[0]}; set security.service-url to a service that "
            f"knows them, or accept them by name in security.not-audited"
        )
    return faults


def _locked(repository: Repository) -> tuple[list[Locked], list[str]]:
    """Return what is pinned anywhere in the repository, and faults of files that say nothing."""
    own = {package.name for package in repository.workspace.packages}
    found: list[Locked] = []
    faults: list[str] = []
    for project in repository.workspace.projects:
        file = Path(project, "uv.lock").as_posix()
        found += locked_in(read_lock(repository.tree, project), file, own)
    for file in locks_of_scripts(repository.tree):
        try:
            found += locked_in(parse_lock_file(repository.tree.read(file), file), file, own)
        except BrokenTomlError as error:
            faults += error.faults
    for file in requirements_files(repository.tree):
        argv = [uv_program(), "pip", "compile", "--quiet", "--no-header", "--no-annotate"]
        done = run([*argv, "--no-strip-extras", file], cwd=repository.root, check=False)
        if done.returncode:
            faults.append(
                f"{safe(file)}: uv pip compile cannot resolve it, so nothing in it was audited: "
                f"{safe(done.last_error)}"
            )
        found += pinned_in(done.text if not done.returncode else "", file)
    return found, faults


def _answer(
    session: nox.Session, repository: Repository, stem: Path, pins: tuple[str, ...]
) -> Answer:
    given = stem.with_suffix(".txt")
    write_whole(given, "".join(f"{pin}\n" for pin in pins).encode())
    output = stem.with_suffix(".json")
    output.unlink(missing_ok=True)
    argv = ["pip-audit", "--requirement", str(given), "--no-deps", "--disable-pip"]
    argv += ["--format=json", f"--output={output}", "--progress-spinner=off"]
    url = repository.settings.security.service_url
    argv += ["--vulnerability-service=osv", f"--osv-url={url}"] if url else []
    errors = stem.with_suffix(".log")
    with errors.open("w", encoding="utf-8") as log:
        # its messages are evaluated below and would only confuse here
        session.run(*argv, success_codes=range(256), stdout=log, stderr=log)
    text = output.read_text(encoding="utf-8") if output.is_file() else None
    messages = errors.read_text(encoding="utf-8")
    return read_audit(text, messages, pins, repository.settings.security)
