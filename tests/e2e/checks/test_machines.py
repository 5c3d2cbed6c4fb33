"""The package on other machines: an old Python, an old uv, musl, and the Pythons of CI."""

from __future__ import annotations

import importlib
import json
import os
import subprocess
import sys
import tomllib
from pathlib import Path

import nox.virtualenv as nox_virtualenv
import pytest

from tests.support.measured import MEASURED
from tests.support.real import NOXFILE, REPOSITORY, clean_env, copy_example, git, need, nox, write

every_python = importlib.import_module("tools.every_python")

DOCUMENT = tomllib.loads((REPOSITORY / "pyproject.toml").read_text(encoding="utf-8"))
DEPENDENCIES = DOCUMENT["project"]["dependencies"]
MOST = 300 * 2**20  # bytes that `changes` may take on the example
FIXED = (3, 11, 5)  # the first CPython whose `re` matches possessive groups right


def old_pythons() -> dict[str, str]:
    """CPythons of this machine whose `re` is wrong: version -> path. Debian 12 has 3.11.2."""
    found = every_python.places(os.environ, Path.home(), every_python.known_to_uv())
    asked = [answer for answer in map(every_python.ask, dict.fromkeys(found)) if answer]
    chosen = every_python.choose(asked, running=asked[0][2])
    return {v: path for v, path in chosen.items() if tuple(map(int, v.split("."))) < FIXED}


def test_changes_ends_on_an_old_python_and_takes_little_memory(tmp_path: Path) -> None:
    found = old_pythons()
    if not found:
        pytest.skip("no CPython 3.11.0 to 3.11.4 is installed")
    version, path = next(iter(found.items()))
    env = clean_env(UV_PROJECT_ENVIRONMENT=str(tmp_path / "venv"))
    sync = [nox_uv(), "sync", "--quiet", "--no-dev", "--python", path]
    subprocess.run(sync, cwd=REPOSITORY, env=env, check=True)
    python = str(tmp_path / "venv" / "bin" / "python")
    home = copy_example("tradai-uv", tmp_path / "example")
    for words in (["init", "-q", "-b", "main"], ["add", "-A"], ["commit", "-qm", "Example"]):
        git(home, *words)
    (home / "libs" / "new.py").write_text("x = '\\\\' * 2\n")
    peak = tmp_path / "peak"  # bytes
    argv = [python, "-c", MEASURED, str(peak), python, "-m", "nox", "-s", "changes"]
    for cache in ("cold", "warm"):
        ran = subprocess.run(
            argv,
            cwd=home,
            # the noxfile's own requirements would be looked for on an index
            env=clean_env(TRADAI_TASKS_CACHE=str(tmp_path / "cache"), NOX_SCRIPT_MODE="none"),
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            check=False,
        )
        assert ran.returncode == 0, f"CPython {version}, {cache}: {ran.stdout}"
        assert "Session changes was successful" in ran.stdout
        assert int(peak.read_text()) < MOST


def nox_uv() -> str:
    return str(nox_virtualenv.UV)


def test_an_old_uv_is_told_before_it_is_used(tmp_path: Path) -> None:
    fake = tmp_path / "uv"
    # as uv 0.5: `uv self version` is not known to it yet
    fake.write_text(
        "#!/bin/sh\n"
        'case "$1" in\n'
        "self) exit 2 ;;\n"
        """version) echo '{"version": "0.5.9"}' ;;\n"""
        "*) echo error: unexpected argument >&2; exit 2 ;;\n"
        "esac\n"
    )
    fake.chmod(0o755)
    home = write(tmp_path / "home", {"noxfile.py": NOXFILE, "pyproject.toml": PROJECT})
    ran = nox(home, "-s", "lock", env={"UV": str(fake)})
    assert ran.status == 1
    assert f"{fake}: uv 0.5.9 is too old, sessions need 0.9 or newer; upgrade it with: " in ran.log
    assert "unexpected argument" not in ran.text
    assert "Traceback" not in ran.text


PROJECT = '[project]\nname = "own"\nversion = "0.1.0"\nrequires-python = ">=3.11"\n'


@pytest.mark.parametrize("python", ["3.11", "3.14", "3.15"])
@pytest.mark.parametrize("machine", ["x86_64", "aarch64"])
def test_what_must_be_installed_has_wheels_for_musl(
    machine: str, python: str, tmp_path: Path
) -> None:
    has_index()
    done = resolved(DEPENDENCIES, machine, python, tmp_path)
    assert done.returncode == 0, done.stderr
    # the check itself can fail: this one has no wheel there
    fast = DOCUMENT["project"]["optional-dependencies"]["fast"]
    refused = resolved([*DEPENDENCIES, *fast], machine, python, tmp_path)
    assert refused.returncode != 0
    assert "ahocorasick-rs" in refused.stderr


def resolved(
    wanted: list[str], machine: str, python: str, home: Path
) -> subprocess.CompletedProcess[str]:
    """Let uv choose files for a machine with musl, wheels only; nothing is installed."""
    argv = [nox_uv(), "pip", "install", "--dry-run", "--only-binary", ":all:"]
    argv += ["--target", str(home / "none"), "--python-version", python]
    argv += ["--python-platform", f"{machine}-unknown-linux-musl", *wanted]
    return subprocess.run(
        argv, cwd=home, env=clean_env(), capture_output=True, text=True, check=False
    )


def has_index() -> None:
    argv = [nox_uv(), "pip", "install", "--dry-run", "--reinstall", "packaging"]
    argv += ["--python", sys.executable]
    done = subprocess.run(argv, env=clean_env(), capture_output=True, text=True, check=False)
    need(done.returncode == 0, f"a package index ({done.stderr.strip()[:200]})")


def test_ci_tests_on_each_python_that_the_classifiers_name() -> None:
    env = {"GITHUB_ACTIONS": "true", "GITHUB_EVENT_NAME": "schedule"}  # which checks everything
    done = nox(REPOSITORY, "-s", "changes", "--", "--json", env=env)
    jobs = json.loads(done.out[done.out.index("{") : done.out.rindex("}") + 1])["matrix"]["include"]
    tested = [job["python"] for job in jobs]
    named = [
        text.rpartition(" ")[2]
        for text in DOCUMENT["project"]["classifiers"]
        if text.startswith("Programming Language :: Python :: 3.")
    ]
    assert tested == named == ["3.11", "3.12", "3.13", "3.14"]
    assert "test(tradai-tasks)" in nox(REPOSITORY, "-l").out  # one Python is enough elsewhere
