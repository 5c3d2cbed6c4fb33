"""A forked copy of this process does one piece of work: it begins at once, with all in memory."""

from __future__ import annotations

import os
from collections.abc import Callable
from typing import Self

MOST_PROCESSES = 8  # for one piece of work; more wait for what one alone can do
_WIDTH = 4  # bytes of a number
_RAISED = 1  # exit status of a copy whose work raised


class WorkQueue:
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


class ForkWorker:
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
            _work_and_exit(work, writer)
        os.close(writer)

    def outcome(self) -> bytes | None:
        """Wait for the outcome; None where the process could not begin, or was killed.

        Raises:
            Exception: What the work raised.
        """
        with os.fdopen(self._reader, "rb") as file:
            data = file.read()
        if self._pid < 0:
            return None
        _, status = os.waitpid(self._pid, 0)
        code = os.waitstatus_to_exitcode(status)
        if code == _RAISED and data:
            # bytes of a child of this process, over a pipe that only it has
            import pickle  # nosec B403 # noqa: PLC0415 - for a fault alone

            raise pickle.loads(data)  # nosec B301 # noqa: S301 - as above
        return data if code == 0 else None


def _work_and_exit(work: Callable[[], bytes], writer: int) -> None:
    """Do the work, hand its outcome or its exception over and end: never return."""
    code = 2
    try:
        with os.fdopen(writer, "wb") as file:
            try:
                data, done = work(), 0
            except Exception as fault:  # raised again in the first process
                data, done = _portable(fault), _RAISED
            file.write(data)
        code = done
    finally:
        os._exit(code)  # what the first process would do at its end is not for this one


def _portable(fault: Exception) -> bytes:
    """Return an exception as bytes, with the traceback as a note."""
    import pickle  # nosec B403 # noqa: PLC0415 - as above
    import traceback  # noqa: PLC0415 - as above

    fault.add_note("".join(traceback.format_exception(fault)))
    try:
        data = pickle.dumps(fault)
        pickle.loads(data)  # nosec B301 # noqa: S301 - made in the line before
    except Exception:  # whatever an exception of a third party does
        return pickle.dumps(RuntimeError("\n".join(fault.__notes__)))
    return data
