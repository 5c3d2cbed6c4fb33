"""Reading and writing the workflow files on disk."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Sequence
from pathlib import Path

from tradai_tasks.errors import FileExistsAlreadyError, WorkflowDriftError
from tradai_tasks.workflows.choose import FOLDER
from tradai_tasks.workflows.drift import Change, diff_of

__all__ = ["check", "present", "put", "write"]

_SAID = {"new": "wrote", "drifted": "rewrote", "foreign": "overwrote", "stale": "deleted"}


def present(root: Path) -> dict[str, str]:
    """Return the text of every workflow file that is there, by its path from the root."""
    files = sorted([*(root / FOLDER).glob("*.yml"), *(root / FOLDER).glob("*.yaml")])
    return {f"{FOLDER}/{file.name}": file.read_text("utf-8", "replace") for file in files}


def check(changes: Sequence[Change]) -> None:
    """Print what differs, and fail where anything does.

    Raises:
        WorkflowDriftError: A file is not as it should be.
    """
    drifted = [change for change in changes if change.state != "same"]
    if not drifted:
        return
    print(diff_of(drifted), end="")
    words = {"new": "missing", "stale": "no longer fits"}
    named = ", ".join(f"{c.path} ({words.get(c.state, 'differs')})" for c in drifted)
    raise WorkflowDriftError(
        f"workflows: {named}; the diff is above; mend with: nox -s workflows{_options(drifted)}"
    )


def write(
    root: Path, changes: Sequence[Change], *, force: bool, prune: bool, dry_run: bool = False
) -> list[str]:
    """Make the files as they should be, and return a line on each thing done.

    Args:
        root: The repository.
        changes: From `drift.plan`.
        force: Whether to overwrite files that are not the library's.
        prune: Whether to delete files of the library that no longer fit.
        dry_run: Whether to print the diff instead.

    Raises:
        FileExistsAlreadyError: A file is not the library's, and `force` is not given; then
            nothing is written at all.
    """
    foreign = [change for change in changes if change.state == "foreign"]
    if foreign and not force:
        raise FileExistsAlreadyError(
            f"{', '.join(change.path for change in foreign)}: there, and not written by "
            f"tradai-tasks; nothing was written. See what would change with: "
            f"nox -s workflows -- --check; overwrite with: nox -s workflows -- --force; or leave "
            f"a file out by the setting workflows.exclude"
        )
    todo = [c for c in changes if c.state != "same" and (c.state != "stale" or prune)]
    kept = [c for c in changes if c.state == "stale" and not prune]
    said = [f"{c.path}: no longer fits; delete it with: nox -s workflows -- --prune" for c in kept]
    if dry_run:
        print(diff_of(todo), end="")
        return [f"{change.path}: {change.state}" for change in todo] + said
    for change in todo:
        put(root / change.path, change.new)
    same = sum(change.state == "same" for change in changes)
    done = [f"{_SAID[change.state]} {change.path}" for change in todo]
    return done + said + ([f"{same} up to date"] if same else [])


def put(file: Path, text: str | None) -> None:
    """Write a file whole or not at all; without a text, delete it."""
    if text is None:
        file.unlink()
        return
    file.parent.mkdir(parents=True, exist_ok=True)
    handle, name = tempfile.mkstemp(dir=file.parent, prefix=f".{file.name}.")
    try:
        with os.fdopen(handle, "w", encoding="utf-8") as stream:
            stream.write(text)
        Path(name).chmod(0o644)  # as git has it; a temporary file is its owner's alone
        Path(name).replace(file)
    except BaseException:
        Path(name).unlink(missing_ok=True)
        raise


def _options(changes: Sequence[Change]) -> str:
    states = {change.state for change in changes}
    options = [o for o, s in (("--force", "foreign"), ("--prune", "stale")) if s in states]
    return f" -- {' '.join(options)}" if options else ""
