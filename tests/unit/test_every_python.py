"""tools/every_python.py: which Pythons are chosen, and how a run of tests is judged."""

from __future__ import annotations

import importlib
import os
import sys
from pathlib import Path
from typing import Any

import pytest

# not by name: mypy reads tools/ as modules of no package
every_python = importlib.import_module("tools.every_python")
Counts, choose, places, read = (
    getattr(every_python, name) for name in ("Counts", "choose", "places", "read")
)
JUNIT = '<testsuites><testsuite tests="{}" failures="{}" errors="{}" skipped="{}"/></testsuites>'


def executable(file: Path) -> str:
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text("")
    file.chmod(0o755)
    return str(file)


def test_pythons_on_path_of_pyenv_and_of_uv_are_looked_at(tmp_path: Path) -> None:
    own = executable(tmp_path / "bin" / "python3.12")
    executable(tmp_path / "bin" / "python3-config")
    executable(tmp_path / "bin" / "python")
    (tmp_path / "bin" / "python3").write_text("")  # not to be run
    executable(tmp_path / ".pyenv" / "shims" / "python3")
    version = executable(tmp_path / ".pyenv" / "versions" / "3.14.0" / "bin" / "python3")
    env = {"PATH": os.pathsep.join(["", str(tmp_path / "bin"), str(tmp_path / ".pyenv/shims")])}
    found = list(places(env, tmp_path, ["/of/uv"]))
    assert found[1:] == [own, version, "/of/uv"]
    assert Path(found[0]).samefile(sys.executable)


def test_one_cpython_of_each_version_from_3_11_on_is_chosen() -> None:
    asked = [
        ("/a", "cpython", "3.11.7"),
        ("/b", "cpython", "3.10.13"),
        ("/c", "pypy", "3.11.9"),
        ("/d", "cpython", "3.11.7"),
        ("/e", "cpython", "3.11.2"),
        ("/f", "cpython", "3.14.0t"),
        ("/g", "cpython", "3.9.18"),
    ]
    assert choose(asked, running="3.11.7") == {"3.11.2": "/e", "3.11.7": "/a", "3.14.0t": "/f"}
    with pytest.raises(SystemExit, match=r"3\.13\.0, which runs this, is not among 3\.11\.7"):
        choose(asked[:1], running="3.13.0")


@pytest.mark.parametrize(
    ("junit", "shown", "good"),
    [
        (JUNIT.format(9, 0, 0, 0), "9 passed", True),
        (JUNIT.format(9, 0, 0, 2), "7 passed, 2 skipped", True),
        (JUNIT.format(9, 1, 2, 1), "5 passed, 3 failed, 1 skipped", False),
        (JUNIT.format(0, 0, 0, 0), "0 passed", False),
        (None, "0 passed", False),  # pytest did not come to write it
    ],
)
def test_a_run_is_good_where_something_ran_and_nothing_failed(
    tmp_path: Path, junit: str | None, shown: str, good: bool
) -> None:
    file = tmp_path / "junit.xml"
    if junit is not None:
        file.write_text(junit)
    counts = read(file)
    assert str(counts) == shown
    assert counts.is_good is good


@pytest.mark.parametrize(
    ("results", "fails"),
    [
        ({"3.11.2": (Counts(passed=3), 0), "3.13.0": (Counts(passed=3), 0)}, False),
        ({"3.11.2": (Counts(passed=3), 0), "3.13.0": (Counts(passed=2, failed=1), 1)}, True),
        ({"3.11.2": (Counts(), 5), "3.13.0": (Counts(passed=3), 0)}, True),
        ({"3.11.2": (Counts(passed=3), 3), "3.13.0": (Counts(passed=3), 0)}, True),
    ],
)
def test_the_status_says_whether_all_pythons_are_good(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    results: dict[str, tuple[Any, int]],
    fails: bool,
) -> None:
    asked = [(version, "cpython", version) for version in results]
    monkeypatch.setattr(every_python, "PLACE", tmp_path)
    monkeypatch.setattr(every_python, "known_to_uv", list)
    monkeypatch.setattr(every_python, "places", lambda *_: list(results))
    monkeypatch.setattr(every_python, "ask", lambda path: asked[list(results).index(path)])
    monkeypatch.setattr(every_python, "test", lambda version, *_: results[version])
    (tmp_path / "3.11.1").mkdir()  # of a Python that is gone
    if fails:
        with pytest.raises(SystemExit) as ended:
            every_python.main()
        assert ended.value.code == 1
    else:
        every_python.main()
    said = capsys.readouterr().out.splitlines()
    assert said[-2].startswith("CPython 3.11.2: ")
    assert said[-1].startswith("CPython 3.13.0: ")
    assert (tmp_path / "counts.txt").read_text().splitlines() == said[-2:]
    assert not (tmp_path / "3.11.1").exists()


def test_the_running_python_can_be_left_to_the_run_of_all_tests(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked = {path: (path, "cpython", path) for path in ("3.12.1", "3.11.2")}
    ran: list[Any] = []
    monkeypatch.setattr(every_python, "PLACE", tmp_path)
    monkeypatch.setattr(every_python, "known_to_uv", list)
    monkeypatch.setattr(every_python, "places", lambda *_: list(asked))
    monkeypatch.setattr(every_python, "ask", asked.get)

    def test(*given: Any) -> tuple[Any, int]:
        ran.append(given)
        return Counts(1), 0

    monkeypatch.setattr(every_python, "test", test)
    monkeypatch.setattr(sys, "argv", ["every_python.py", "--others", "-x"])
    every_python.main()
    assert ran == [("3.11.2", "3.11.2", ["-x"])]
