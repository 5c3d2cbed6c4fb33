"""Facts of many files, read by several processes."""

from __future__ import annotations

import errno
import os
import signal

import pytest

from tests.support.snapshots import graph_of, member
from tradai_tasks.affected.graph import fact_loader as extraction
from tradai_tasks.affected.parse.facts import Facts
from tradai_tasks.affected.rules.catalog import RuleSet
from tradai_tasks.errors import GitError
from tradai_tasks.process import usable_cores

FILES = {"libs/a/src/a/__init__.py": "", "libs/b/src/b/__init__.py": "import a\nimport c\n"}
TWO = (member("libs/a"), member("libs/b"))


def test_many_files_read_by_several_processes_give_the_same_facts(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    files = {**FILES, **{f"libs/a/src/a/m{n}.py": f"import b\n# {n}\n" for n in range(40)}}
    one = graph_of(files, TWO)
    monkeypatch.setattr(extraction, "_CHUNK", 4)
    monkeypatch.setattr(extraction, "usable_cores", lambda: 2)
    assert graph_of(files, TWO) == one


def killed(*_: object) -> bytes:
    os.kill(os.getpid(), signal.SIGKILL)
    return b""


@pytest.mark.parametrize("failing", ["fork", "killed", "no text"])
def test_what_another_process_does_not_hand_back_is_read_here(
    failing: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    files = {**FILES, **{f"libs/a/src/a/m{n}.py": f"import b\n# {n}\n" for n in range(40)}}
    one = graph_of(files, TWO)
    monkeypatch.setattr(extraction, "_CHUNK", 4)
    monkeypatch.setattr(extraction, "usable_cores", lambda: 2)
    if failing == "fork":
        monkeypatch.setattr("os.fork", no_room)
    else:
        packed = killed if failing == "killed" else lambda *_: b""
        monkeypatch.setattr(extraction, "_packed", packed)
    assert graph_of(files, TWO) == one


def no_room(*_: object) -> int:
    raise OSError(errno.EAGAIN, "no room")


def test_what_is_raised_in_another_process_is_raised_here(monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(key: str, data: bytes, rules: RuleSet) -> Facts:
        if data == b"import b\n# 7\n":
            raise GitError("m7.py: cannot be read")
        return extract_one(key, data, rules)

    extract_one = extraction._extract_one
    files = {**FILES, **{f"libs/a/src/a/m{n}.py": f"import b\n# {n}\n" for n in range(40)}}
    monkeypatch.setattr(extraction, "_CHUNK", 4)
    monkeypatch.setattr(extraction, "usable_cores", lambda: 8)
    monkeypatch.setattr(extraction, "_extract_one", fail)
    with pytest.raises(GitError, match=r"m7.py: cannot be read"):
        graph_of(files, TWO)


def test_cores_that_this_process_may_not_use_do_not_count(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("os.sched_getaffinity", lambda _: {3}, raising=False)
    monkeypatch.setattr("os.cpu_count", lambda: 64)
    assert usable_cores() == 1
    monkeypatch.delattr("os.sched_getaffinity")
    assert usable_cores() == 64
    monkeypatch.setattr("os.cpu_count", lambda: None)
    assert usable_cores() == 1
