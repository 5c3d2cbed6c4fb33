"""The processes of gates: their logs, and how they end."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest

from tests.support.real import clean_env, git, write
from tests.support.release_tags import TAG, repository
from tradai_tasks import process
from tradai_tasks.errors import (
    CommandFailedError,
    StoppedError,
)
from tradai_tasks.parent_watch import leashed
from tradai_tasks.process import run_logged


def test_what_a_command_says_goes_to_its_log(tmp_path: Path) -> None:
    log = tmp_path / "log"
    code = "import sys; print('out'); print('err', file=sys.stderr); sys.exit(3)"
    with log.open("wb") as opened:
        assert run_logged([sys.executable, "-uc", code], cwd=tmp_path, log=opened) == 3
    assert log.read_text() == "out\nerr\n"


@pytest.mark.parametrize("deaf", ["", "signal.signal(2, signal.SIG_IGN)"])
def test_a_command_is_stopped_also_one_that_does_not_listen(
    tmp_path: Path, deaf: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("tradai_tasks.process._PATIENCE", (0.5, 0.5))
    stop = threading.Event()
    log = tmp_path / "log"
    code = f"import signal, time; {deaf or 'pass'}; print('up', flush=True); time.sleep(600)"
    failed: list[BaseException] = []

    def work() -> None:
        try:
            with log.open("wb") as opened:
                run_logged([sys.executable, "-c", code], cwd=tmp_path, log=opened, stop=stop)
        except StoppedError as error:
            failed.append(error)

    thread = threading.Thread(target=work)
    thread.start()
    while not (log.exists() and "up" in log.read_text()):
        time.sleep(0.02)
    stop.set()
    thread.join(60)
    assert str(failed[0]).endswith("stopped")


def test_a_command_whose_output_is_wanted_is_stopped_too(tmp_path: Path) -> None:
    stop, begin = threading.Event(), time.monotonic()
    echo = [sys.executable, "-c", "import sys; print(sys.stdin.read()); sys.exit(3)"]
    done = process.run(echo, cwd=tmp_path, stdin=b"in", check=False, stop=stop)
    assert (done.returncode, done.stdout) == (3, b"in\n")
    slow = [sys.executable, "-c", "import time; time.sleep(600)"]
    with pytest.raises(CommandFailedError, match=r"not done after 0\.3 s; ended"):
        process.run(slow, cwd=tmp_path, timeout=0.3, stop=stop)
    threading.Timer(0.3, stop.set).start()
    with pytest.raises(StoppedError, match="stopped"):
        process.run(slow, cwd=tmp_path, stop=stop)
    assert time.monotonic() - begin < 30


@pytest.mark.parametrize(
    ("ended_by", "group"), [(signal.SIGINT, True), (signal.SIGTERM, False), (signal.SIGKILL, False)]
)
def test_however_a_release_is_ended_its_gates_end_too(
    tmp_path: Path, ended_by: signal.Signals, group: bool
) -> None:
    if sys.platform != "linux" and not group:
        pytest.skip("only Linux ends a process with its parent")
    home = repository(tmp_path / "strategies")
    write(home, {"noxfile.py": _OWN_LINT})
    git(home, "add", "-A")
    git(home, "commit", "-qm", "A lint of its own")
    git(home, "tag", TAG)
    log = tmp_path / "log"
    with log.open("w") as out:
        process = subprocess.Popen(
            # on a leash, since this very test run may have been told to ignore interrupts
            leashed(sys.executable, "-m", "nox", "-s", "release", "--", TAG, "--only", "lint"),
            cwd=home,
            env=clean_env(),
            stdout=out,
            stderr=out,
            start_new_session=True,
        )
    marker = home / "build" / "begun"
    for _ in range(1200):
        if (marker.exists() and marker.read_text()) or process.poll() is not None:
            break
        time.sleep(0.1)
    assert process.poll() is None, log.read_text()
    os.kill(-process.pid if group else process.pid, ended_by)
    process.wait(timeout=120)
    assert process.returncode != 0
    for _ in range(600):  # the gate's own process, two below
        if not _is_there(int(marker.read_text())):
            break
        time.sleep(0.1)
    assert not _is_there(int(marker.read_text()))
    assert "/tradai_tasks/" not in log.read_text()  # no traceback of its own, whatever lint's says
    assert not (home / "build" / "release" / TAG / "lint.json").exists()


def _is_there(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    stat = Path(f"/proc/{pid}/stat")  # a dead one may wait for its new parent to take notice
    return not (stat.exists() and stat.read_text().rpartition(")")[2].split()[0] == "Z")


def test_a_command_whose_starter_has_died_is_not_begun(tmp_path: Path) -> None:
    argv = [
        sys.executable,
        "-m",
        "tradai_tasks.parent_watch",
        "1",
        "/bin/touch",
        str(tmp_path / "made"),
    ]
    done = subprocess.run(argv, capture_output=True, text=True, check=False, env=clean_env())
    assert done.returncode == 1
    assert "/bin/touch: not begun, since process 1 has ended" in done.stderr
    assert not (tmp_path / "made").exists()


_OWN_LINT = """\
import pathlib

import nox

import tradai_tasks

tradai_tasks.register(exclude=["lint"])


@nox.session(venv_backend="none")
def lint(session: nox.Session) -> None:
    code = (
        "import os, pathlib, time; pathlib.Path('build').mkdir(exist_ok=True);"
        "pathlib.Path('build/begun').write_text(str(os.getpid())); time.sleep(600)"
    )
    session.run("python", "-c", code, external=True)
"""
