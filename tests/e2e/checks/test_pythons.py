"""Tests run on the Python that was asked for: one after the other, in parallel, and reused."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from tests.support.pythons import others
from tests.support.real import Result, clean_env, edit, git, need, nox, write

OWN = f"{sys.version_info[0]}.{sys.version_info[1]}"
OTHERS = others()
NEWER = sorted((v for v in OTHERS if int(v[2:]) > sys.version_info[1]), key=lambda v: int(v[2:]))
FILES = {
    "noxfile.py": (
        "import nox\nimport tradai_tasks\n\ntradai_tasks.register()\n\n"
        'if __name__ == "__main__":\n    nox.main()\n'
    ),
    "pyproject.toml": (
        '[project]\nname = "own"\nversion = "1.0"\nrequires-python = ">=3.11"\n\n'
        '[dependency-groups]\ndev = ["pytest==9.2.0", "pytest-cov==7.1.0"]\n\n'
        '[build-system]\nrequires = ["uv_build>=0.9,<1"]\nbuild-backend = "uv_build"\n\n'
        '[tool.pytest.ini_options]\naddopts = "-s"\n'
    ),
    ".gitignore": ".nox/\nbuild/\n",
    "src/own/__init__.py": '"""Own."""\n\nONE = 1\n',
    "tests/test_own.py": (
        '"""Tests."""\n\nimport sys\n\nfrom own import ONE\n\n\ndef test_one() -> None:\n'
        '    """One."""\n    print(f"RAN ON {sys.version_info[0]}.{sys.version_info[1]}.")\n'
        "    assert ONE == 1\n"
    ),
}


@pytest.fixture
def own(tmp_path: Path) -> Path:
    """One package, on a machine with several Pythons."""
    need(len(NEWER) > 1, f"two CPythons newer than {OWN}")
    write(tmp_path, FILES)
    git(tmp_path, "init", "-q", "-b", "main")
    git(tmp_path, "add", "-A")
    git(tmp_path, "commit", "-qm", "One")
    return tmp_path


def run(home: Path, *args: str) -> Result:
    folders = [str(program.parent) for program in OTHERS.values()]
    env = {"PATH": os.pathsep.join([*folders, os.environ["PATH"]]), "UV_PYTHON_DOWNLOADS": "never"}
    return nox(home, "-v", *args, env={**env, "NOX_DOWNLOAD_PYTHON": "never"})


def locked(home: Path) -> None:
    result = run(home, "-s", "lock")
    assert result.status == 0, result.text


def ran_on(result: Result) -> list[str]:
    assert result.status == 0, result.text
    return re.findall(r"RAN ON (\d\.\d+)\.", result.text)


def setting(home: Path, python: str) -> None:
    text = (home / "pyproject.toml").read_text().partition("[tool.tradai-tasks]")[0]
    (home / "pyproject.toml").write_text(f"{text}[tool.tradai-tasks]\npython = {python}\n")


def test_a_package_that_wants_a_newer_python_is_tested_in_parallel(own: Path) -> None:
    edit(own / "pyproject.toml", ">=3.11", f">={NEWER[0]}")
    locked(own)
    assert ran_on(run(own, "-j", "2", "-s", "test(own)")) == [NEWER[0]]
    assert ran_on(run(own, "-j", "auto", "-s", "check")) == [NEWER[0]]
    git(own, "add", "-A")
    git(own, "commit", "-qm", "Newer")
    (own / "src/own/__init__.py").write_text('"""Own, too."""\n\nONE = 1\n')
    assert ran_on(run(own, "-s", "affected", "--", "--base", "HEAD")) == [NEWER[0]]


def test_an_environment_follows_what_is_asked_for(own: Path) -> None:
    locked(own)
    assert ran_on(run(own, "-s", "test(own)")) == [OWN]
    setting(own, f'"{NEWER[1]}"')
    assert ran_on(run(own, "-s", "check")) == [NEWER[1]]
    assert ran_on(run(own, "-s", "test(own)", "-R")) == [NEWER[1]]
    setting(own, '"3.99"')
    absent = run(own, "-s", "test(own)")
    assert absent.status != 0
    assert "Session test(own) failed: Python interpreter 3.99 not found" in absent.log
    assert "RAN ON" not in absent.text
    edit(own / "pyproject.toml", '[tool.tradai-tasks]\npython = "3.99"\n', "")
    forced = run(own, "--force-python", NEWER[0], "-s", "test(own)")
    assert ran_on(forced) == [NEWER[0]]
    assert ran_on(run(own, "-j", "2", "-P", NEWER[1], "-s", "test(own)")) == [NEWER[1]]
    assert ran_on(run(own, "-s", "test(own)")) == [OWN]
    (own / ".python-version").write_text(f"{NEWER[0]}\n")
    assert ran_on(run(own, "-s", "test(own)")) == [NEWER[0]]
    (own / ".python-version").unlink()
    edit(own / "pyproject.toml", ">=3.11", f">={NEWER[1]}")
    locked(own)
    assert ran_on(run(own, "-s", "test(own)")) == [NEWER[1]]


def test_each_of_several_pythons_runs_the_tests(own: Path) -> None:
    setting(own, f'["{OWN}", "{NEWER[0]}"]')
    locked(own)
    assert sorted(ran_on(run(own, "-j", "2", "-s", "test"))) == sorted([OWN, NEWER[0]])
    assert ran_on(run(own, "-s", f"test-{NEWER[0]}(own)")) == [NEWER[0]]


def test_a_python_that_the_package_refuses_is_named(own: Path) -> None:
    edit(own / "pyproject.toml", ">=3.11", f">={NEWER[0]}")
    locked(own)
    setting(own, f'"{OWN}"')
    result = run(own, "-s", "test(own)")
    assert result.status != 0
    assert f"own requires Python >={NEWER[0]}, and Python {OWN}" in result.log
    assert "nox -s lock" not in result.log


def test_locks_are_judged_without_the_environment_of_a_script(own: Path) -> None:
    edit(own / "pyproject.toml", ">=3.11", f">={NEWER[0]}")
    locked(own)
    script = dict.fromkeys(("UV_PYTHON", "VIRTUAL_ENV", "UV_PROJECT_ENVIRONMENT"), sys.prefix)
    folders = os.pathsep.join(str(program.parent) for program in OTHERS.values())
    path = f"{folders}{os.pathsep}{os.environ['PATH']}"
    for args in (["-s", "lock", "--", "--check"], ["-s", "doctor", "--", "--only", "locks"]):
        fresh = nox(own, *args, env={**script, "PATH": path})
        assert fresh.status == 0, fresh.text
    edit(own / "pyproject.toml", '"pytest==9.2.0", ', "")
    stale = run(own, "-s", "lock", "--", "--check")
    assert "lock: stale: uv.lock; make it fresh with: nox -s lock" in stale.log
    edit(own / "pyproject.toml", f">={NEWER[0]}", ">=3.98")
    unknown = run(own, "-s", "lock", "--", "--check")
    assert "lock: uv could not look at uv.lock: error: No interpreter found" in unknown.log
    (own / "uv.lock").unlink()
    missing = run(own, "-s", "lock", "--", "--check")
    assert "lock: missing: uv.lock; make it fresh with: nox -s lock" in missing.log


def test_the_noxfile_runs_as_a_script(own: Path) -> None:
    for args in (["-l"], ["-s", "lint"]):
        done = subprocess.run(
            [sys.executable, str(own / "noxfile.py"), *args],
            cwd=own,
            env=clean_env(),
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.returncode == 0, done.stdout + done.stderr
        assert "test(own)" in done.stdout or "Session lint was successful" in done.stderr
