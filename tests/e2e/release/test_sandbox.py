"""A real sandbox, and commands in it that mean harm."""

from __future__ import annotations

import contextlib
import os
import pty
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from tradai_tasks.process import run, sandbox_fault
from tradai_tasks.sandbox import Sandbox

pytestmark = pytest.mark.skipif(
    bool(sandbox_fault(Sandbox())), reason="this machine has no namespaces"
)


def shell(sandbox: Sandbox, script: str, cwd: Path) -> str:
    done = run(["sh", "-c", script], cwd=cwd, sandbox=sandbox, check=False, timeout=60)
    return f"{done.text}{done.error_text}"


@pytest.mark.parametrize("is_folder", [True, False])
def test_nothing_is_put_in_the_place_of_what_is_hidden(tmp_path: Path, *, is_folder: bool) -> None:
    hidden = tmp_path / "home" / "state" / "tradai-tasks"
    hidden.mkdir(parents=True)
    (hidden / "key").write_text("genuine")
    sandbox = Sandbox(hide=(hidden if is_folder else hidden / "key",))
    for name in ("home", "home/state", "home/state/tradai-tasks"):
        there = tmp_path / name
        said = shell(sandbox, f"mv {there} {there}.old", tmp_path)
        assert "busy" in said or "cannot move" in said
    shell(sandbox, f"mkdir -p {hidden}; echo forged > {hidden}/key", tmp_path)
    assert (hidden / "key").read_text() == "genuine"


def test_what_a_command_leaves_behind_ends_with_it(tmp_path: Path) -> None:
    later = f"sleep 1; touch {tmp_path}/forged"
    begin = time.monotonic()
    # away from its session, its parent and its output; and one that begins new ones all the time
    script = (
        f"(setsid sh -c '{later}' >/dev/null 2>&1 &); setsid sh -c '{later}' &"
        "(setsid sh -c 'while :; do (sleep 0.01 &); done' &); echo done"
    )
    assert shell(Sandbox(), script, tmp_path) == "done\n"
    assert time.monotonic() - begin < 20
    time.sleep(1.5)
    assert not (tmp_path / "forged").exists()


def test_a_command_has_no_terminal() -> None:
    code = "import os; print(os.getsid(0) == os.getpid()); open('/dev/tty')"
    argv = Sandbox().argv(sys.executable, "-c", code)
    child, terminal = pty.fork()
    if child == 0:
        os.execv(argv[0], argv)
    said = b""
    with contextlib.suppress(OSError):  # its end, on Linux
        while part := os.read(terminal, 1000):
            said += part
    os.close(terminal)
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 1
    assert said.startswith(b"True")
    assert b"No such device or address: '/dev/tty'" in said


@pytest.mark.parametrize(
    ("script", "status"), [("exit 0", 0), ("exit 3", 3), ("kill -TERM $$", -signal.SIGTERM)]
)
def test_its_status_is_the_commands(tmp_path: Path, script: str, status: int) -> None:
    done = run(["sh", "-c", script], cwd=tmp_path, sandbox=Sandbox(), check=False)
    assert done.returncode == status


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGKILL])
def test_it_ends_with_what_runs_it(tmp_path: Path, number: signal.Signals) -> None:
    script = f"trap 'touch {tmp_path}/told; exit 5' INT TERM; echo up; sleep 5; touch {tmp_path}/on"
    argv = Sandbox().argv("sh", "-c", f"{script} & wait")
    with subprocess.Popen(argv, cwd=tmp_path, stdout=subprocess.PIPE) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == b"up\n"
        process.send_signal(number)
        assert process.wait(30) != 0
    time.sleep(5.2)
    assert not (tmp_path / "on").exists()
