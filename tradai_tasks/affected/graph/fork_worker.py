"""A forked copy of this process does one piece of work: it begins at once, with all in memory."""

from __future__ import annotations

import os
from collections.abc import Callable

MOST_PROCESSES = 8  # for one piece of work; more wait for what one alone can do


class ForkWorker:
    """A forked process that hands the outcome of its work back as bytes, and ends.

    Where the system has no room for another process, nothing is done.

    A pool of processes takes as long to begin as half the work here, and every text would be
    written to it.
    """

    def __init__(self, work: Callable[[], bytes]) -> None:
        self._reader, writer = os.pipe()
        try:
            self._pid = os.fork()
        except OSError:
            self._pid = -1
        if self._pid == 0:
            _work_and_exit(work, writer)
        os.close(writer)

    def outcome(self) -> bytes:
        """Wait for the outcome; empty where the process could not begin, failed, or was killed."""
        with os.fdopen(self._reader, "rb") as file:
            data = file.read()
        failed = self._pid < 0 or os.waitpid(self._pid, 0)[1] != 0
        return b"" if failed else data


def _work_and_exit(work: Callable[[], bytes], writer: int) -> None:
    """Do the work, hand its outcome over and end: never return."""
    code = 1
    try:
        with os.fdopen(writer, "wb") as file:
            file.write(work())
        code = 0
    finally:
        os._exit(code)  # what the first process would do at its end is not for this one
