"""`infra`: preview or update Pulumi stacks with the repository's own script."""

from __future__ import annotations

import json
import os
from pathlib import Path

import nox
from nox.command import CommandFailed

from tradai_tasks.errors import BadArgumentsError, InfraError
from tradai_tasks.infra.preview_counts import COLUMNS, rows, save, saved
from tradai_tasks.infra.pull_request_comment import body_of, post, pull_request, refuse_fork
from tradai_tasks.infra.pulumi import Pulumi, choose, layers_of, run_stacks
from tradai_tasks.release.tags.ci_event import read_event
from tradai_tasks.report import append_markdown, markdown_table, mask_environment, print_table, say
from tradai_tasks.repository import Repository
from tradai_tasks.sessions.core.arguments import flag, option, parse
from tradai_tasks.sessions.core.context import Context
from tradai_tasks.sessions.core.dispatched import refuse_dispatch
from tradai_tasks.sessions.core.nox_options import end_of_install, only_installs

_OPTIONS = [
    option(
        "command",
        "what to do; comment says on the pull request what other jobs have saved",
        choices=["preview", "up", "comment"],
    ),
    option("stack", "stacks; a preview takes all where none is named", nargs="*"),
    flag("--yes", "needed by up: nobody is asked any more"),
    flag("--comment", "say it on the pull request, in one comment"),
    option("--pull-request", "which; by default as the CI event says", type=int, metavar="NUMBER"),
    option("--save", "of a preview, where to save it for another job", metavar="DIR"),
    option("--from", "of a comment, where previews are", dest="saved", metavar="DIR"),
    flag("--json", "print the counts as JSON and nothing else"),
    flag("--dry-run", "print what would be run"),
]


def infra(session: nox.Session, context: Context) -> None:
    """Run Pulumi on the stacks and show what changes."""
    repository = context.repository
    options = parse(session, _OPTIONS)
    if not options.json:  # a mask is itself a line of the output
        mask_environment()
    known = [unit.name for unit in repository.workspace.stacks]
    if options.command == "comment":
        _comment(session, options.saved, choose(options.stack, known, "preview"))
        return
    stacks = choose(options.stack, known, options.command)
    if options.saved or (options.save and options.command != "preview"):
        raise BadArgumentsError("infra: --save goes with preview, and --from with comment")
    if options.command == "up" and options.comment:
        raise BadArgumentsError("infra: --comment is for a preview")
    if options.command == "up" and not (options.yes or options.dry_run):
        raise BadArgumentsError(
            f"infra: up changes {stacks[0]} at once and asks nobody; look at the preview first: "
            f"nox -s infra -- preview {stacks[0]}; then add --yes"
        )
    event = read_event(os.environ)
    refuse_fork(event)
    if options.command == "up" and not options.dry_run:
        refuse_dispatch(repository, stacks[0])
    # check what the comment needs before anything runs
    request = pull_request(event, os.environ, options.pull_request) if options.comment else None
    pulumi = Pulumi(root=repository.root, settings=repository.settings.infra, env=os.environ)
    pulumi.check()
    if only_installs(session):
        _install(session, repository)
    if options.dry_run:
        for stack in stacks:
            say(" ".join(pulumi.argv(options.command, stack)))
        session.log("nothing was done: this is a dry run")
        return
    changes = run_stacks(pulumi, options.command, stacks, session.log)
    if options.save:
        save(changes, Path(options.save))
    title = f"pulumi {options.command}"
    if options.json:
        document = {
            one.stack: {name: one.counts.get(name, 0) for name in COLUMNS} for one in changes
        }
        print(json.dumps(document, indent=2), flush=True)
    else:
        print_table(title, ("stack", *COLUMNS), rows(changes))
    append_markdown(f"\n### {title}\n\n{markdown_table(('stack', *COLUMNS), rows(changes))}")
    if request is not None:
        done = post(request, body_of(changes, os.environ))
        session.log(f"the comment on #{request.number} was {done}")


def _comment(session: nox.Session, folder: str | None, stacks: tuple[str, ...]) -> None:
    """Say on the pull request what other jobs have previewed, all stacks or nothing."""
    if not folder:
        raise BadArgumentsError("infra: comment needs --from DIR, where the previews are")
    event = read_event(os.environ)
    refuse_fork(event)
    request = pull_request(event, os.environ)
    done = post(request, body_of(saved(stacks, Path(folder)), os.environ))
    session.log(f"the comment on #{request.number} was {done}")


def _install(session: nox.Session, repository: Repository) -> None:
    """Install the dependencies of each layer's program, one by one and without credentials.

    Raises:
        InfraError: An installation failed.
    """
    for layer in layers_of(repository.tree):
        try:
            session.run_install("pulumi", "install", "--cwd", layer, external=True)
        except CommandFailed:
            raise InfraError(
                f"{layer}: pulumi install failed; its message is above; fix that and run it again"
            ) from None
    end_of_install(session)
