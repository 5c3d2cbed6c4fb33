"""Read and write the workflow files on disk."""

from __future__ import annotations

import os
import posixpath
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path

from tradai_tasks.errors import FileExistsAlreadyError, FileNotWrittenError, WorkflowDriftError
from tradai_tasks.files.atomic_write import write_whole
from tradai_tasks.files.path_guard import require_inside
from tradai_tasks.report import say
from tradai_tasks.workflows.drift import Change, diff_of

_SAID = {"new": "wrote", "drifted": "rewrote", "foreign": "overwrote", "stale": "deleted"}


def check(changes: Sequence[Change]) -> None:
    """Print the differences, and raise WorkflowDriftError if there are any."""
    drifted = [change for change in changes if change.state != "same"]
    if not drifted:
        return
    say(*diff_of(drifted).split("\n")[:-1])
    words = {"new": "missing", "stale": "no longer fits", "foreign": "yours, not ours"}
    named = ", ".join(f"{c.twin or c.path} ({words.get(c.state, 'differs')})" for c in drifted)
    foreign = [change for change in drifted if change.state == "foreign"]
    own = f"keep yours by the setting {excluding(foreign)}; or " if foreign else ""
    raise WorkflowDriftError(
        f"workflows: {named}; the diff is above; {own}fix with: nox -s workflows{_options(drifted)}"
    )


def excluding(foreign: Sequence[Change]) -> str:
    """Return the setting by which files of the user stay in place of ours."""
    names = ", ".join(f'"{posixpath.basename(change.path)}"' for change in foreign)
    return f"workflows.exclude = [{names}]"


def write(
    root: Path, changes: Sequence[Change], *, force: bool, prune: bool, dry_run: bool = False
) -> list[str]:
    """Write the wanted files, or print the diff in a dry run; return a line on each change.

    `force` overwrites files that are not the library's; `prune` deletes its own that no longer fit.

    Raises:
        FileExistsAlreadyError: A file is not the library's and `force` is not given, or something
            that is not a file is in the way; then nothing is written at all.
        FileNotWrittenError: A file cannot be written.
    """
    foreign = [change for change in changes if change.state == "foreign"]
    if foreign and not force:
        raise FileExistsAlreadyError(
            f"{', '.join(change.twin or change.path for change in foreign)}: there, and not "
            f"written by tradai-tasks; nothing was written. Keep yours by the setting "
            f"{excluding(foreign)}; or see what would change with: nox -s workflows -- --check; "
            f"and overwrite with: nox -s workflows -- --force"
        )
    todo = [c for c in changes if c.state != "same" and (c.state != "stale" or prune)]
    kept = [c for c in changes if c.state == "stale" and not prune]
    said = [f"{c.path}: no longer fits; delete it with: nox -s workflows -- --prune" for c in kept]
    if dry_run:
        say(*diff_of(todo).split("\n")[:-1])
        return [f"{change.path}: {change.state}" for change in todo] + said
    put_all(root, {change.path: change.new for change in todo})
    same = sum(change.state == "same" for change in changes)
    done = [f"{_SAID[change.state]} {change.path}" for change in todo]
    return done + said + ([f"{same} up to date"] if same else [])


def make_sure_of_room(root: Path, paths: Iterable[str]) -> None:
    """Raise FileExistsAlreadyError unless each path is free or a file, and its parents folders."""
    for path in paths:
        file = root / path
        folders = [parent for parent in file.parents if parent.is_relative_to(root)]
        for place in reversed([file, *folders]):
            good = place.is_file() if place == file else place.is_dir()
            if not good and os.path.lexists(place):
                raise FileExistsAlreadyError(
                    f"{place.relative_to(root).as_posix()}: there, and no "
                    f"{'file' if place == file else 'folder'}; nothing was written; "
                    f"move it away first"
                )


def put_all(root: Path, texts: Mapping[str, str | None]) -> None:
    """Write files by their paths from the root; delete those without a text.

    Raises:
        FileExistsAlreadyError: Something is in the way of one; then nothing is written at all.
        FileNotWrittenError: One cannot be written; those before it are written.
    """
    make_sure_of_room(root, texts)
    for path in texts:
        require_inside(root, root / path)
    for path, text in texts.items():
        try:
            put(root / path, text)
        except OSError as error:
            raise FileNotWrittenError(
                f"{path}: cannot be written: {error.strerror}; fix that and run it again"
            ) from None


def put(file: Path, text: str | None) -> None:
    """Write a file atomically; without a text, delete it."""
    if text is None:
        file.unlink()
        return
    file.parent.mkdir(parents=True, exist_ok=True)
    write_whole(file, text.encode(), mode=0o644)


def _options(changes: Sequence[Change]) -> str:
    states = {change.state for change in changes}
    options = [o for o, s in (("--force", "foreign"), ("--prune", "stale")) if s in states]
    return f" -- {' '.join(options)}" if options else ""
