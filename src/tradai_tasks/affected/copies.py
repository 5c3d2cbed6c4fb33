"""A copy of this process for one piece of work: it begins at once, with all that was read."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Callable

__all__ = ["Copy"]


class Copy:
    """A forked process that hands the outcome of its work back as bytes, and ends.

    A pool of processes takes as long to begin as half the work here, and every text would be
    written to it.
    """

    def __init__(self, work: Callable[[], bytes]) -> None:
        """Begin; where the system has no room for another process, nothing is done."""
        self._reader, writer = os.pipe()
        try:
            self._pid = os.fork()
        except OSError:
            self._pid = -1
        if self._pid == 0:
            try:
                with os.fdopen(writer, "wb") as file:
                    file.write(work())
            finally:
                os._exit(0)  # what the first process would do at its end is not for this one
        os.close(writer)

    def outcome(self) -> bytes:
        """Wait for the outcome; it is not whole where the work failed."""
        with os.fdopen(self._reader, "rb") as file:
            data = file.read()
        if self._pid > 0:
            with contextlib.suppress(ChildProcessError):
                os.waitpid(self._pid, 0)
        return data
