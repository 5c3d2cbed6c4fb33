"""Publishing that is killed, publishing many libraries again, and what is left of secrets."""

from __future__ import annotations

import hashlib
import inspect
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.codeartifact import TOKEN, State, codeartifact
from tests.support.dists import wheel
from tests.support.inprocess import InProcess, run
from tests.support.pyprojects import pyproject
from tests.support.real import NOXFILE, clean_env, git, nox, write
from tradai_tasks.http_client import retry

__all__ = ["run"]

SETTINGS = '\n[tool.tradai-tasks.publish.codeartifact]\ndomain = "tradai"\nrepository = "py"\n'


def aws() -> Iterator[State]:
    with codeartifact() as state:
        yield state


def libraries(home: Path, count: int) -> list[str]:
    """A workspace of some libraries, committed."""
    names = [f"lib-{number:02}" for number in range(count)]
    listed = ", ".join(f'"{name}"' for name in names)
    files = {
        "noxfile.py": NOXFILE,
        ".gitignore": ".nox/\n__pycache__/\ndist/\nbuild/\n",
        "pyproject.toml": '[tool.uv.workspace]\nmembers = ["libs/*"]\n\n'
        f"[tool.tradai-tasks.publish]\nlibraries = [{listed}]\n{SETTINGS}",
    }
    for name in names:
        module = name.replace("-", "_")
        files[f"libs/{name}/pyproject.toml"] = pyproject(
            name, version="1.0.0", more='readme = "README.md"\n'
        )
        files[f"libs/{name}/README.md"] = f"# {name}\n"
        files[f"libs/{name}/src/{module}/__init__.py"] = f"NAME = {name!r}\n"
    write(home, files)
    git(home, "init", "-q", "-b", "main")
    git(home, "add", "-A")
    git(home, "commit", "-qm", "Begin")
    return names


def test_twenty_unchanged_libraries_cost_a_request_each_and_no_upload(
    tmp_path: Path, aws: State
) -> None:
    names = libraries(tmp_path / "w", 20)
    first = nox(tmp_path / "w", "-s", "publish", env=aws.env)
    assert first.status == 0, first.text
    assert sorted(aws.stored) == [f"{n.replace('-', '_')}-1.0.0-py3-none-any.whl" for n in names]
    aws.heal()
    second = nox(tmp_path / "w", "-s", "publish", env=aws.env)
    assert second.status == 0, second.text
    assert "nothing to do" in second.log
    assert (aws.count("look"), aws.count("upload"), aws.count("file")) == (20, 0, 0)
    assert (aws.count("token"), aws.count("endpoint")) == (1, 1)


def test_killed_between_two_files_and_run_again(tmp_path: Path, aws: State) -> None:
    home = tmp_path / "w"
    libraries(home, 0)
    names = ["lib-a", "lib-b", "lib-c"]
    listed = ", ".join(f'"{name}"' for name in names)
    text = (
        (home / "pyproject.toml").read_text().replace("libraries = []", f"libraries = [{listed}]")
    )
    (home / "pyproject.toml").write_text(text)
    for name in names:
        write(home, {f"libs/{name}/pyproject.toml": (
            f'[project]\nname = "{name}"\nversion = "1.0.0"\n[build-system]\nrequires = []\n'
            'build-backend = "uv_build"\n'
        )})  # fmt: skip
        wheel(home / "dist", name)
    argv = [sys.executable, "-m", "nox", "-s", "publish", "--", "--dist", "dist"]
    for fault in ("hang", "drop-after-store"):
        # the second upload waits, or is tried again after a wait, and there the run is killed
        aws.heal()
        aws.faults["upload"] = ["ok", fault, *["503"] * 50]
        with subprocess.Popen(
            argv, cwd=home, env=clean_env(**aws.env), stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL, start_new_session=True,
        ) as child:  # fmt: skip
            deadline = time.monotonic() + 120
            while aws.count("upload") < 2 and child.poll() is None:
                assert time.monotonic() < deadline
                time.sleep(0.02)
            os.killpg(child.pid, signal.SIGKILL)
        assert child.returncode == -signal.SIGKILL
        assert aws.files
    aws.heal()
    again = nox(home, "-s", "publish", "--", "--dist", "dist", env=aws.env)
    assert again.status == 0, again.text
    held = {n: hashlib.sha256(content).hexdigest() for n, (_, content) in aws.files.items()}
    assert held == {
        path.name: hashlib.sha256(path.read_bytes()).hexdigest()
        for path in (home / "dist").glob("*.whl")
    }
    assert sorted(aws.stored) == sorted(held), "stored twice"


def test_no_secret_is_in_outputs_arguments_files_or_errors(
    tmp_path: Path, aws: State, run: InProcess, monkeypatch: pytest.MonkeyPatch
) -> None:
    home = run.home
    libraries(home, 2)
    argvs: list[list[str]] = []
    environments: list[dict[str, str]] = []
    real = subprocess.Popen.__init__
    signature = inspect.signature(real)

    def recorded(*given: object, **named: object) -> None:
        # by position or by name, as the caller likes
        asked = signature.bind(*given, **named).arguments
        argvs.append([str(word) for word in asked["args"]])
        environments.append(dict(asked.get("env") or os.environ))
        real(*given, **named)  # type: ignore[call-overload]  # as given

    monkeypatch.setattr(subprocess.Popen, "__init__", recorded)
    # boto3's and our own waits between tries
    monkeypatch.setattr(time, "sleep", lambda seconds: None)
    monkeypatch.setattr(retry, "pause", lambda *_: lambda seconds: None)
    env = {
        **aws.env,
        "GITHUB_TOKEN": "marked-github",
        "GITHUB_STEP_SUMMARY": str(tmp_path.parent / "sum.md"),
    }
    said = []
    for fault in ("401", "503", "drop", "ok"):
        for place in ("look", "upload", "token"):
            aws.always = {} if fault == "ok" else {place: fault}
            ran = run("-v", "-s", "publish", env=env)
            assert (ran.status == 0) is (fault == "ok"), ran.log
            said.append(ran.out + ran.log)
    assert len(aws.files) == 2
    assert any("uv" in {Path(word).name for word in argv} and "build" in argv for argv in argvs)
    assert any("twine" in argv for argv in argvs)
    secrets = (TOKEN, "marked")
    for text in (*said, *(" ".join(argv) for argv in argvs)):
        assert not any(secret in text for secret in secrets), text
    for argv, environment in zip(argvs, environments, strict=True):
        if "build" in argv:  # code of third parties runs there
            assert not any("marked" in value for value in environment.values())
    for path in home.rglob("*"):
        if path.is_file():
            assert b"marked" not in path.read_bytes(), path
