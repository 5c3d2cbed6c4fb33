"""`init` on a repository as it is: settings under which its checks are green from then on."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
import tomllib
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.support.real import clean_env, edit, git, nox, write
from tests.support.small import small_workspace
from tradai_tasks.cli import main

_BRANCHES = "".join(f"def f{n}(value: int) -> int:\n    return value + {n}\n\n\n" for n in range(9))
_LINE = "import tradai_tasks; tradai_tasks.register(exclude=['lint'])"
_LONE = '[project]\nname = "lone"\nversion = "1"\n'
_FILES = {
    "libs/alpha/src/alpha/half.py": _BRANCHES.rstrip() + "\n",
    "libs/beta/src/beta/text.py": "import os\n\nNAMES = [ 'one','two' ]\n",
    "libs/beta/src/beta/odd.py": "import subprocess\n\nSIZE: int = 'text'\n",
    "scripts/load.py": "print(1)\n",
    "tools/.deep/test_hidden.py": "def test_it() -> None:\n    assert True\n",
    "projects/lone/pyproject.toml": _LONE,
    "projects/lone/src/lone/__init__.py": "X = 1\n",
}


def workspace(home: Path, files: dict[str, str]) -> Path:
    """Make a workspace that knows nothing of the library, on the branch `trunk`."""
    small_workspace(home, files)
    (home / "libs/beta/tests/test_core_beta.py").unlink()
    (home / "noxfile.py").unlink()
    git(home, "init", "-q", "-b", "trunk")
    git(home, "add", "-A")
    git(home, "commit", "-qm", "Before")
    return home


def settings_of(home: Path) -> dict[str, Any]:
    found = tomllib.loads((home / "pyproject.toml").read_text())["tool"]["tradai-tasks"]
    assert isinstance(found, dict)
    return found


def test_a_repository_as_it_is_is_green_and_can_only_get_better(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    home = workspace(tmp_path / "w", _FILES)
    edit(home / "pyproject.toml", ', "mypy==2.4.1"', "")  # nothing here checks types
    init = ["init", "--root", str(home)]

    assert main([*init, "--dry-run"]) == 0
    shown = capsys.readouterr().out
    assert "  test(gamma): green (" in shown
    assert "red as it is: lock: stale: uv.lock; run it with: nox -s lock\n" in shown
    assert "nothing was written: this is a dry run" in shown
    assert git(home, "status", "--porcelain") == "M pyproject.toml"

    assert nox(home, "-f", "../nox.py", "-l").status != 0  # there is no noxfile yet
    assert main([*init, "--yes"]) == 0
    capsys.readouterr()
    text = (home / "pyproject.toml").read_text()
    settings = settings_of(home)
    assert settings["lint"] == {"format": False, "ignore": ["F401"]}
    assert settings["typecheck"] == {"args": ["--disable-error-code=assignment"]}
    assert settings["security"] == {"severity": "medium"}
    assert settings["workflows"] == {"branch": "trunk"}
    floor = settings["packages"].pop("alpha")["floor"]
    assert 5 < floor < 30
    assert settings["packages"] == {"beta": {"test": False}, "gamma": {"floor": 100}}
    lone, hidden = settings["unchecked"]
    assert lone["paths"] == ["projects/lone/**"]
    assert hidden["paths"] == ["tools/.deep/test_hidden.py"]
    assert "  # 2 findings today, and nothing ran ruff\n" in text
    assert "  # as measured; raised by: nox -s ratchet\n" in text

    assert nox(home, "-s", "lock").status == 0  # as it said
    green = nox(home, "-j", "2", "-s", "check")
    assert green.status == 0, green.text
    git(home, "add", "-A")
    assert main([*init, "--yes"]) == 0
    assert "nothing to write\n" in capsys.readouterr().out
    doctor = nox(home, "-s", "doctor", "--", "--only", "concessions")
    for concession in (
        "beta is not tested", "lint.format = false", "findings of ruff: F401",
        "errors of mypy: assignment", "severity", "projects/lone/** unchecked",
    ):  # fmt: skip
        assert concession in doctor.text

    test = "from alpha.half import f1\n\n\ndef test_half() -> None:\n    assert f1(1) == 2\n"
    write(home, {"libs/alpha/tests/test_half.py": test})
    raised = nox(home, "-s", "ratchet")
    assert raised.status == 0, raised.text
    assert f"alpha: floor raised from {floor} to " in raised.text
    assert settings_of(home)["packages"]["alpha"]["floor"] > floor
    (home / "libs/alpha/tests/test_half.py").unlink()
    worse = nox(home, "-R", "-s", "test(alpha)")
    assert worse.status != 0
    assert "is under its floor" in worse.text
    edit(home / "libs/alpha/tests/test_core_alpha.py", "== 42", "== 41")
    failing = nox(home, "-R", "-s", "ratchet")
    assert failing.status != 0
    assert "floor raised" not in failing.text


def test_what_cannot_be_green_is_listed_with_its_command(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Faults by the repository's own measure, in one that has a noxfile and rules of its own."""
    noxfile = "import nox\n\n\n@nox.session\ndef lint(session):\n    pass\n"
    files = {
        ".pre-commit-config.yaml": "repos:\n- hooks:\n  - id: codespell\n",
        "ruff.toml": 'fix = true\n[lint]\nselect = ["F", "E"]\n',
        "libs/alpha/src/alpha/odd.py": "import os\n\nl = 1\n",
        "libs/alpha/tests/test_core_alpha.py": "def test_it() -> None:\n    assert 1 == 2\n",
    }
    home = write(workspace(tmp_path / "w", files), {"noxfile.py": noxfile})
    (home / "uv.lock").unlink()
    assert main(["init", "--root", str(home), "--yes"]) == 0
    said = capsys.readouterr().out
    for line in (
        "lock: missing: uv.lock; run it with: nox -s lock",
        "lint: ruff found faults: libs/alpha/src/alpha/odd.py:1: F401",
        "test(alpha): alpha: 1 of 1 tests failed, the first at libs/alpha/tests/test_core_alpha",
    ):
        assert f"red as it is: {line}" in said
    assert "let pass: lint.ignore (1 finding today that ruff cannot fix)\n" in said
    assert settings_of(home)["lint"] == {"ignore": ["libs/alpha/src/alpha/odd.py:E741"]}
    assert f"noxfile.py: there already, and left as it is; add to it: {_LINE}; add the" in said
    assert "note: .pre-commit-config.yaml: no session runs codespell; `lint` does with" in said
    assert (home / "noxfile.py").read_text() == noxfile


def test_a_strict_configuration_of_ruff_does_not_fault_the_noxfile(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    ruff = 'src = ["src"]\n[format]\nquote-style = "single"\n[lint]\nselect = ["ALL"]\n'
    home = write(
        tmp_path / "one",
        {
            "pyproject.toml": '[project]\nname = "one"\nversion = "1"\nrequires-python = ">=3.11"\n'
            '[dependency-groups]\ndev = ["ruff==0.17.6"]\n',
            "ruff.toml": ruff,
            "src/one/__init__.py": '"""One."""\n',
        },
    )
    assert main(["init", "--root", str(home), "--yes"]) == 0
    said = capsys.readouterr().out
    assert "red as it is: lint" not in said
    text = (home / "noxfile.py").read_text()
    assert "# ruff: noqa: CPY001\n# fmt: off\n" in text
    assert nox(home, "-s", "lock", "lint").status == 0


def until(condition: Callable[[], bool]) -> None:
    """Wait for something to happen, for two minutes."""
    for _ in range(1200):
        if condition():
            return
        time.sleep(0.1)
    raise AssertionError("it did not happen")


def is_over(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return True
    return False


def test_a_run_that_is_stopped_leaves_nothing(tmp_path: Path) -> None:
    """As by somebody who has waited long enough for a test that hangs."""
    mark, scratch = tmp_path / "mark", tmp_path / "scratch"
    scratch.mkdir()
    hangs = f"""\
import os, pathlib, time

def test_it():
    pathlib.Path({str(mark)!r}).write_text(str(os.getpid()))
    time.sleep(600)
"""
    text = '[project]\nname = "one"\nversion = "1"\nrequires-python = ">=3.11"\n'
    text += '[dependency-groups]\ndev = ["pytest==9.2.0", "pytest-cov==7.1.0"]\n'
    files = {"pyproject.toml": text, "one.py": "", "tests/test_one.py": hangs}
    home = write(tmp_path / "one", files)
    process = subprocess.Popen(
        [sys.executable, "-m", "tradai_tasks", "init", "--root", str(home), "--yes"],
        env=clean_env(TMPDIR=str(scratch)), stderr=subprocess.PIPE, text=True,
    )  # fmt: skip
    until(lambda: mark.exists() and bool(mark.read_text()))
    process.send_signal(signal.SIGTERM)
    said = process.communicate(timeout=60)[1]
    assert process.returncode == 1
    assert said.startswith("tradai-tasks: init: nothing was written: it was stopped while")
    assert sorted(path.name for path in home.iterdir()) == ["one.py", "pyproject.toml", "tests"]
    assert list(scratch.glob("tradai-adopt-*")) == []
    until(lambda: is_over(int(mark.read_text())))


def test_a_repository_that_cannot_be_locked_is_left_as_it_is(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    text = '[project]\nname = "one"\nversion = "1"\nrequires-python = ">=3.11"\n'
    home = write(tmp_path / "one", {"pyproject.toml": f'{text}dependencies = ["one-of-none==7"]\n'})
    assert main(["init", "--root", str(home), "--yes"]) == 1
    said = capsys.readouterr().err
    assert said.startswith(
        "tradai-tasks: init: nothing was written, since the checks cannot be run: "
    )
    assert "one-of-none was not found" in said
    assert said.endswith(
        "lock: uv could not lock .; fix it, or leave the checks out: --no-checks\n"
    )
    assert said.count("\n") == 1
    assert [path.name for path in home.iterdir()] == ["pyproject.toml"]
