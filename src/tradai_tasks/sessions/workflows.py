"""`workflows`: bring the workflow files to the repository, and keep them true."""

from __future__ import annotations

import nox
import nox.registry

from tradai_tasks.errors import SettingsError
from tradai_tasks.report import print_table, say
from tradai_tasks.sessions.arguments import Option, parse
from tradai_tasks.sessions.command_line import base_of
from tradai_tasks.sessions.context import Context
from tradai_tasks.workflows.choose import workflows
from tradai_tasks.workflows.drift import plan
from tradai_tasks.workflows.needed import needed
from tradai_tasks.workflows.repository import committed_locks, gather
from tradai_tasks.workflows.write import check, present, write

__all__ = ["write_workflows"]

_DOC = "Write the workflow files that fit this repository."
_OPTIONS: list[Option] = [
    (("--check",), {"action": "store_true", "help": "write nothing; fail where one has drifted"}),
    (("--dry-run",), {"action": "store_true", "help": "write nothing; show what would change"}),
    (("--secrets",), {"action": "store_true", "help": "print the secrets and variables they need"}),
    (("--force",), {"action": "store_true", "help": "overwrite files that are not ours, too"}),
    (("--prune",), {"action": "store_true", "help": "delete files of ours that no longer fit"}),
]


def write_workflows(session: nox.Session, context: Context) -> None:
    """Write, check or describe."""
    options = parse(session, _OPTIONS, _DOC)
    there = present(context.root)
    if options.secrets:
        _print_secrets(there or _wanted(context))
        return
    changes = plan(_wanted(context), there)
    if options.check:
        check(changes)
        session.log(f"{len(changes)} workflow files are as they should be")
        return
    said = write(
        context.root,
        changes,
        force=options.force,
        prune=options.prune,
        dry_run=options.dry_run,
    )
    for line in said:
        session.log(line)
    if not (context.root / ".git").exists():
        session.log(
            f"GitHub reads workflows only at the top of a repository, and {context.root} is none"
        )


def _wanted(context: Context) -> dict[str, str]:
    _check_before(context)
    repository = gather(
        context.tree,
        context.workspace,
        context.settings,
        sessions=context.names,
        noxfile=context.noxfile.read_text(encoding="utf-8"),
        locks=committed_locks(context.root, context.workspace.projects),
    )
    return workflows(repository, context.settings.workflows)


def _check_before(context: Context) -> None:
    """Refuse a session to run first that nox would not know: CI alone would find that out.

    Raises:
        SettingsError: There is none of this name.
    """
    bases = {base_of(name) for name in context.names}
    own = set(nox.registry.get()) - bases  # the noxfile's, of which only the first part is known
    for position, name in enumerate(context.settings.workflows.before or ()):
        if name not in {*context.names, *bases} and base_of(name) not in own:
            raise SettingsError(
                f"{context.settings_file}: workflows.before[{position}]: no session is called "
                f"{name!r}; see `nox -l` for those that there are"
            )


def _print_secrets(files: dict[str, str]) -> None:
    rows = [(one.kind, one.name, ", ".join(one.files)) for one in needed(files)]
    if rows:
        print_table("Secrets and variables of the workflows", ("kind", "name", "workflows"), rows)
    else:
        say("the workflows need no secret and no variable")
