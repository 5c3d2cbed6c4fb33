"""What a parallel run of nox passes on to the processes that it starts, one for each session.

It can do no harm out of date: if tests have gained or lost a marker, every test is still run.
"""

from __future__ import annotations

import os

from nox._options import NoxConfig

from tradai_tasks.repository import Repository

_MARKERS = "TRADAI_TASKS_MARKERS"  # "<id of the parent process> <marker> <marker>"


def share_markers(repository: Repository, options: NoxConfig | None) -> None:
    """Tell the processes of a parallel run which markers tests have; else each reads all tests."""
    if options and (options.parallel or 1) > 1 and not repository.is_of_strategies:
        os.environ[_MARKERS] = " ".join([str(os.getpid()), *sorted(repository.marked)])


def shared_markers(options: NoxConfig | None) -> frozenset[str] | None:
    """Return what the parent of this process said; None where this is no part of its run."""
    parent, *markers = os.environ.get(_MARKERS, "").split() or [""]
    if options and options.parallel_worker and parent == str(os.getppid()):
        return frozenset(markers)
    return None
