"""`doctor`: check the repository, this machine and remote services for what would fail."""

from __future__ import annotations

import json
import os
from functools import cache, partial

import nox
import nox.virtualenv

from tradai_tasks.doctor.check_list import NAMES, checks
from tradai_tasks.doctor.check_runner import CheckResult, as_document, examine
from tradai_tasks.doctor.repository import DoctorContext
from tradai_tasks.errors import BadArgumentsError, CheckFailedError
from tradai_tasks.release.tags.target_environment import environment_named
from tradai_tasks.report import append_summary, print_table
from tradai_tasks.sessions.core.arguments import flag, option, parse, repeated
from tradai_tasks.sessions.core.completeness import present_inventory
from tradai_tasks.sessions.core.context import Context
from tradai_tasks.workflows.checkout import look

_DOC = "Check ahead of time for what would fail, and say how to fix it. Nothing is changed."
_OPTIONS = [
    flag("--json", "print the findings as JSON and nothing else"),
    repeated("--only", f"run just this one; repeatable ({', '.join(NAMES)})", metavar="CHECK"),
    repeated("--skip", "leave one out", metavar="CHECK"),
    repeated(
        "--environment",
        "look into this environment; by default into all that have a cluster",
        metavar="NAME",
    ),
    option("--timeout", "for each check; 20", type=float, default=20.0, metavar="SECONDS"),
]
_COLUMNS = ("check", "state", "what, and what to do about it")


def doctor(session: nox.Session, context: Context) -> None:
    """Run the checks and show what they found."""
    repository = context.repository
    options = parse(session, _OPTIONS, _DOC)
    if not 0 < options.timeout <= 3600:  # noqa: PLR2004 - an hour
        raise BadArgumentsError("--timeout: give seconds, more than 0 and at most 3600")
    settings = repository.settings.deploy
    named = [environment_named(name, settings).name for name in options.environment]
    looked_at = DoctorContext(
        repository=repository,
        inventory=present_inventory(context),
        env=os.environ,
        uv=nox.virtualenv.UV,
        checkout=cache(partial(look, repository.root, os.environ)),
        environments=tuple(named)
        or tuple(name for name, table in settings.environments.items() if table.cluster),
        is_asked=bool(named),
        seconds=options.timeout,
    )
    results = examine(
        checks(looked_at, only=options.only, skip=options.skip), timeout=options.timeout
    )
    if options.json:
        print(json.dumps(as_document(results), indent=2), flush=True)
    else:
        rows = [_row(one) for one in results]
        print_table("What would fail here", _COLUMNS, rows)
        append_summary(_COLUMNS, rows)
    faults = [one.check.name for one in results if one.finding.state == "fault"]
    if faults:
        raise CheckFailedError(
            f"doctor: {len(faults)} of {len(results)} checks found a fault: {', '.join(faults)}; "
            f"each remedy is above"
        )
    session.log(f"{sum(one.finding.state == 'ok' for one in results)} checks are well")


def _row(one: CheckResult) -> tuple[str, str, str]:
    remedy = f"\n-> {one.finding.remedy}" if one.finding.remedy else ""
    return one.check.name, one.finding.state, f"{one.finding.what}{remedy}"
