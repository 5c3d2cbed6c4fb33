"""Sessions of `nox -j` come to the same in forks of nox as in processes that load all again."""

from __future__ import annotations

import json
import re
import sys
from pathlib import Path
from typing import Any

import pytest

from tests.support.real import nox, write
from tests.support.shapes import workspace

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="forks are made on Linux")

NOXFILE = """
import os
import pathlib
import sys
import threading

import nox
import tradai_tasks

with open("build/loads", "a") as file:
    print(os.getpid(), file=file)
if os.environ.get("WITH_THREAD"):
    threading.Thread(target=threading.Event().wait, daemon=True).start()
tradai_tasks.register()
nox.options.reuse_venv = "yes"


def own(function):
    return nox.session(venv_backend="none", allow_parallel=True)(function)


@own
@nox.parametrize("case", ["a", "b"])
def tell(session, case):
    print(case, session.posargs, session.parallel, session.invoked_from, os.getcwd())
    print(os.getpgrp() == os.getpid(), repr(sys.stdin.read()), sys.argv[1:3], "tell" in sys.argv[2])
    print(session._runner.global_config.reuse_venv, os.environ["GIVEN"], "\\udcff")
    session.run("sh", "-c", "echo from a tool; echo and its errors >&2", external=True)


@own
def fails(session):
    session.run("false", external=True)


@own
def raises(session):
    raise ValueError("of its own")


@own
def refuses(session):
    session.error("for a reason")


@own
def skips(session):
    session.skip("not here")


@own
def leaves(session):
    sys.exit(5)


@own
def dies(session):
    os.kill(os.getpid(), 9)


nox.options.sessions = []
"""
OWN = ("tell", "fails", "raises", "refuses", "skips", "leaves", "dies")


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    files = {"noxfile.py": NOXFILE, "build/.gitignore": "*\n"}
    return workspace(tmp_path_factory.mktemp("forks") / "home", 2, more=files)


def came_to(home: Path, *words: str, **env: str) -> tuple[int, dict[str, Any], list[str], int]:
    """Return a run's status, each session's result, its lines in order, and the noxfile's loads."""
    write(home, {"build/loads": "", "build/report.json": ""})
    ran = nox(
        home,
        "-j",
        "2",
        "-v",
        "--report",
        "build/report.json",
        "-s",
        *words,
        env={"GIVEN": "x", **env},
    )
    report = json.loads((home / "build/report.json").read_text())["sessions"]
    results = {
        f"{one['name']}{one.get('args')}": (one["result"], one.get("reason")) for one in report
    }
    # how long it took, if any time at all
    changing = re.compile(r"[,;]? ?\(?(?:took |in )?(?:an?|\d+) (?:second|minute)s?(?: and .*)?\)?")
    lines = sorted(changing.sub("", line) for line in ran.text.splitlines())
    return ran.status, results, lines, len((home / "build/loads").read_text().split())


@pytest.mark.parametrize(
    ("words", "count"),
    [((*OWN, "inventory", "--", "given", "é"), len(OWN) + 2), (("inventory", "results"), 2)],
)
def test_a_fork_comes_to_what_a_process_does(
    home: Path, words: tuple[str, ...], count: int
) -> None:
    *forked, loads = came_to(home, *words)
    *apart, others = came_to(home, *words, WITH_THREAD="1")
    assert forked[:2] == apart[:2]
    assert forked[2] == apart[2]
    assert (loads, others) == (1, 1 + count)
