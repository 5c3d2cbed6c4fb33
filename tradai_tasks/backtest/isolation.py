"""Run a backtest without network access, in a Linux network namespace."""

from __future__ import annotations

import os
import socket
import tempfile
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path

from tradai_tasks.backtest.markets import Markets
from tradai_tasks.process import sandbox_fault
from tradai_tasks.sandbox import Sandbox

_TICK = 0.1  # seconds between two checks whether to stop
# Sockets of programs with network access of their own, which they would use on request.
_SOCKETS = (
    "/run/docker.sock", "/run/containerd", "/run/podman", "/run/crio", "/run/dbus", "/run/systemd",
    "/run/libvirt", "/run/snapd.socket",
)  # fmt: skip


@dataclass(frozen=True, kw_only=True, slots=True)
class Isolation:
    """How a backtest runs without network access on this machine."""

    sandbox: Sandbox | None  # None if there is no sandbox: then no child process may be started
    why_not: str = ""

    @contextmanager
    def entered(self, markets: Markets) -> Iterator[Callable[..., list[str]]]:
        """Yield a function that wraps a command so that it runs without network."""
        if self.sandbox is None:
            yield lambda *command: list(command)
            return
        with ExitStack() as stack:
            # a short path: those of Unix sockets are limited to 108 bytes
            folder = stack.enter_context(tempfile.TemporaryDirectory(prefix="tradai-", dir="/tmp"))  # nosec B108 - made by mkdtemp
            place = str(Path(folder, "markets"))
            listener = stack.enter_context(socket.socket(socket.AF_UNIX))
            listener.bind(place)
            listener.listen()
            listener.settimeout(_TICK)
            stop = threading.Event()
            waiter = threading.Thread(target=_answer, args=(listener, markets, stop))
            waiter.start()
            stack.callback(waiter.join)
            stack.callback(stop.set)
            inside = Sandbox(hide=self.sandbox.hide, network=False, listen=(markets.port, place))
            yield inside.argv


def isolation_of(env: Mapping[str, str]) -> Isolation:
    """Return how a backtest runs without network access here."""
    hide = [Path(path) for path in _SOCKETS]
    hide.append(Path(f"/run/user/{os.getuid()}"))
    host = env.get("DOCKER_HOST", "")
    hide += [Path(host.removeprefix("unix://"))] if host.startswith("unix://") else []
    hide += [Path(env["SSH_AUTH_SOCK"])] if env.get("SSH_AUTH_SOCK") else []
    there = sorted({path.resolve() for path in hide if path.exists()})
    sandbox = Sandbox(hide=tuple(there), network=False)
    why_not = sandbox_fault(sandbox)
    return Isolation(sandbox=None if why_not else sandbox, why_not=why_not)


def _answer(listener: socket.socket, markets: Markets, stop: threading.Event) -> None:
    """Receive the listening socket of the namespace, and have the market server answer on it."""
    while not stop.is_set():
        try:
            connection, _ = listener.accept()
        except TimeoutError:
            continue
        with connection:
            _, handed, _, _ = socket.recv_fds(connection, 1, 1)
            for one in handed:
                markets.answer(socket.socket(fileno=one))
            connection.sendall(b"x")
        return
