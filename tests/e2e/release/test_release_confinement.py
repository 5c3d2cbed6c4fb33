"""Gates that mean harm: what they see of a release, and what becomes of evidence they forge."""

from __future__ import annotations

import json
import shutil
import sys
import textwrap
from pathlib import Path
from typing import Any

import pytest

from tests.support.platform_yard import FILES
from tests.support.real import Result, edit, git, nox, write
from tests.support.without_namespaces import without_namespaces
from tradai_tasks.process import sandbox_fault
from tradai_tasks.sandbox import Sandbox

GATES = ("lint", "typecheck", "security", "test")
ONLY = [word for name in GATES for word in ("--only", name)]
MARKED = {
    "AWS_SECRET_ACCESS_KEY": "marked-aws",
    "BINANCE_API_SECRET": "marked-binance",
    "FREQTRADE__EXCHANGE__SECRET": "marked-freqtrade",
    "GITHUB_PAT": "marked-pat",
    "MLFLOW_TRACKING_URI": "https://user:marked-mlflow@mlflow.example",
    "NPM_TOKEN": "marked-npm",
}
# each gate leaves a line of its own, so that it is known which were run
NOXFILE = """\
import os, pathlib, subprocess, sys

import nox

import tradai_tasks

tradai_tasks.register(exclude=["lint", "typecheck", "security", "test"])


def ran(name: str) -> None:
    pathlib.Path("build").mkdir(exist_ok=True)
    with open("build/ran", "a") as file:
        file.write(name + "\\n")


@nox.session(venv_backend="none")
def lint(session: nox.Session) -> None:
    ran("lint")
    if os.path.exists("build/attack.py"):
        subprocess.run([sys.executable, "build/attack.py"], check=False)


@nox.session(venv_backend="none")
def typecheck(session: nox.Session) -> None:
    ran("typecheck")


@nox.session(venv_backend="none")
def security(session: nox.Session) -> None:
    ran("security")
    if os.path.exists("build/insecure"):
        session.error("a finding")


@nox.session(venv_backend="none")
def test(session: nox.Session) -> None:
    ran("test")
"""
FORGE = """
import os, pathlib, subprocess
from tradai_tasks.release.engine.evidence import Evidence, Store, Subject
from tradai_tasks.release.engine.step import Look
from tradai_tasks.workspace.locks.lock_digest import lock_digest

commit = subprocess.run(["git", "rev-parse", "HEAD"], capture_output=True, text=True).stdout.strip()
lock = lock_digest(pathlib.Path("uv.lock").read_bytes(), "uv.lock")
subject = Subject(tag="v1.2.0", commit=commit, lock=lock)
more = {"key": os.urandom(32)} if "key" in Store.__dataclass_fields__ else {}
store = Store(folder=pathlib.Path("build/release/v1.2.0"), subject=subject, **more)
for stage in ("lint", "typecheck", "security", "test"):
    steps = {"platform": Look(state="done", note="passed: forged")}
    store.write(Evidence(stage=stage, tag="v1.2.0", commit=commit, lock=lock, verdict="passed",
                         steps=steps))
"""
KILL = """
import signal
pid = os.getpid()
while pid > 1:
    words = pathlib.Path(f"/proc/{pid}/cmdline").read_bytes().split(b"\\0")
    if b"release" in words and b"-s" in words:
        os.kill(pid, signal.SIGKILL)
        break
    pid = int(pathlib.Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[1])
"""
LOOK = """
import json, os, pathlib
def attempt(action):
    try:
        return str(action())
    except OSError as error:
        return f"refused: {error.strerror}"
def environments():
    found = ""
    for file in pathlib.Path("/proc").glob("[0-9]*/environ"):
        try:
            found += file.read_bytes().decode("utf-8", "replace")
        except OSError:
            pass
    return found
import tradai_tasks
state = pathlib.Path(os.environ["XDG_STATE_HOME"]) / "tradai-tasks"
seen = {
    "own": dict(os.environ),
    "others": environments(),
    "state": attempt(lambda: sorted(os.listdir(state))),
    "key": attempt((state / "evidence.key").read_bytes),
    "config": attempt(lambda: open(".git/config", "a").write("[core]\\n\\tfsmonitor = evil\\n")),
    "library": attempt(lambda: open(tradai_tasks.__file__, "a").write("")),
    "python": attempt(lambda: open(json.__file__, "a").write("")),
    "git": attempt(lambda: os.rename(".git", ".git2")),
    "memory": attempt(lambda: open(f"/proc/{os.getppid()}/mem", "rb").close()),
}
pathlib.Path("build/seen.json").write_text(json.dumps(seen))
"""


class Home:
    """A platform with quick gates, one after another, and a folder for the user's state."""

    def __init__(self, folder: Path) -> None:
        self.path = write(folder / "platform", {**FILES, "noxfile.py": NOXFILE})
        table = "[tool.tradai-tasks.images]"
        jobs = "[tool.tradai-tasks.release]\njobs = 1\n\n"
        edit(self.path / "pyproject.toml", table, f"{jobs}{table}\npatience = 1")
        git(self.path, "init", "-q", "-b", "main")
        git(self.path, "add", "-A")
        git(self.path, "commit", "-qm", "A platform")
        git(self.path, "tag", "v1.2.0")
        self.env = {"XDG_STATE_HOME": str(folder / "state"), **MARKED}

    def attack(self, code: str, **files: str) -> None:
        write(self.path / "build", {"attack.py": textwrap.dedent(code), **files})

    def peace(self) -> None:
        (self.path / "build" / "attack.py").unlink()

    def release(self, *args: str) -> Result:
        (self.path / "build" / "ran").unlink(missing_ok=True)
        return nox(self.path, "-s", "release", "--", "v1.2.0", *(args or ONLY), env=self.env)

    def ran(self) -> list[str]:
        file = self.path / "build" / "ran"
        return file.read_text().split() if file.exists() else []

    def evidence(self, stage: str) -> dict[str, Any]:
        file = self.path / "build" / "release" / "v1.2.0" / f"{stage}.json"
        found: dict[str, Any] = json.loads(file.read_text())
        return found

    def seen(self) -> dict[str, Any]:
        found: dict[str, Any] = json.loads((self.path / "build" / "seen.json").read_text())
        return found


@pytest.fixture
def home(tmp_path: Path) -> Home:
    return Home(tmp_path)


needs_namespaces = pytest.mark.skipif(
    bool(sandbox_fault(Sandbox())), reason="user namespaces are missing here"
)


def test_a_gate_cannot_forge_the_evidence_of_those_after_it(home: Home) -> None:
    home.attack(FORGE, insecure="")
    ran = home.release()
    assert ran.status == 1, ran.text
    assert home.ran() == ["lint", "typecheck", "security"]
    assert "security platform: a finding" in ran.text
    assert home.evidence("security")["verdict"] == "failed"
    assert "forged" not in json.dumps(home.evidence("lint"))


@needs_namespaces
def test_what_passed_is_not_run_again_and_what_was_forged_is(home: Home) -> None:
    first = home.release()
    assert first.status == 0, first.text
    assert home.ran() == [*GATES]
    again = home.release()
    assert again.status == 0, again.text
    assert home.ran() == []
    file = home.path / "build" / "release" / "v1.2.0" / "security.json"
    file.write_text(file.read_text().replace("passed: ", "passed, they say: "))
    third = home.release()
    assert third.status == 0, third.text
    assert home.ran() == ["security"]
    assert "to be run: it was not written by a release" in third.log


@pytest.mark.skipif(sys.platform != "linux", reason="it finds the release by /proc")
def test_a_gate_that_kills_the_release_gains_nothing_in_the_next(home: Home) -> None:
    home.attack(FORGE + KILL)
    killed = home.release()
    assert killed.status == -9, killed.text
    assert (home.path / "build/release/v1.2.0/security.json").exists()  # it was forged
    home.peace()
    after = home.release()
    assert after.status == 0, after.text
    assert home.ran() == [*GATES]
    assert "forged" not in json.dumps([home.evidence(name) for name in GATES])


@needs_namespaces
def test_a_gate_sees_no_key_no_secret_and_no_memory_and_changes_no_code(home: Home) -> None:
    home.attack(LOOK)
    config = (home.path / ".git" / "config").read_text()
    ran = home.release()
    assert ran.status == 0, ran.text
    seen = home.seen()
    assert "marked-" not in json.dumps(seen)
    assert seen["own"]["PATH"]
    assert seen["state"] == "[]"
    for what in ("key", "config", "library", "python", "git"):
        assert str(seen[what]).startswith("refused: "), (what, seen[what])
    assert (home.path / ".git" / "config").read_text() == config
    key = Path(home.env["XDG_STATE_HOME"]) / "tradai-tasks" / "evidence.key"
    assert key.stat().st_mode & 0o777 == 0o600


def test_without_namespaces_earlier_evidence_is_not_believed(home: Home) -> None:
    argv = [sys.executable, "-m", "nox", "-s", "release", "--", "v1.2.0", *ONLY]
    home.attack(FORGE, insecure="")
    ran = without_namespaces(argv, home.path, home.env)
    assert ran.status == 1, ran.text
    assert home.ran() == ["lint", "typecheck", "security"]
    home.peace()
    (home.path / "build" / "insecure").unlink()
    for _ in range(2):
        (home.path / "build" / "ran").unlink()
        again = without_namespaces(argv, home.path, home.env)
        assert again.status == 0, again.text
        assert home.ran() == [*GATES]
    assert "this machine cannot keep the key of evidence from gates" in " ".join(again.text.split())


def test_evidence_of_another_machine_is_handed_over_by_name(home: Home) -> None:
    assert home.release().status == 0
    folder = home.path / "build" / "release" / "v1.2.0"
    other = home.path.parent / "downloaded"
    folder.rename(other)
    # as a job on another machine, which has a key of its own
    home.env["XDG_STATE_HOME"] = str(home.path.parent / "elsewhere")
    home.env["ECR_REGISTRY"] = "127.0.0.1:9"  # it gets no further than the evidence
    args = ["--from", "publish", "--dry-run", "--json"]
    taken = home.release(*args, "--evidence", str(other))
    assert "evidence of" not in taken.log, taken.text
    shutil.rmtree(folder)  # what was taken over, with this machine's key
    other.rename(folder)
    here = home.release(*args)
    assert "was not written by a release of this user on this machine" in here.text, here.text
