"""Run subprocesses; no other module starts one.

The tools of a nox session go through nox's own `session.run`. Unit tests close this door and record
what would have gone through.
"""

from __future__ import annotations

import functools
import os
import shutil
import signal
import subprocess  # nosec B404 - the only use: argument lists, never a shell
import sys
import tempfile
import threading
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, BinaryIO

import msgspec

from tradai_tasks.errors import CommandFailedError, StoppedError, ToolMissingError
from tradai_tasks.parent_watch import leashed

if TYPE_CHECKING:
    from tradai_tasks.sandbox import Sandbox

# git's last lines, which are the same for every fault; the reason stands before them
_NO_REASON = (
    "error: failed to push some refs",
    "fatal: Could not read from remote repository",
    "Please make sure you have the correct access rights",
    "and the repository exists.",
)
# Longer input, as a list of paths, is sent as a file: `subprocess` pipes it in steps of 512 bytes.
_MOST_PIPED = 1 << 14
_TICK = 0.1  # seconds between two checks whether to stop
# Seconds for a command to end after an interrupt, and after a SIGTERM. A cancelled CI job has ten
# in all; nox gives its own commands half of one.
_PATIENCE = (1.0, 0.5)
_INSTALL_HINTS = {
    "git": "install git",
    "uv": "install uv, or nox with its extra: nox[uv]",
    "docker": "install a Docker engine with the compose plugin and start it",
}
# The newest that run on Node 20.
_NODE_PACKAGES = {"wrangler": "wrangler@4.86.0", "devcontainer": "@devcontainers/cli@0.89.0"}


class Completed(msgspec.Struct, frozen=True, kw_only=True):
    """The result of a command: exit status and raw output."""

    argv: tuple[str, ...]
    returncode: int
    stdout: bytes
    stderr: bytes

    @property
    def text(self) -> str:
        """Standard output as text; bytes that are no UTF-8 survive as surrogates."""
        return self.stdout.decode("utf-8", "surrogateescape")

    @property
    def error_text(self) -> str:
        """Standard error as text for a message, stripped."""
        return self.stderr.decode("utf-8", "replace").strip()

    @property
    def last_error(self) -> str:
        """The last line of standard error, which mostly has the reason."""
        lines = [line.strip() for line in self.error_text.splitlines()]
        said = [line for line in lines if line and not line.startswith(_NO_REASON)]
        return (said or lines or ["no message"])[-1]


def usable_cores() -> int:
    """Return how many cores this process may use, which a container or taskset can narrow."""
    if hasattr(os, "sched_getaffinity"):  # Linux
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def find_tool(name: str, *, env: Mapping[str, str] | None = None) -> str:
    """Return the path of an executable; raise ToolMissingError if it is not on PATH."""
    path = (env or os.environ).get("PATH", os.defpath)
    found = shutil.which(name, path=path)
    if found is None:
        hint = _INSTALL_HINTS.get(name, f"install {name}")
        raise ToolMissingError(f"{name}: not found on PATH; {hint}")
    return found


def node_tool(name: str) -> list[str]:
    """Return the command of a tool from the npm registry: the installed one, else through npx.

    Raises:
        ToolMissingError: Neither is on PATH.
    """
    if shutil.which(name) is not None:
        return [name]
    package = _NODE_PACKAGES[name]
    if shutil.which("npx") is None:
        raise ToolMissingError(
            f"{name}: not found on PATH, nor is npx, which would fetch it; install Node.js, or the "
            f"tool: npm install --global {package}"
        )
    return ["npx", "--yes", "--", package]


def run(  # noqa: PLR0913 - the options of a subprocess
    argv: Sequence[str],
    *,
    cwd: Path | str,
    env: Mapping[str, str] | None = None,
    stdin: bytes | None = None,
    check: bool = True,
    timeout: float | None = None,
    umask: int = -1,
    sandbox: Sandbox | None = None,
    stop: threading.Event | None = None,
) -> Completed:
    """Run a command to its end and return what it printed.

    Args:
        argv: Program and arguments, never a shell line.
        env: The whole environment of the command; the caller's own if None.
        check: Whether a status other than 0 is an error.
        timeout: Seconds after which the command is ended.
        umask: The umask of the command; this process's own if -1.
        stop: Event that interrupts the command, as by Ctrl-C, and then ends it.

    Raises:
        ToolMissingError: The program is not on PATH.
        StoppedError: It was stopped.
        CommandFailedError: With `check`, it ended with another status than 0; or it took too long.
    """
    program = find_tool(argv[0], env=env)
    given: dict[str, Any] = {
        "args": _within(sandbox, program, *argv[1:]),
        "cwd": cwd,
        "env": None if env is None else dict(env),
        "umask": umask,
    }
    sent = b"" if stdin is None else stdin
    try:
        if stop is None and len(sent) > _MOST_PIPED:
            with tempfile.TemporaryFile() as source:  # of no name
                source.write(sent)
                source.seek(0)
                done = subprocess.run(  # nosec B603 - as above
                    **given, stdin=source, timeout=timeout, capture_output=True, check=False
                )
        elif stop is None:
            done = subprocess.run(  # nosec B603 - as above
                **given, input=sent, timeout=timeout, capture_output=True, check=False
            )
        else:
            done = _run_until(stop, sent, timeout, **given)
    except subprocess.TimeoutExpired as expired:
        raise CommandFailedError(
            f"{_shown(argv)}: not done after {expired.timeout:g} s; ended"
        ) from None
    if stop is not None and stop.is_set():
        raise StoppedError(f"{_shown(argv)}: stopped")
    completed = Completed(
        argv=tuple(argv), returncode=done.returncode, stdout=done.stdout, stderr=done.stderr
    )
    if check and completed.returncode != 0:
        raise CommandFailedError(
            f"{_shown(argv)}: exit status {completed.returncode}: {completed.last_error}"
        )
    return completed


def _run_until(
    stop: threading.Event, stdin: bytes, timeout: float | None, args: list[str], **given: Any
) -> subprocess.CompletedProcess[bytes]:
    """Run a command as `subprocess.run` does, and end it once the event is set."""
    pipes: dict[str, Any] = dict.fromkeys(("stdin", "stdout", "stderr"), subprocess.PIPE)
    ended = None if timeout is None else time.monotonic() + timeout
    sent: bytes | None = stdin
    out = err = b""
    with subprocess.Popen(args, **pipes, **given) as process:  # nosec B603 - as above
        try:
            while not stop.is_set():
                try:
                    out, err = process.communicate(sent, _TICK)
                    break
                except subprocess.TimeoutExpired:
                    sent = None  # it has it
                    if ended is not None and time.monotonic() > ended:
                        raise subprocess.TimeoutExpired(args, timeout or 0.0) from None
        finally:
            _end(process)
    return subprocess.CompletedProcess(args, process.returncode, out, err)


def run_logged(  # noqa: PLR0913 - as above
    argv: Sequence[str],
    *,
    cwd: Path | str,
    log: BinaryIO,
    env: Mapping[str, str] | None = None,
    stop: threading.Event | None = None,
    sandbox: Sandbox | None = None,
    pass_fds: Sequence[int] = (),
) -> int:
    """Run a command as `run` does, with its output in an open file; return its exit status.

    Raises:
        ToolMissingError: The program is not on PATH.
        StoppedError: It was stopped.
    """
    program = find_tool(argv[0], env=env)
    stop = stop or threading.Event()
    # in this process's own group: what ends the group, a CI's cancellation say, ends it too;
    # and on a leash, for where this process alone is killed
    process = subprocess.Popen(  # nosec B603 - as above
        leashed(*_within(sandbox, program, *argv[1:])),
        cwd=cwd,
        env=None if env is None else dict(env),
        stdin=subprocess.DEVNULL,
        stdout=log,
        stderr=subprocess.STDOUT,
        pass_fds=pass_fds,
    )
    try:
        while not stop.is_set():
            try:
                return process.wait(timeout=_TICK)
            except subprocess.TimeoutExpired:
                continue
    finally:
        _end(process)
    raise StoppedError(f"{_shown(argv)}: stopped")


def _end(process: subprocess.Popen[bytes]) -> None:
    """End a process that is still running: by an interrupt, then SIGTERM, then SIGKILL."""
    gentle, firm = _PATIENCE
    for number, seconds in (
        (signal.SIGINT, gentle),
        (signal.SIGTERM, firm),
        (signal.SIGKILL, None),
    ):
        if process.poll() is not None:
            return
        process.send_signal(number)
        try:
            process.wait(timeout=seconds)
        except subprocess.TimeoutExpired:
            continue


@functools.cache
def sandbox_fault(sandbox: Sandbox) -> str:
    """Return why this machine cannot sandbox commands; empty if it can."""
    if sys.platform != "linux":
        return f"{sys.platform} has no namespaces"
    from tradai_tasks.sandbox import PROBE  # noqa: PLC0415 - with ctypes, and few sessions ask

    done = run(sandbox.argv(PROBE), cwd="/", check=False)
    if done.returncode == 0:
        return ""
    said = done.error_text.rpartition("\n")[2].removeprefix("no sandbox: ")
    return said or f"exit status {done.returncode}"


def _within(sandbox: Sandbox | None, *command: str) -> list[str]:
    return list(command) if sandbox is None else sandbox.argv(*command)


def _shown(argv: Sequence[str]) -> str:
    """Return the start of a command line, enough to recognise it."""
    return " ".join([*argv[:4], *(["..."] if argv[4:] else [])])
