"""Part of `run.py`: refuse connections to other machines, and record child processes."""

from __future__ import annotations

import sys
from collections.abc import Callable, Sequence
from typing import Any

_LOCAL = ("127.0.0.1", "::1", "localhost", "")
_SENDING = frozenset({"socket.connect", "socket.sendto", "socket.sendmsg"})
# audit events of starting or becoming another process
_STARTING = {"subprocess.Popen", "os.exec", "os.fork", "os.forkpty", "os.posix_spawn", "os.spawn"}
_STARTING |= {"os.system", "pty.spawn"}


def refused_host(event: str, args: Sequence[Any]) -> str | None:
    """Return the target of a forbidden connection; None if it is allowed."""
    host: Any
    port: Any = ""
    if event == "socket.getaddrinfo":
        host, port = args[0], args[1]
    elif event == "socket.gethostbyname":
        host = args[0]
    elif event in _SENDING and isinstance(args[1], tuple):  # else a Unix socket, or a connected one
        host, port = args[1][0], args[1][1]
    else:
        return None
    name = host.decode("ascii", "replace") if isinstance(host, bytes) else str(host or "")
    return None if name in _LOCAL else f"{name}:{port}".rstrip(":")


def started_child(event: str, args: Sequence[Any]) -> str | None:
    """Return the program that an audit event starts; None for other events."""
    if event not in _STARTING:
        return None
    named = args[1] if event in {"subprocess.Popen", "os.spawn"} and len(args) > 1 else args[:1]
    words = [named] if isinstance(named, (str, bytes)) else [*named][:1]
    first = words[0] if words else ""
    text = first.decode(errors="replace") if isinstance(first, bytes) else str(first)
    return text.partition(" ")[0].rpartition("/")[2] or event


def forbid(  # pragma: no cover - an audit hook cannot be removed
    blocked: list[str], children: list[str], own: Sequence[str], save: Callable[[], None]
) -> None:
    """Refuse connections to other machines from now on; record them, and child processes."""

    def hook(event: str, args: tuple[Any, ...]) -> None:
        if event == "subprocess.Popen" and args[1] == own:
            return
        child = started_child(event, args)
        if child is not None and child not in children:
            children.append(child)
            save()
        host = refused_host(event, args) if event.startswith("socket.") else None
        if host is not None:
            if host not in blocked:
                blocked.append(host)
                save()
            raise PermissionError(f"{host}: a backtest reads its candles and nothing else")

    sys.addaudithook(hook)
