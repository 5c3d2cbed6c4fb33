"""Run a command and interrupt it when the process that started it dies.

    python -m tradai_tasks.parent_watch PID PROGRAM [ARGUMENT ...]

PID is that process's own. Without this, a release that is killed would leave its gates running, and
they would get in the way of the next try. It needs Linux; elsewhere the command is just run.
"""

from __future__ import annotations

import os
import signal
import sys

_PR_SET_PDEATHSIG = 1  # from <linux/prctl.h>; the setting survives exec


def leashed(program: str, *args: str) -> list[str]:
    """Return a command that is interrupted when this process dies."""
    # -P: do not import from the folder that it runs in
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
    """Replace this process by the command."""
    parent, program, *args = argv
    # a shell without job control makes background processes ignore interrupts
    signal.signal(signal.SIGINT, signal.SIG_DFL)
    if sys.platform == "linux":
        import ctypes  # noqa: PLC0415 - only here

        # an interrupt, so that nox ends what it has started
        ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGINT)
        if os.getppid() != int(parent):  # the parent died before the call
            sys.exit(f"{program}: not begun, since process {parent} has ended")
    os.execv(program, [program, *args])  # noqa: S606 # nosec B606 - an argument list, no shell


if __name__ == "__main__":
    main(sys.argv[1:])
