"""What `changes` answers in a repository: cold, warm and without a cache."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any

from tests.support.real import clean_env
from tradai_tasks.affected.selection.change_analysis import analyse_change
from tradai_tasks.affected.selection.selection import Selection
from tradai_tasks.errors import TasksError
from tradai_tasks.files.file_tree import DiskTree
from tradai_tasks.repository import read_repository

NO_CACHE = Path("/dev/null/none")  # where no folder can be


def selected(home: Path, cache: Path, base: str = "HEAD", head: str | None = None) -> Selection:
    """The selection with its reasons, as the session `changes` finds it."""
    return _found(home, cache, base, head)[0]


def answer(home: Path, cache: Path, base: str = "HEAD", head: str | None = None) -> Any:
    """All that is said of a change, an error too."""
    try:
        return _found(home, cache, base, head)
    except TasksError as error:
        return type(error).__name__, str(error)


def _found(home: Path, cache: Path, base: str, head: str | None) -> tuple[Selection, Any, Any]:
    found = analyse_change(
        read_repository(home, DiskTree(home)),
        clean_env(TRADAI_TASKS_CACHE=str(cache)),
        base=base,
        head=head,
    )
    return found.selection, found.warnings, found.edges


def one_answer(home: Path, warm: Path, base: str = "HEAD", head: str | None = None) -> Any:
    """The answer, which must be one: without a cache, with a new one, and with one of earlier runs.

    Args:
        home: The repository.
        warm: The folder of the cache that is kept.
        base: What the work tree is compared with.
        head: What is compared in place of the work tree.
    """
    cold = warm.with_name(f"{warm.name}-cold")
    shutil.rmtree(cold, ignore_errors=True)
    expected = answer(home, NO_CACHE, base, head)
    for cache in (cold, cold, warm, warm):
        assert answer(home, cache, base, head) == expected, cache.name
    return expected
