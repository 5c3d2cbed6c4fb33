"""`gate`: judge the results of all CI jobs as the one check of branch protection."""

from __future__ import annotations

import os

import nox

from tradai_tasks.checks.concessions import concessions
from tradai_tasks.errors import GateError
from tradai_tasks.report import annotate, append_summary, print_table
from tradai_tasks.sessions.core.arguments import parse, repeated
from tradai_tasks.sessions.core.completeness import require_seen
from tradai_tasks.sessions.core.context import Context
from tradai_tasks.workflows.job_results import judge, parse_may_skip, parse_needs

_DOC = "Judge the results of all other jobs, given as JSON in the environment variable NEEDS."
_OPTIONS = [
    repeated(
        "--may-skip",
        "a job that may be skipped, always or where an output has that value",
        metavar="JOB[=NEED.OUTPUT:VALUE]",
    )
]
_COLUMNS = ("job", "result", "counts as passed because")


def gate(session: nox.Session, context: Context) -> None:
    """Judge the results of the jobs and show them; fail if a file is seen by no session."""
    options = parse(session, _OPTIONS, _DOC)
    rules = parse_may_skip(options.may_skip)
    needs = parse_needs(os.environ.get("NEEDS"))
    try:
        rows = judge(needs, rules)
    except GateError as error:
        append_summary(_COLUMNS, [(need.job, need.result, "") for need in needs])
        annotate("error", str(error))
        raise
    print_table("All jobs passed", _COLUMNS, rows)
    append_summary(_COLUMNS, rows)
    repository = context.repository
    floor = repository.default_floor
    conceded = concessions(repository.settings, repository.workspace.packages, floor=floor)
    if conceded:
        append_summary(("the checks let pass", "by the setting"), conceded)
    require_seen(session, context)
