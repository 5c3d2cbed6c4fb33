"""`release -- v0.0.0-test --cleanup`: delete a test tag in the clone and at the remote."""

from __future__ import annotations

from argparse import Namespace

import nox

from tradai_tasks.errors import BadArgumentsError
from tradai_tasks.release.tags.tag_cleanup import look_for, remove_at_remote, remove_here
from tradai_tasks.report import print_table
from tradai_tasks.repository import Repository
from tradai_tasks.sessions.core.arguments import flag
from tradai_tasks.vcs.git import Git
from tradai_tasks.workspace.tags import parse_tag

CLEANUP = flag("--cleanup", "delete a test tag, here and at the remote, and release nothing")
_OTHERS = ("only", "start", "evidence", "environment", "status", "json")
_COLUMNS = ("where", "tag", "what")


def clean_up(session: nox.Session, repository: Repository, options: Namespace) -> None:
    """Delete a test tag, first at the remote, since only that can fail.

    Raises:
        BadArgumentsError: No tag is named, or an option other than --dry-run is given.
        TasksError: It is not a test tag, or cannot be deleted.
    """
    if not options.tag or any(getattr(options, name) for name in _OTHERS):
        raise BadArgumentsError(
            "--cleanup: takes a test tag and no option but --dry-run, such as: "
            "nox -s release -- v0.0.0-test --cleanup"
        )
    tag = parse_tag(options.tag, [package.slug for package in repository.workspace.strategies])
    git = Git.open(repository.root)
    tagged = look_for(git, tag)
    print_table(f"{tag}", _COLUMNS, tagged.rows())
    if options.dry_run:
        session.log("nothing was done: this is a dry run")
        return
    if tagged.there:
        remove_at_remote(git, tagged)
    if tagged.here:
        remove_here(git, tagged)
    session.log(f"{tag}: deleted" if tagged.there or tagged.here else f"{tag}: was gone already")
