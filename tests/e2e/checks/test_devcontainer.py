"""`devcontainer` with stand-ins for the devcontainer CLI and docker, which note their calls.

Both are executables of ours on PATH: the CLI is a program of Node that builds real images.
"""

from __future__ import annotations

import json
import os
import shutil
import sys
from pathlib import Path
from typing import Any

import pytest

from tests.support.inprocess import InProcess, run
from tests.support.real import nox, write

__all__ = ["run"]

FILES = {
    "noxfile.py": "import tradai_tasks\n\ntradai_tasks.register()\n",
    "pyproject.toml": (
        '[project]\nname = "x"\nversion = "1"\n'
        '[tool.tradai-tasks.devcontainer]\nimage = "ghcr.io/acme/platform/dev"\n'
        'command = ["just", "check"]\n'
    ),
    ".devcontainer/devcontainer.json": "{}",
}
FAKE = """#!{python}
import json, os, pathlib, sys
home = pathlib.Path(__file__).parent
name = pathlib.Path(__file__).name
words = [name, *sys.argv[1:]]
told = json.loads((home / "told.json").read_text())
with (home / "ran").open("a") as ran:
    stdin = sys.stdin.read() if "login" in words else ""
    place = os.environ.get("DOCKER_CONFIG", "")
    ran.write(json.dumps([words, stdin, place]) + "\\n")
if "up" in words:
    print(json.dumps({{"outcome": "success", "containerId": "a" * 64}}))
sys.exit(told.get(f"{{name}} {{words[1]}}", 0))
"""


class Place:
    def __init__(self, home: Path) -> None:
        self.home = write(home / "it", FILES)
        self.tools = home / "bin"
        self.tell({})
        for name in ("devcontainer", "docker"):
            write(self.tools, {name: FAKE.format(python=sys.executable)})
            (self.tools / name).chmod(0o755)

    def tell(self, told: dict[str, int]) -> None:
        write(self.tools, {"told.json": json.dumps(told)})
        (self.tools / "ran").unlink(missing_ok=True)

    @property
    def ran(self) -> list[Any]:
        file = self.tools / "ran"
        return [json.loads(line) for line in file.read_text().splitlines()] if file.exists() else []

    def words(self) -> list[str]:
        return [" ".join(one[0][:2]) for one in self.ran]

    def __call__(self, *args: str, **env: str) -> Any:
        path = f"{self.tools}{os.pathsep}{os.environ['PATH']}"
        ran = nox(self.home, "-s", "devcontainer", "--", *args, env={"PATH": path, **env})
        assert "Traceback" not in ran.text
        assert "marked-token" not in ran.text.replace("::add-mask::marked-token", "")
        return ran


@pytest.fixture
def place(tmp_path: Path) -> Place:
    return Place(tmp_path)


LOGIN = {"GITHUB_ACTOR": "robot", "GITHUB_TOKEN": "marked-token"}


def test_built_tested_and_pushed(place: Place) -> None:
    ran = place("--test", "--push", **LOGIN)
    assert ran.status == 0, ran.text
    assert place.words() == [
        "devcontainer build",
        "devcontainer up",
        "devcontainer exec",
        "docker rm",
        "docker login",
        "docker push",
    ]
    build, up, executed, removed, login, push = place.ran
    assert build[0][2:] == [
        f"--workspace-folder={place.home}",
        "--image-name=ghcr.io/acme/platform/dev:latest",
    ]
    assert "--remove-existing-container" in up[0]
    assert executed[0][-2:] == ["just", "check"]
    assert removed[0] == ["docker", "rm", "--force", "a" * 64]
    assert (login[0][2:], login[1]) == (
        ["ghcr.io", "--username", "robot", "--password-stdin"],
        "marked-token",
    )
    assert push[0] == ["docker", "push", "ghcr.io/acme/platform/dev:latest"]
    # a login of its own, which is gone
    assert login[2] == push[2] != ""
    assert not Path(push[2]).exists()


@pytest.mark.parametrize(
    ("told", "said", "last"),
    [
        ({"devcontainer build": 1}, "the image could not be built", "devcontainer build"),
        ({"devcontainer up": 1}, "the container did not start", "docker rm"),
        ({"devcontainer exec": 3}, "just check failed in the container", "docker rm"),
        ({"docker login": 1}, "ghcr.io: login refused; check GITHUB_ACTOR", "docker login"),
        ({"docker push": 1}, "could not be pushed", "docker push"),
    ],
)
def test_what_fails_ends_it_there(place: Place, told: dict[str, int], said: str, last: str) -> None:
    place.tell(told)
    ran = place("--test", "--push", **LOGIN)
    assert ran.status == 1
    assert said in " ".join(ran.log.split())
    assert place.words()[-1] == last


def test_what_lacks_is_said_before_anything_is_run(place: Place) -> None:
    ran = place("--push", GITHUB_ACTOR="robot", GITHUB_TOKEN="")
    assert "--push needs GITHUB_TOKEN to be set" in ran.log
    dry = place("--test", "--push", "--dry-run")
    assert dry.status == 0
    assert dry.out.splitlines()[1:] == [
        f"devcontainer exec --workspace-folder={place.home} just check",
        "docker push ghcr.io/acme/platform/dev:latest",
    ]
    settings = FILES["pyproject.toml"].partition("[tool.")[0]
    write(place.home, {"pyproject.toml": settings})
    assert "devcontainer.image: not set; name the image" in place("--push").log
    assert place.ran == []


def test_without_one_there_is_no_session(run: InProcess) -> None:
    files = {name: text for name, text in FILES.items() if not name.startswith(".dev")}
    assert "devcontainer" not in run.files(files)("-l").out
    assert "devcontainer" in run.files(FILES)("-l").out


def test_a_cli_that_is_not_installed_is_fetched_by_npx_in_one_version(place: Place) -> None:
    (place.tools / "devcontainer").rename(place.tools / "npx")
    ran = place()
    assert ran.status == 0, ran.text
    ((words, _, _),) = place.ran
    assert words[:4] == ["npx", "--yes", "--", "@devcontainers/cli@0.89.0"]
    assert words[4] == "build"


def test_neither_the_cli_nor_npx_is_said_before_anything_is_run(
    run: InProcess, monkeypatch: pytest.MonkeyPatch
) -> None:
    run.files(FILES)
    # git alone is there: sessions ask it which files there are
    found = shutil.which
    monkeypatch.setattr(
        "tradai_tasks.process.shutil.which",
        lambda name, **given: found(name, **given) if name == "git" else None,
    )
    ran = run("-s", "devcontainer")
    assert ran.status == 1
    said = "devcontainer: not found on PATH, nor is npx, which would fetch it; install Node.js, or"
    assert f"{said} the tool: npm install --global @devcontainers/cli@0.89.0" in ran.log
    assert ran.commands == []
