"""A process that forks itself on request: each fork runs one function with all that it knows.

It is forked before a program starts threads, since a lock that another thread holds at that moment
would stay locked. Linux only.
"""

from __future__ import annotations

import contextlib
import json
import os
import select
import signal
import socket
import subprocess
import sys
import traceback
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path
from typing import NoReturn, Self, TextIO

_WIDTH = 8  # bytes of a number: a fork's process id, then its exit status
_THREADS = Path("/proc/self/task")  # a folder for each thread, those of libraries too

Work = Callable[[Sequence[str]], int]  # a command line -> its exit status


def may_fork() -> bool:
    """Return whether this process has a single thread, and a system on which that can be told."""
    return sys.platform == "linux" and len([*_THREADS.iterdir()]) == 1


class Fork:
    """A forked process, with what `subprocess.Popen` has of it."""

    def __init__(self, pid: int, output: int, life: socket.socket) -> None:
        """Take its id, the end of its output to read from, and what says how it ended."""
        self.pid = pid
        self.returncode: int | None = None
        self.stdout = os.fdopen(output, "rb")
        self._life = life

    def wait(self, timeout: float | None = None) -> int:
        """Wait for its end and return its exit status; SIGKILL's if nobody is left to say.

        Several threads may wait at once; TimeoutExpired is raised after so many seconds.
        """
        if self.returncode is None:
            end = select.poll()
            end.register(self._life, select.POLLIN)
            if not end.poll(None if timeout is None else timeout * 1000):
                raise subprocess.TimeoutExpired(str(self.pid), timeout or 0)
            told = self._life.recv(_WIDTH, socket.MSG_PEEK)
            self.returncode = _number(told) if told else -signal.SIGKILL
        return self.returncode

    def __enter__(self) -> Self:
        """Return it."""
        return self

    def __exit__(self, *_: object) -> None:
        """Close its output, and wait."""
        self.stdout.close()
        self.wait()

    def __del__(self) -> None:
        """Close the line, which no thread waits at any more."""
        self._life.close()


class ForkServer:
    """The process that forks, and this one's line to it."""

    def __init__(self, work: Work) -> None:
        """Start it; raise OSError if the system has no room for another process.

        `work` is what each fork runs; its exit status is the fork's.
        """
        # what is in the buffers would be written by every fork
        sys.stdout.flush()
        sys.stderr.flush()
        self._requests, theirs = socket.socketpair(type=socket.SOCK_SEQPACKET)
        with theirs:
            self._pid = os.fork()
            if self._pid == 0:
                self._requests.close()
                _ended_by(partial(_serve, theirs, work))

    def start(self, argv: Sequence[str], cwd: str | None) -> Fork | None:
        """Run a command line in a fork; None, and nothing was run, where that cannot be.

        Standard error goes where output goes, and there is no input. The fork begins a session of
        the operating system, so a signal to its group reaches all that it starts.
        """
        with contextlib.ExitStack() as undo:
            try:
                mine, theirs = map(undo.enter_context, socket.socketpair())
                output, writer = os.pipe()
                undo.callback(os.close, output)
                with theirs, os.fdopen(writer, "wb"):
                    socket.send_fds(self._requests, [b"x"], [writer, theirs.fileno()])
                mine.sendall(json.dumps([argv, cwd]).encode())
                mine.shutdown(socket.SHUT_WR)
                told = mine.recv(_WIDTH, socket.MSG_WAITALL)
            except OSError:  # no more processes or files, or the server was killed
                return None
            if not told:
                return None
            undo.pop_all()
            return Fork(_number(told), output, mine)

    def close(self) -> None:
        """End the server, once all that it has forked has ended."""
        self._requests.close()
        os.waitpid(self._pid, 0)


# --- below: in the server and its forks ----------------------------------------------------------


def _ended_by(action: Callable[[], int]) -> NoReturn:
    """Act and end with its status, without what this process would do at its end."""
    status = 1
    try:
        status = action()
    except SystemExit as ending:
        said = ending.code or 0
        status = said if isinstance(said, int) else 1
        if not isinstance(said, int):
            print(said, file=sys.stderr)
    except BaseException:
        traceback.print_exc()
    finally:
        with contextlib.suppress(OSError):  # nobody reads any more
            sys.stdout.flush()
            sys.stderr.flush()
        os._exit(status)


def _serve(requests: socket.socket, work: Work) -> int:
    """Fork for each request, until there is nobody to ask."""
    os.setsid()  # an interrupt at the terminal is for the process that asks
    while True:
        asked, files, _, _ = socket.recv_fds(requests, 1, 2)
        # those that are waited for count for what the whole run took
        with contextlib.suppress(ChildProcessError):
            while os.waitpid(-1, os.WNOHANG if asked else 0)[0]:
                pass
        if not asked:
            return 0
        with contextlib.suppress(OSError):  # no room for a process: the asker sees the line close
            if os.fork() == 0:
                requests.close()
                _ended_by(partial(_attend, files[0], files[1], work))
        for file in files:
            os.close(file)


def _attend(output: int, line: int, work: Work) -> int:
    """Fork once more, wait for the fork and tell how it ended."""
    with socket.socket(fileno=line) as life:
        pid = os.fork()
        if pid == 0:
            _ended_by(partial(_begin, output, life, work))
        os.close(output)
        _, status = os.waitpid(pid, 0)
        with contextlib.suppress(OSError):  # nobody asks any more
            life.sendall(_bytes(os.waitstatus_to_exitcode(status)))
    return 0


def _begin(output: int, life: socket.socket, work: Work) -> int:
    """Take the place that `subprocess.Popen` would give a process, and do the work."""
    os.setsid()
    with life, life.makefile("rb") as order:
        argv, cwd = json.loads(order.read())
        life.sendall(_bytes(os.getpid()))
    nothing = os.open(os.devnull, os.O_RDONLY)
    for source, target in ((nothing, 0), (output, 1), (output, 2)):
        os.dup2(source, target)
    os.close(nothing)
    os.close(output)
    # those of the first process may be files, in which Python would look for its place
    sys.stdout = _text(1, sys.stdout)
    sys.stderr = _text(2, sys.stderr)
    if cwd is not None:
        os.chdir(cwd)
    return work(argv)


def _text(target: int, like: TextIO) -> TextIO:
    return open(target, "w", buffering=1, encoding=like.encoding, errors=like.errors, closefd=False)


def _bytes(number: int) -> bytes:
    return number.to_bytes(_WIDTH, "big", signed=True)


def _number(data: bytes) -> int:
    return int.from_bytes(data, "big", signed=True)
