"""`lock`: make or check every lock file of the repository."""

from __future__ import annotations

import nox
import nox.virtualenv

from tradai_tasks.errors import CheckFailedError
from tradai_tasks.sessions.arguments import Option, parse
from tradai_tasks.sessions.context import Context
from tradai_tasks.sessions.environment import status_of

__all__ = ["lock"]

_DOC = "Make or bring up to date every lock file; with --check, fail where one is stale."
_OPTIONS: list[Option] = [
    (("--check",), {"action": "store_true", "help": "write nothing; fail where a lock is stale"}),
    (("--upgrade",), {"action": "store_true", "help": "take the newest versions allowed"}),
    (
        ("--upgrade-package",),
        {"action": "append", "default": [], "metavar": "NAME", "help": "take its newest version"},
    ),
]


def lock(session: nox.Session, context: Context) -> None:
    """Run `uv lock` on every project."""
    options = parse(session, _OPTIONS, _DOC)
    further = ["--check"] if options.check else []
    further += ["--upgrade"] if options.upgrade else []
    further += [f"--upgrade-package={name}" for name in options.upgrade_package]
    projects = context.workspace.projects
    # uv is found as nox finds it: beside nox, else on PATH
    failed = [
        project
        for project in projects
        if status_of(session, [nox.virtualenv.UV, "lock", "--project", project, *further])
    ]
    if failed and options.check:
        raise CheckFailedError(
            f"lock: stale or missing in {', '.join(failed)}; mend with: nox -s lock"
        )
    if failed:
        raise CheckFailedError(f"lock: uv could not lock {', '.join(failed)}; see above")
    session.log(f"{len(projects)} lock file{'s' * (len(projects) > 1)} up to date")
