"""Run a type checker that answers in JSON: on sources, and on what it must find fault with."""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

import nox
from nox.virtualenv import PassthroughEnv

from tradai_tasks.checks.testing.pytest_arguments import FRESH
from tradai_tasks.checks.typecheck.checkers import (
    Call,
    Checker,
    Finding,
    checked_report,
    unknown_option,
)
from tradai_tasks.checks.typecheck.protocol_compliance import protocol_faults, protocol_module
from tradai_tasks.checks.typecheck.rules import Batch
from tradai_tasks.errors import CheckFailedError
from tradai_tasks.files.atomic_write import write_whole
from tradai_tasks.files.report_folder import make_report_folder
from tradai_tasks.process import run as run_command
from tradai_tasks.report import annotate, say
from tradai_tasks.repository import Repository
from tradai_tasks.sessions.core.nox_options import end_of_install
from tradai_tasks.sessions.core.parallel.parallel_output import first_of
from tradai_tasks.settings.model import ProtocolPair

_FOUND = 1  # the exit status for findings
_MODULE = "protocol_compliance.py"


@dataclass(frozen=True, kw_only=True)
class CheckerRun:
    """The check of one project by its type checker."""

    session: nox.Session
    repository: Repository
    checker: Checker
    errors: list[str] = field(default_factory=list)  # a line for each that was found

    @property
    def given(self) -> list[str]:
        """The arguments for the type checker: those of the settings, and the user's."""
        own = [word for word in self.session.posargs if word != FRESH]
        return [*self.repository.settings.typecheck.args, *own]

    @property
    def is_strict(self) -> bool:
        """Whether strictly, as the settings say, or else as for strategies."""
        stated = self.repository.settings.typecheck.strict
        return self.repository.workspace.kind == "strategies" if stated is None else stated

    @property
    def reports(self) -> Path:
        """The folder of the session's reports."""
        name = self.session.name.replace("(", "-").rstrip(")")
        return make_report_folder(self.repository.root, "typecheck", name)

    def noted(self, home: Path, findings: Iterable[Finding]) -> list[Finding]:
        """Return findings with their paths from the root, after keeping the errors among them."""
        root = self.repository.root
        found = [
            replace(one, path=Path(os.path.relpath(home / one.path, root)).as_posix())
            for one in findings
        ]
        self.errors.extend(one.place_and_text for one in found if one.severity == "error")
        return found


def run_checker(
    run: CheckerRun, batch: Batch, *, python: Path | None, pairs: Sequence[ProtocolPair]
) -> tuple[int, bool]:
    """Check one batch, and the module in which errors are due.

    The checker is given every file by name, so that none is passed over. A second run, on the
    module alone, shows that it looks at all. Return the exit status, and whether there is no
    finding, also none that does not count as a fault.

    Raises:
        CheckFailedError: It could not finish, left files out, or reports no errors at all.
    """
    session, repository, checker = run.session, run.repository, run.checker
    end_of_install(session)
    home, folder = repository.root / batch.home, run.reports
    call = Call(
        files=tuple(os.path.relpath(repository.root / file, home) for file in batch.files),
        home=str(home),
        environment=str(python.parent.parent) if python else _environment(session),
        search=tuple(str(repository.root / one) for one in (*batch.search, *batch.borrowed)),
        config=str(repository.root / batch.config) if batch.config else None,
        strict=run.is_strict,
    )
    if checker.made_config is not None:
        made = folder / checker.files[0]
        table = checker.settings(repository.tree, batch.config) if batch.config else None
        text = json.dumps(checker.made_config(table or {}, call, str(folder)))
        write_whole(made, text.encode())
        call = replace(call, config=str(made))
    status, shown = 0, False
    if call.files:
        status, findings = _report(run, call)
        findings = run.noted(home, findings)
        for finding in first_of(session, findings):
            say(*str(finding).splitlines())
            annotate_finding(finding)
        shown = bool(findings)
        session.log(f"{checker.name}: {len(call.files)} files checked")
    module = folder / _MODULE
    write_whole(module, protocol_module(pairs, mypy=False).encode())
    apart = replace(call, files=(os.path.relpath(module, home),))
    _, findings = _report(run, apart)
    faults = list(protocol_faults(module.read_text(encoding="utf-8"), findings))
    for fault in faults:
        placed = replace(fault, path=module.relative_to(repository.root).as_posix())
        run.errors.append(placed.place_and_text)
        say(*str(placed).splitlines())
        annotate("error", str(placed))
    return status or (_FOUND if faults else 0), not shown


def _report(run: CheckerRun, call: Call) -> tuple[int, list[Finding]]:
    """Run the checker and return its exit status and findings; its report is kept in a file."""
    session, checker = run.session, run.checker
    own = checker.argv(call)
    argv = [*own, *run.given]
    more = {} if checker.made_config else {"PYTHONPATH": os.pathsep.join(call.search)}
    env = {**os.environ, **session.env, **checker.env, **more}
    env["PATH"] = os.pathsep.join([*(session.bin_paths or ()), env.get("PATH") or os.defpath])
    kept = {name: value for name, value in env.items() if value is not None}
    done = run_command(argv, cwd=call.home, env=kept, check=False)
    text = done.stdout.decode("utf-8", "replace")
    file = run.reports / f"{checker.name}.json"
    write_whole(file, done.stdout)
    try:
        if option := unknown_option(own, done.error_text):
            raise CheckFailedError(
                f"typecheck: the locked {checker.name} does not know the option {option}, which "
                f"this session needs; take a newer one with: uv lock --upgrade-package "
                f"{checker.name} (or choose another checker: typecheck.checker)"
            )
        if done.returncode not in {0, _FOUND}:
            raise CheckFailedError(
                f"typecheck: {checker.name} could not finish (exit status {done.returncode}): a "
                f"bad configuration or argument, or a crash; its message is above"
            )
        return done.returncode, checked_report(checker, text, done.error_text, len(call.files))
    except CheckFailedError:
        say(*text.splitlines(), *done.error_text.splitlines(), file=sys.stderr)
        raise


def _environment(session: nox.Session) -> str:
    """Return the folder of the environment that has the packages."""
    venv = session.virtualenv
    return sys.prefix if isinstance(venv, PassthroughEnv) else str(venv.location)


def annotate_finding(finding: Finding) -> None:
    """Show a finding in GitHub Actions, beside its line."""
    text = f"{finding.text} [{finding.rule}]" if finding.rule else finding.text
    annotate(finding.severity, text, file=finding.path, line=finding.line)
