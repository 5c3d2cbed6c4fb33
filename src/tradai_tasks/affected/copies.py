"""A copy of this process for one piece of work: it begins at once, with all that was read."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Callable
from typing import Self

__all__ = ["MOST_PROCESSES", "Copy", "Shared"]

MOST_PROCESSES = 8  # for one piece of work; more wait for what one alone can do
_WIDTH = 4  # bytes of a number


class Shared:
    """The numbers below a count, each of which one process takes: this one, or a copy of it.

    They lie in a pipe, so that no process waits for another, and none ends long before the rest.
    """

    def __init__(self, count: int) -> None:
        """Lay the numbers out; a thousand fit into any pipe (4 KiB where a user has many)."""
        self._reader, writer = os.pipe()
        with os.fdopen(writer, "wb") as file:
            file.write(b"".join(number.to_bytes(_WIDTH, "big") for number in range(count)))

    def take(self) -> int | None:
        """Return the next number; None where all are taken."""
        taken = os.read(self._reader, _WIDTH)
        return int.from_bytes(taken, "big") if taken else None

    def __enter__(self) -> Self:
        """Return the numbers."""
        return self

    def __exit__(self, *_: object) -> None:
        """Let the pipe go."""
        os.close(self._reader)


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
