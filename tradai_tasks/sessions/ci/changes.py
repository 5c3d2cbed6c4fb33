"""`changes` and `affected`: compute what a change affects and its CI matrix, run its checks."""

from __future__ import annotations

import glob
import json
import os
import re
import sys
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import IO, Any

import nox

from tradai_tasks.affected.graph.import_graph import ImportGraph
from tradai_tasks.affected.selection.change_analysis import ChangeAnalysis, analyse_change
from tradai_tasks.affected.selection.presentation import (
    KINDS,
    as_document,
    as_outputs,
    explanation,
    markdown,
    page_link,
    rows,
    visible,
)
from tradai_tasks.affected.selection.selection import Selection
from tradai_tasks.errors import BadArgumentsError, CheckFailedError, FileNotWrittenError
from tradai_tasks.files.atomic_write import write_whole
from tradai_tasks.files.report_folder import make_report_folder
from tradai_tasks.matrix import MatrixJob, Task, build_matrix, read_durations
from tradai_tasks.report import append_markdown, print_table, say, write_outputs
from tradai_tasks.repository import Repository
from tradai_tasks.sessions.ci.affected_sessions import STEPS, Tasks, tasks_of
from tradai_tasks.sessions.core.arguments import flag, option, parse
from tradai_tasks.sessions.core.collection import uncollected
from tradai_tasks.sessions.core.completeness import require_seen
from tradai_tasks.sessions.core.context import Context
from tradai_tasks.sessions.core.environments.environment import status_of
from tradai_tasks.sessions.core.nox_options import rerun
from tradai_tasks.sessions.core.registry.replacements import NOT_REPLACED, known_names, unreplaced
from tradai_tasks.workspace.discovery import unknown_package
from tradai_tasks.workspace.tags import parse_tag

_MOST_REASONS = 5  # of those for which everything is affected, in the log
# the filter of strategy-ci.yml for tags
_LIKE_RELEASE = re.compile(r"refs/tags/[^/]*-v\d+\.\d+\.\d+[^/]*", re.ASCII)
_PAGE = "build/reports/changes.html"
_RANGE = [
    option("--base", "compare with the merge base of this revision", metavar="REV"),
    option("--head", "look at this revision, not the work tree", metavar="REV"),
]
_OPTIONS = [
    *_RANGE,
    flag("--json", "print JSON and nothing else"),
    option("--html", f"write a page, to {_PAGE}", nargs="?", const="", metavar="PATH"),
    option("--explain", "print every reason for one package", metavar="PKG"),
    flag("--report", "name the files that select the most"),
    flag("--rules", "count what each kind of edge alone finds"),
    flag("--verify", "fail for loads that were recorded and are in no edge"),
]


@uncollected()
def changes(session: nox.Session, context: Context) -> None:
    """Compute the selection, and print it in the requested form."""
    repository = context.repository
    options = parse(session, _OPTIONS)
    _refuse_tag(repository)
    wants_graph = options.report or options.rules or options.verify
    found = _find(context, options, with_graph=wants_graph, explain=options.explain)
    if options.verify:
        from tradai_tasks.sessions.ci.recorded import verify  # noqa: PLC0415 - seldom

        return verify(repository, found.graph)
    found, tasks, replayed = _with_recordings(session, context, found)
    jobs = [job.as_json() for job in _jobs(repository, tasks.tasks)]
    explained = _explain(found.selection, options.explain) if options.explain is not None else ""
    beside = sys.stderr if options.json else sys.stdout  # standard output is JSON and nothing else
    _say(session, context, found, tasks)
    if options.json:
        print(json.dumps(as_document(found.span, found.selection, jobs, replayed), indent=2))
    elif options.explain is None:
        _show(found)
    say(*explained.split("\n")[:-1], file=beside)
    if options.report and found.graph:
        _report(session, found.graph, beside)
    if options.rules:
        _evidence(found.graph, beside)
    if options.html is not None:
        _write(session, repository.root, options.html, _page(found, tasks, jobs))
    backtested = [repository.workspace.session_id(one) for one in repository.backtested_packages]
    outputs = as_outputs(found.selection, jobs, backtested)
    if repository.is_of_strategies:
        outputs["smoke"] = _smoke_matrix(repository, json.loads(outputs["backtested"]))
    write_outputs(outputs)
    append_markdown(markdown(found.span, found.selection, found.edges, replayed))
    if options.html is not None:
        append_markdown(page_link(os.environ))
    return None


def _with_recordings(
    session: nox.Session, context: Context, found: ChangeAnalysis
) -> tuple[ChangeAnalysis, Tasks, dict[str, str]]:
    """Return the analysis, the sessions to run, and the packages that need no test, with why."""
    if context.repository.settings.results.replay == "never" or found.other_head is not None:
        return found, tasks_of(context, found), {}
    from tradai_tasks.sessions.ci.recorded import look_up  # noqa: PLC0415 - where it is in use

    recorded = look_up(session, context.repository)
    found = recorded.widened(found)
    tasks, replayed = recorded.narrowed(tasks_of(context, found))
    for name, why in replayed.items():
        session.log(f"{visible(name)} is not tested again: {why}")
    return found, tasks, replayed


def affected(session: nox.Session, context: Context) -> None:
    """Run lint, type check and the affected tests in one nox run, in parallel."""
    options = parse(session, _RANGE, "Run lint, type check and the tests that a change affects.")
    with uncollected():
        found = _find(context, options)
    tasks = tasks_of(context, found)
    _say(session, context, found, tasks)
    _show(found)
    wanted = _session_names(context, found, tasks.tasks)
    known = known_names(context)
    names = [name for name in wanted if name in known]
    if names and status_of(session, rerun(session, names)):
        raise CheckFailedError("affected: a session failed; the summary above names it")
    absent = [name for name in wanted if name not in known]
    if absent:
        raise CheckFailedError(
            f"affected: not in this checkout, so not run: {', '.join(absent)}; check the packages "
            f"out, with git switch or git sparse-checkout add"
        )
    if not names:
        session.log("nothing that changed affects any check")
    require_seen(session, context)


def _find(context: Context, options: Any, **more: Any) -> ChangeAnalysis:
    return analyse_change(
        context.repository,
        os.environ,
        base=options.base,
        head=options.head,
        edge_rules=context.edge_rules,
        **more,
    )


def _refuse_tag(repository: Repository) -> None:
    """Raise BadTagError for a pushed tag that looks like a strategy's release and is none."""
    ref = os.environ.get("GITHUB_REF", "")
    is_push = os.environ.get("GITHUB_EVENT_NAME") == "push"
    if repository.is_of_strategies and is_push and _LIKE_RELEASE.fullmatch(ref):
        parse_tag(ref, [package.slug for package in repository.workspace.strategies])


def _smoke_matrix(repository: Repository, names: Sequence[str]) -> str:
    """Return the CI matrix of smoke backtests, as JSON; several share a job if there are many."""
    python = f"{sys.version_info[0]}.{sys.version_info[1]}"
    jobs = _jobs(
        repository,
        [Task(package=one, python=python, sessions=(f"backtest-smoke({one})",)) for one in names],
    )
    include = [
        {
            "name": job.name,
            "data": ",".join(f"backtest-data({one})" for one in job.packages),
            "smoke": ",".join(job.sessions),
            "cache": job.cache,
        }
        for job in jobs
    ]
    return json.dumps({"include": include}, separators=(",", ":"))


def _jobs(repository: Repository, tasks: Iterable[Task]) -> tuple[MatrixJob, ...]:
    settings = repository.settings.affected
    found = (
        repository.root / name
        for pattern in settings.durations
        for name in sorted(
            glob.glob(pattern, root_dir=repository.root, recursive=True, include_hidden=True)  # noqa: PTH207 - takes any pattern
        )
    )
    files = [file for file in found if not file.is_dir()]
    return build_matrix(tasks, max_jobs=settings.max_jobs, durations=read_durations(files))


def _page(found: ChangeAnalysis, tasks: Tasks, jobs: Sequence[Mapping[str, str]]) -> str:
    """Return the HTML page."""
    from tradai_tasks.affected.selection.change_page import change_page  # noqa: PLC0415 - seldom

    sessions: dict[str, tuple[str, ...]] = {}
    for task in tasks.tasks:
        sessions[task.package] = (*sessions.get(task.package, ()), *task.sessions)
    return change_page(
        found.span, found.selection, found.edges, jobs, sessions, reached=found.reached()
    )


def _write(session: nox.Session, root: Path, asked: str, text: str) -> None:
    """Write the HTML page, whole or not at all, to a path as the user gives it."""
    page = Path(session.invoked_from) / asked if asked else root / _PAGE
    if not asked:
        make_report_folder(root)
    try:
        write_whole(page, text.encode())
    except OSError as error:
        raise FileNotWrittenError(
            f"changes: --html {visible(str(page))}: cannot be written: {error.strerror}; name a "
            f"file in a folder that exists"
        ) from None
    session.log(f"the page is {visible(str(page))}")


def _session_names(context: Context, found: ChangeAnalysis, tasks: Iterable[Task]) -> list[str]:
    """Return the sessions that `affected` runs: lint and types always, tests if affected."""
    repository = context.repository
    selection = found.selection
    names = [name for task in tasks for name in task.sessions]
    is_any = bool(selection.changed or selection.everything or names)
    if repository.workspace.kind != "strategies" and is_any:
        known = known_names(context)
        names = [name for name in STEPS[:2] if name in known] + names
    return list(dict.fromkeys(names))


def _explain(selection: Selection, name: str) -> str:
    items = [
        item
        for kind in (*KINDS, "stacks")
        for item in getattr(selection, kind)
        if item.name == name
    ]
    if items:  # a package and the service in its folder mostly have the same reasons
        return "".join(dict.fromkeys(map(explanation, items)))
    known = [item.name for item in selection.packages]
    shown = visible(name) or "''"
    raise BadArgumentsError(f"--explain {shown}: {unknown_package(name, known)}")


def _say(session: nox.Session, context: Context, found: ChangeAnalysis, tasks: Tasks) -> None:
    for base in unreplaced(context, STEPS):
        session.warn(f"{base} is not run: {NOT_REPLACED}")
    for warning in found.warnings:
        session.warn(visible(warning))
    for name in tasks.untested:
        session.warn(f"{visible(name)} is affected, but the noxfile has no session that tests it")
    session.log(visible(found.span.why))
    reasons = [reason for reason in found.selection.everything if reason != found.span.why]
    for reason in reasons[:_MOST_REASONS]:
        session.log(f"everything is affected: {visible(reason)}")
    if len(reasons) > _MOST_REASONS:
        session.log(f"everything is affected: and {len(reasons) - _MOST_REASONS} reasons more")


def _show(found: ChangeAnalysis) -> None:
    selection = found.selection
    count = len(selection.affected("packages"))
    title = f"{count} of {len(selection.packages)} packages affected"
    table = rows(selection)
    if table:
        print_table(title, ("kind", "name", "because of"), table)
    else:
        say("nothing is affected")


def _report(session: nox.Session, graph: ImportGraph, file: IO[str]) -> None:
    for warning in graph.warnings():
        session.warn(visible(warning))
    table = [(visible(cost.path), str(cost.selects), str(cost.saved)) for cost in graph.costs()]
    if table:
        columns = ("file", "packages", "saved if split")
        print_table("Files that select the most packages", columns, table, file=file)
    else:
        say("no file selects a package other than its own", file=file)


def _evidence(graph: ImportGraph | None, file: IO[str]) -> None:
    if graph is None:
        say("--rules: nothing to count: this range is one strategy's release", file=file)
        return
    from tradai_tasks.affected.graph.rule_evidence import rule_evidence  # noqa: PLC0415 - seldom

    rows = rule_evidence(graph)
    print_table(
        "What each kind of edge finds, and what it alone finds",
        ("kind", "edges", "alone", "selections lost without it"),
        [(row.name, str(row.edges), str(row.alone), str(row.selections)) for row in rows],
        file=file,
    )
