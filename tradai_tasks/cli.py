"""Command line of `tradai-tasks init`: write the first files of a repository.

It runs before there is a noxfile, so it is no session.
"""

from __future__ import annotations

import argparse
import importlib.metadata
import io
import os
import sys
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import NoReturn

from tradai_tasks.errors import BadArgumentsError, NothingWrittenError, TasksError
from tradai_tasks.files.file_tree import DiskTree
from tradai_tasks.report import machine_fault, say
from tradai_tasks.repository import Repository, read_repository
from tradai_tasks.sessions.core.registry.catalog import AGGREGATES, fitting_names
from tradai_tasks.text import counted
from tradai_tasks.workflows.adoption.conceded_settings import Adoption
from tradai_tasks.workflows.adoption.existing_tasks import notes
from tradai_tasks.workflows.adoption.scaffold import (
    Piece,
    has_settings,
    local_nox,
    pieces,
)
from tradai_tasks.workflows.checkout import look
from tradai_tasks.workflows.drift import diff_of
from tradai_tasks.workflows.file_writer import put_all
from tradai_tasks.workflows.repository_traits import committed_locks
from tradai_tasks.workflows.tag_readiness import ci_faults, tag_faults, tag_notes
from tradai_tasks.workspace.discovery import Workspace


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command line and return its exit status."""
    if isinstance(sys.stdout, io.TextIOWrapper):  # a character that it cannot show is not an error
        sys.stdout.reconfigure(errors="backslashreplace")
    try:
        options = _parser().parse_args(argv)
        _init(
            Path(options.root).resolve(),
            yes=options.yes,
            dry_run=options.dry_run,
            force=options.force,
            checks=options.checks,
        )
    except TasksError as error:
        for line in error.faults:
            say(f"tradai-tasks: {line}", file=sys.stderr)
        return error.exit_code
    except (OSError, UnicodeEncodeError) as error:
        said = machine_fault(error)
        if said is None:
            raise
        say(f"tradai-tasks: {said}", file=sys.stderr)
        return 1
    return 0


class _CommandParser(argparse.ArgumentParser):
    """An argument parser that reports invalid arguments in one line."""

    def error(self, message: str) -> NoReturn:
        """Raise for invalid arguments."""
        raise BadArgumentsError(f"{message}; see: {self.prog} --help")


def _version() -> str:
    return importlib.metadata.version("tradai-tasks")


def _parser() -> argparse.ArgumentParser:
    parser = _CommandParser(
        prog="tradai-tasks",
        description="Every check and release step of a uv monorepo as nox sessions.",
    )
    parser.add_argument("--version", action="version", version=f"%(prog)s {_version()}")
    commands = parser.add_subparsers(required=True, metavar="COMMAND")
    init = commands.add_parser(
        "init",
        help="write noxfile, settings, justfile and workflows into a repository",
        description="Run the checks once, in a copy of the repository; write the missing noxfile, "
        "settings under which they are green, justfile and workflow files; show all of it first, "
        "and overwrite nothing unasked.",
    )
    init.add_argument("--root", default=".", metavar="DIR", help="the workspace root; by default .")
    init.add_argument("-y", "--yes", action="store_true", help="write without asking")
    init.add_argument("--dry-run", action="store_true", help="show it, and write nothing")
    init.add_argument(
        "--no-checks",
        action="store_false",
        dest="checks",
        help="do not run the checks, of which else follow settings under which they are green",
    )
    init.add_argument(
        "--force", action="store_true", help="overwrite files that are there and differ, too"
    )
    return parser


def _init(root: Path, *, yes: bool, dry_run: bool, force: bool, checks: bool) -> None:
    """Show the missing files, ask, and write them."""
    if not root.is_dir():
        raise BadArgumentsError(f"--root {root}: no such folder")
    tree = DiskTree(root)
    repository = read_repository(root, tree)
    workspace = repository.workspace
    locks = committed_locks(root, workspace.projects)
    checkout = look(root, os.environ)
    versions = {name: importlib.metadata.version(name) for name in ("nox", "tradai-tasks")}
    adopted = _measured(repository, versions) if checks else None
    found = pieces(
        tree,
        workspace,
        repository.settings,
        sessions=fitting_names(repository) | {*AGGREGATES},
        locks=locks,
        versions=versions,
        checkout=checkout,
        force=force,
        adopted=adopted,
    )
    todo = [piece for piece in found if piece.state in {"new", "added to"}]
    kept = [piece for piece in found if piece.state == "kept"]
    if force:
        todo, kept = [*todo, *kept], []
    say(*diff_of(todo).split("\n")[:-1])
    _list(workspace, todo, kept)
    files = {piece.path: piece.new for piece in todo} | dict(checkout.files)
    say(*_hints(repository, adopted, ci_faults(files, checkout.folder)))
    if not todo:
        say("nothing to write")
        return
    if dry_run:
        say("nothing was written: this is a dry run")
        return
    if not yes:
        _ask(len(todo))
    put_all(checkout.top, {piece.path: piece.new for piece in todo})
    noxfile = next(piece for piece in found if piece.path == f"{checkout.folder}noxfile.py")
    text = str(noxfile.old if noxfile in kept else noxfile.new)
    nox = local_nox(text, workspace)
    say(f"wrote {counted(len(todo), 'file')}; see what there is now with: {nox} -l")
    if not locks:
        say(f"no lock file is there yet; make it, and have CI use it: {nox} -s lock workflows")
    owned = {one.project for one in workspace.strategies}
    if len(committed_locks(root, owned, tracked=True)) < len(owned):
        say(
            "commit each strategy's uv.lock, without which it cannot be released; take the file "
            "out of .gitignore if it is there"
        )


def _hints(repository: Repository, adopted: Adoption | None, ci: Iterable[str]) -> Iterator[str]:
    """Yield a line on all that no file of `init` changes: for releases, left aside, and red."""
    workspace, settings = repository.workspace, repository.settings
    for line in (*tag_faults(workspace, settings), *tag_notes(workspace, settings), *ci):
        yield f"for releases: {line}"
    sessions = fitting_names(repository)
    for note in notes(repository.tree, workspace, repository.inventory, sessions):
        yield f"note: {note}"
    if adopted and (conceded := str(adopted.conceded)):
        yield f"let pass: {conceded}"
    for outcome in adopted.faults if adopted else ():
        yield f"red as it is: {outcome}"


def _measured(repository: Repository, versions: Mapping[str, str]) -> Adoption | None:
    """Return what the checks come to as it is, where there are no settings and some package."""
    if has_settings(repository.tree) or not repository.workspace.packages:
        return None
    from tradai_tasks.workflows.adoption.adoption_run import measure  # noqa: PLC0415 - not in every run

    try:
        return measure(repository, versions)
    except KeyboardInterrupt:
        raise NothingWrittenError(
            "init: nothing was written: it was stopped while the checks ran; leave them out with: "
            "--no-checks"
        ) from None


def _list(workspace: Workspace, todo: Collection[Piece], kept: Collection[Piece]) -> None:
    count = len(workspace.packages)
    say(f"a {workspace.kind} repository, {counted(count, 'package')}")
    for piece in todo:
        how = {"new": "new", "added to": "added to", "kept": "overwritten"}[piece.state]
        written = len(piece.new.splitlines())
        if piece.state == "added to":
            written -= len((piece.old or "").splitlines())
        say(f"  {piece.path}: {how} ({counted(written, 'line')})")
    for piece in kept:
        hint = piece.hint or "overwrite it with: --force"
        say(f"  {piece.path}: there already, and left as it is; {hint}")


def _ask(count: int) -> None:
    """Ask whether to write; raise NothingWrittenError if not, or if there is nobody to ask."""
    if not sys.stdin.isatty():
        raise NothingWrittenError(
            "init: nothing was written; there is nobody to ask, so say: --yes"
        )
    answer = input(f"Write {counted(count, 'file')}? [y/N] ")
    if answer.strip().lower() not in {"y", "yes"}:
        raise NothingWrittenError("init: nothing was written, as you chose")
