"""A server that forks itself: what its forks are, and that none whose end is unknown is green."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator, Sequence
from pathlib import Path

import pytest

from tradai_tasks.sessions.core.parallel.fork_server import Fork, ForkServer, may_fork

pytestmark = [
    pytest.mark.skipif(sys.platform != "linux", reason="forks are made on Linux"),
    pytest.mark.filterwarnings("ignore:.*multi-threaded:DeprecationWarning"),  # xdist has threads
]
KNOWN = {"answer": 42}


def work(argv: Sequence[str]) -> int:
    match argv[0]:
        case "tell":
            print(KNOWN["answer"], Path.cwd(), os.getpgrp() == os.getpid(), repr(sys.stdin.read(1)))
            print(*map(ascii, argv[1:]), file=sys.stderr)
        case "stop":
            sys.exit(int(argv[1]))
        case "end":
            sys.exit()
        case "message":
            sys.exit("a reason")
        case "raise":
            raise ValueError("of the work")
        case "sleep":
            print(os.getppid(), flush=True)
            time.sleep(60)
        case _:
            pass
    return len(argv) - 1


@pytest.fixture
def server() -> Iterator[ForkServer]:
    # the stand-in that pytest has for standard input cannot be read
    with pytest.MonkeyPatch.context() as patch, open(0, closefd=False) as own:
        patch.setattr("sys.stdin", own)
        made = ForkServer(work)
    yield made
    made.close()


def begun(server: ForkServer, *argv: str, cwd: str | None = None) -> Fork:
    fork = server.start(argv, cwd)
    assert fork is not None
    return fork


def test_a_fork_knows_all_and_stands_where_a_process_would(
    server: ForkServer, tmp_path: Path
) -> None:
    with begun(server, "tell", "é\udcff", cwd=str(tmp_path)) as fork:
        lines = fork.stdout.read().decode().splitlines()
    assert lines == [f"42 {tmp_path} True ''", ascii("é\udcff")]
    assert fork.returncode == 1


@pytest.mark.parametrize(
    ("argv", "status", "said"),
    [
        (("stop", "3"), 3, b""),
        (("message",), 1, b"a reason\n"),
        (("raise",), 1, b"ValueError: of the work\n"),
        (("nothing",), 0, b""),
        (("end",), 0, b""),
    ],
)
def test_a_fork_ends_as_a_process_would(
    server: ForkServer, argv: tuple[str, ...], status: int, said: bytes
) -> None:
    with begun(server, *argv) as fork:
        assert fork.stdout.read().endswith(said)
    assert fork.returncode == status


def test_forks_run_side_by_side_and_one_can_be_ended_with_all_that_it_started(
    server: ForkServer,
) -> None:
    with begun(server, "sleep") as slow:
        slow.stdout.readline()
        with begun(server, "tell") as quick:
            assert quick.wait() == 0
        with pytest.raises(subprocess.TimeoutExpired):
            slow.wait(timeout=0.01)
        waiting = threading.Thread(target=slow.wait)
        waiting.start()
        os.killpg(slow.pid, signal.SIGTERM)
        assert slow.wait(timeout=30) == -signal.SIGTERM
        waiting.join(30)
        assert not waiting.is_alive()
    slow.returncode = None  # as for a thread that begins to wait just before it is known
    assert slow.wait(timeout=1) == -signal.SIGTERM


def test_a_fork_whose_end_nobody_can_tell_is_no_success(server: ForkServer) -> None:
    with begun(server, "sleep") as fork:
        os.kill(int(fork.stdout.readline()), signal.SIGKILL)  # the one that waits for it
        assert fork.wait(timeout=30) == -signal.SIGKILL
        os.killpg(fork.pid, signal.SIGKILL)


def test_where_a_server_is_gone_nothing_is_run() -> None:
    server = ForkServer(work)
    os.kill(server._pid, signal.SIGKILL)
    os.waitid(os.P_PID, server._pid, os.WEXITED | os.WNOWAIT)
    before = len([*Path("/proc/self/fd").iterdir()])
    assert server.start(["tell"], None) is None
    assert len([*Path("/proc/self/fd").iterdir()]) == before
    server.close()


def test_a_process_with_a_second_thread_or_elsewhere_does_not_fork(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    end = threading.Event()
    thread = threading.Thread(target=end.wait)
    thread.start()
    assert not may_fork()
    end.set()
    thread.join()
    (tmp_path / "1").mkdir()
    monkeypatch.setattr("tradai_tasks.sessions.core.parallel.fork_server._THREADS", tmp_path)
    assert may_fork()
    monkeypatch.setattr("sys.platform", "darwin")
    assert not may_fork()
