"""Run a command in Linux namespaces of its own: folders hidden or read-only, no network.

    python -m tradai_tasks.sandbox ORDER PROGRAM [ARGUMENT ...]

ORDER is JSON. The command runs as the same user, in a user namespace below that of whoever started
it. From there neither the memory nor the environment of a process outside can be read, not even
by root. The mounts are made in one namespace and the command runs in a second one below, where
they are locked: it cannot unmount what hides a folder. A folder above what is hidden or read-only
cannot be renamed, so nothing else is put in its place for those outside.

What the command starts ends with it, also what has left its session and its parent: this process
stays outside, takes in what is orphaned, and kills what is left.

Without user namespaces (macOS, containers that forbid them, Ubuntu's AppArmor rule) there is no
sandbox: `process.sandbox_fault` returns the reason, and callers decide what that means.
"""

from __future__ import annotations

import contextlib
import ctypes
import fcntl
import functools
import json
import os
import signal
import socket
import struct
import sys
import time
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import cast

_NEWNS, _NEWUSER, _NEWNET = 0x00020000, 0x10000000, 0x40000000  # <linux/sched.h>
_RDONLY, _REMOUNT, _BIND, _REC, _PRIVATE = 1, 32, 4096, 16384, 1 << 18  # <linux/mount.h>
_NOSUID, _NODEV, _NOEXEC, _NOATIME, _NODIRATIME, _RELATIME = 2, 4, 8, 1024, 2048, 1 << 21
# <linux/prctl.h>
_SET_PDEATHSIG, _GET_PDEATHSIG, _SET_DUMPABLE, _SET_CHILD_SUBREAPER = 1, 2, 4, 36
_ENDING = 30.0  # seconds for what is left to be gone once it is killed
_SIOCSIFFLAGS, _IFF_UP = 0x8914, 1
PROBE = "--probe"  # in place of a program: only see whether there is such a sandbox


@dataclass(frozen=True, kw_only=True, slots=True)
class Sandbox:
    """What a command may see."""

    hide: tuple[Path, ...] = ()  # folders that are empty for it
    read_only: tuple[Path, ...] = ()  # files and folders
    pinned: tuple[Path, ...] = ()  # folders; like those above all of these they cannot be renamed
    show: tuple[tuple[Path, Path], ...] = ()  # (folder, another that it is seen at): if hidden too
    network: bool = True  # without it: a loopback interface of its own, and no other
    # (port, Unix socket): a socket that listens there on its loopback is handed to whoever listens
    # at the Unix socket
    listen: tuple[int, str] | None = None

    def argv(self, *command: str) -> list[str]:
        """Return the command that runs another one in it."""
        order = {
            "hide": [str(path) for path in self.hide],
            "read_only": [str(path) for path in self.read_only],
            "pinned": [str(path) for path in self.pinned],
            "show": [[str(path), str(place)] for path, place in self.show],
            "network": self.network,
            "listen": self.listen,
        }
        # -P: the folder that it runs in is not to be imported from
        return [sys.executable, "-P", "-m", "tradai_tasks.sandbox", json.dumps(order), *command]


def close_memory() -> None:
    """Close this process's memory and environment to other processes of the same user, on Linux.

    Root still reads them, and so does whoever may trace its own processes elsewhere; a sandbox
    closes them to all that runs in it.
    """
    if sys.platform == "linux":
        _libc().prctl(_SET_DUMPABLE, 0, 0, 0, 0)


# --- below: in the process that becomes the command ----------------------------------------------


def main(argv: list[str]) -> None:  # pragma: no cover - in a process of its own
    """Run the command in the sandbox, and end with its status once all that it started is gone."""
    order, program, *args = argv
    libc = _libc()
    death = ctypes.c_int()
    libc.prctl(_GET_PDEATHSIG, ctypes.byref(death), 0, 0, 0)
    libc.prctl(_SET_CHILD_SUBREAPER, 1, 0, 0, 0)
    parent = os.getpid()
    passed_on = {signal.SIGINT, signal.SIGTERM, signal.SIGHUP, signal.SIGQUIT}
    before = signal.pthread_sigmask(signal.SIG_BLOCK, {*passed_on, signal.SIGCHLD})
    child = os.fork()
    if child == 0:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)
        _become(json.loads(order), program, args, parent, death.value or signal.SIGKILL)
    status = _awaited(child, passed_on)
    _end_all()
    if status < 0 and -status != signal.SIGKILL:
        signal.signal(-status, signal.SIG_DFL)
        signal.pthread_sigmask(signal.SIG_UNBLOCK, {-status})
    if status < 0:
        os.kill(parent, -status)
    sys.exit(status)


def _become(  # pragma: no cover - likewise
    wanted: dict[str, object], program: str, args: list[str], parent: int, death: int
) -> None:
    """Enter the sandbox and become the command, which ends with its parent."""
    os.setsid()  # without the terminal, into which it could type a command for the user's shell
    try:
        _enter(wanted)
        _libc().prctl(_SET_PDEATHSIG, death, 0, 0, 0)
        if os.getppid() != parent:
            os.kill(os.getpid(), signal.SIGKILL)
        if program != PROBE:
            os.execvp(program, [program, *args])  # noqa: S606 # nosec B606 - a list, no shell
    except OSError as error:
        what = f"{error.strerror}: {error.filename}" if error.filename else error.strerror
        sys.exit(f"no sandbox: {what}")
    sys.exit(0)


def _awaited(child: int, passed_on: set[signal.Signals]) -> int:  # pragma: no cover - likewise
    """Return the exit status of the command, to which signals are passed on until then."""
    while True:
        found = signal.sigwaitinfo({*passed_on, signal.SIGCHLD})
        if found.si_signo != signal.SIGCHLD:
            os.kill(child, found.si_signo)
            continue
        with contextlib.suppress(ChildProcessError):
            while (ended := os.waitpid(-1, os.WNOHANG))[0]:
                if ended[0] == child:
                    return os.waitstatus_to_exitcode(ended[1])


def _end_all() -> None:  # pragma: no cover - likewise
    """Kill what the command has left, generation by generation: orphans come to this process."""
    until = time.monotonic() + _ENDING
    with contextlib.suppress(ChildProcessError):  # no child any more
        while time.monotonic() < until:
            for pid in _children():
                with contextlib.suppress(ProcessLookupError, PermissionError):
                    os.kill(pid, signal.SIGKILL)
            while os.waitpid(-1, os.WNOHANG)[0]:
                pass
            time.sleep(0.005)
        sys.exit("no sandbox: processes of the command do not end")


def _children() -> list[int]:  # pragma: no cover - likewise
    """Return the children of this process, found among all that there are."""
    me = str(os.getpid())
    found = []
    for entry in Path("/proc").glob("[0-9]*"):
        with contextlib.suppress(OSError):
            stat = (entry / "stat").read_bytes()
            # the name before it is in brackets, and may hold some
            if stat.rpartition(b")")[2].split()[1].decode() == me:
                found.append(int(entry.name))
    return found


def _enter(wanted: dict[str, object]) -> None:  # pragma: no cover - likewise
    network = bool(wanted["network"])
    _unshare(_NEWNS | (0 if network else _NEWNET))
    if not network:
        _loopback_up()
    if isinstance(listen := wanted["listen"], list):
        _hand_over(*listen)
    _mount(None, "/", None, _REC | _PRIVATE)
    hidden, read_only, pinned = (
        [str(path) for path in _listed(wanted[key])] for key in ("hide", "read_only", "pinned")
    )
    _bind(read_only, pinned, hidden)
    for source, place in cast(list[list[str]], wanted["show"]):
        _mount(source, place, None, _BIND | _REC)
    for path in hidden:
        _hide(path)
    os.chdir(Path.cwd())  # through the new mounts
    _unshare(_NEWNS)  # below that of the mounts, which it cannot undo


def _listed(value: object) -> list[object]:  # pragma: no cover - likewise
    return value if isinstance(value, list) else []


def _unshare(flags: int) -> None:  # pragma: no cover - likewise
    """Enter a user namespace, where every user that there is keeps its number, and others."""
    if os.geteuid() != 0:
        user, group = os.geteuid(), os.getegid()
        _call("unshare", _NEWUSER | flags)
        _write("setgroups", "deny")
        _write("uid_map", f"{user} {user} 1")
        _write("gid_map", f"{group} {group} 1")
        return
    # root keeps its rights over files of others: the whole map, which only a process outside writes
    maps = {name: _same(Path("/proc/self", name).read_text()) for name in ("uid_map", "gid_map")}
    go, begin = os.pipe()
    me = os.getpid()
    helper = os.fork()
    if helper == 0:
        try:
            os.close(begin)
            if os.read(go, 1):
                for name, text in maps.items():
                    Path("/proc", str(me), name).write_text(text)
                os._exit(0)
        finally:
            os._exit(1)
    os.close(go)
    try:
        _call("unshare", _NEWUSER | flags)
        os.write(begin, b"x")
    finally:
        os.close(begin)
        _, status = os.waitpid(helper, 0)
    if status != 0:
        raise PermissionError(1, "the users of a namespace cannot be set")


def _same(text: str) -> str:  # pragma: no cover - likewise
    """Return a map of users to themselves: of all that there are here."""
    rows = [line.split() for line in text.splitlines()]
    return "".join(f"{first} {first} {count}\n" for first, _, count in rows)


def _write(name: str, text: str) -> None:  # pragma: no cover - likewise
    Path("/proc/self", name).write_text(text)


def _loopback_up() -> None:  # pragma: no cover - likewise
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as one:
        fcntl.ioctl(one, _SIOCSIFFLAGS, struct.pack("16sh22x", b"lo", _IFF_UP))


def _hand_over(port: int, address: str) -> None:  # pragma: no cover - likewise
    """Listen on a port of the loopback in here, for a process outside to answer."""
    with (
        socket.create_server(("127.0.0.1", port), backlog=64) as server,
        socket.socket(socket.AF_UNIX) as outside,
    ):
        outside.connect(address)
        socket.send_fds(outside, [b"x"], [server.fileno()])
        outside.recv(1)


def _bind(  # pragma: no cover - likewise
    read_only: Iterable[str], pinned: Iterable[str], hidden: Iterable[str]
) -> None:
    """Make paths read-only, and them and all above them and above what is hidden mount points.

    A mount point cannot be renamed or removed, so another folder cannot be put in its place.
    """
    wanted = {Path(path) for path in read_only}
    kept = {Path(path) for path in pinned}
    all_of_them = wanted | kept | {Path(path) for path in hidden}
    above = {parent for path in all_of_them for parent in path.parents if parent != parent.parent}
    for path in sorted(above | wanted | kept):
        _mount(str(path), str(path), None, _BIND | _REC)
        if path in wanted:
            _mount(None, str(path), None, _REMOUNT | _BIND | _RDONLY | _flags(str(path)))


def _flags(path: str) -> int:  # pragma: no cover - likewise
    """Return the flags of a mount, which must be kept."""
    found = os.statvfs(path).f_flag
    kept = found & (_NOSUID | _NODEV | _NOEXEC | _NOATIME | _NODIRATIME)
    return kept | (_RELATIME if found & os.ST_RELATIME else 0)


def _hide(path: str) -> None:  # pragma: no cover - likewise
    if Path(path).is_dir():
        _mount("none", path, "tmpfs", _RDONLY | _NOSUID | _NODEV | _NOEXEC, "size=4k,mode=0700")
    else:
        _mount("/dev/null", path, None, _BIND)


def _mount(  # pragma: no cover - likewise
    source: str | None, target: str, kind: str | None, flags: int, data: str | None = None
) -> None:
    given = [None if word is None else os.fsencode(word) for word in (source, target, kind)]
    _call("mount", *given, ctypes.c_ulong(flags), data and data.encode(), what=target)


def _call(name: str, *args: object, what: str | None = None) -> None:  # pragma: no cover - likewise
    if getattr(_libc(), name)(*args) != 0:
        number = ctypes.get_errno()
        raise OSError(number, f"{name}: {os.strerror(number)}", what)


@functools.cache
def _libc() -> ctypes.CDLL:
    return ctypes.CDLL(None, use_errno=True)


if __name__ == "__main__":  # pragma: no cover - likewise
    main(sys.argv[1:])
