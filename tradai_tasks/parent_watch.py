"""Run a command and interrupt it when the process that started it dies.

    python -m tradai_tasks.parent_watch PID PROGRAM [ARGUMENT ...]

PID is that process's own. Without this, a release that is killed would leave its gates running, and
they would get in the way of the next try. It needs Linux; elsewhere the command is just run.
"""

from __future__ import annotations

import os
import signal
import sys

__all__ = ["leashed", "main"]

_PR_SET_PDEATHSIG = 1  # <linux/prctl.h>; what it sets is kept by exec


def leashed(program: str, *args: str) -> list[str]:
    """Return a command that is ended with this very process."""
    # -P: the folder that it runs in is not to be imported from
    return [
        sys.executable,
        "-P",
        "-m",
        "tradai_tasks.parent_watch",
        str(os.getpid()),
        program,
        *args,
    ]


def main(argv: list[str]) -> None:
    """Become the command."""
    parent, program, *args = argv
    # a shell without job control has what it puts into the background ignore interrupts
    signal.signal(signal.SIGINT, signal.SIG_DFL)
    if sys.platform == "linux":
        import ctypes  # noqa: PLC0415 - only here

        # an interrupt, so that nox ends what it has started
        ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGINT)
        if os.getppid() != int(parent):  # it died before the call
            sys.exit(f"{program}: not begun, since process {parent} has ended")
    os.execv(program, [program, *args])  # noqa: S606 # nosec B606 - an argument list, no shell


if __name__ == "__main__":
    main(sys.argv[1:])
