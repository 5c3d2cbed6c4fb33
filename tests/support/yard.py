"""A container engine, a registry that can fail, and releases to make images for."""

from __future__ import annotations

import os
import shutil
import subprocess
import threading
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from tests.support.real import git, write
from tests.support.registry import PASSWORD, USER, Proxy
from tradai_tasks import process
from tradai_tasks.process import Completed
from tradai_tasks.release.clients.image_reference import Home
from tradai_tasks.release.clients.registry import RemoteImage
from tradai_tasks.release.engine.source_export import SourceExport, lock_files
from tradai_tasks.release.engine.step import Look, Release
from tradai_tasks.release.images.image_decisions import LatestRule
from tradai_tasks.release.images.image_specs import ImageSpec
from tradai_tasks.release.images.image_steps import ImageStep, image_stage
from tradai_tasks.release.images.image_tools import ImageTools, open_image_tools
from tradai_tasks.settings.images import ImagesSettings
from tradai_tasks.vcs.git import Git
from tradai_tasks.workspace.tags import parse_tag

BASE = "stand-in/base:1"
DOCKERFILE = f'FROM {BASE}\nCOPY message /message\nRUN cat /message > /copy\nCMD ["sh"]\n'
A, B, C = ("a" * 40, "b" * 40, "c" * 40)


@dataclass
class Yard:
    """Everything that an image step meets, and what it ran."""

    docker: str  # DOCKER_HOST
    proxy: Proxy
    root: Path
    env: dict[str, str]
    given: dict[str, Any]  # settings
    ran: list[list[str]] = field(default_factory=list)
    judged: tuple[str, ...] = ()  # projects whose lock files are part of a release

    def settings(self, **more: Any) -> ImagesSettings:
        return ImagesSettings(**{"registry": self.proxy.host, **self.given, **more})

    def spec(self, name: str = "web", **more: Any) -> ImageSpec:
        given = {"context": "web", "dockerfile": "web/Dockerfile", "kind": "service", **more}
        return ImageSpec(name=name, host=self.proxy.host, path=f"tradai/{name}", **given)

    def release(self, tag: str, commit: str, **more: Any) -> Release:
        given = {"source": "https://example.com/it", "time": 1_700_000_000, **more}
        read = parse_tag(tag, ["momentum"])
        return Release(tag=read, commit=commit, root=self.root, **given)

    @contextmanager
    def tools(
        self, *, stop: threading.Event | None = None, **settings: Any
    ) -> Iterator[ImageTools]:
        home = Home(host=self.proxy.host)
        with open_image_tools(
            self.settings(**settings),
            home,
            root=self.root,
            env=self.env,
            stop=stop,
            source=self.source(),
        ) as tools:
            yield tools

    def source(self) -> SourceExport:
        """What is on disk by now, committed: images are built of a commit."""
        git(self.root, "add", "-A")
        git(self.root, "commit", "-qm", "As it is", "--allow-empty")
        head = git(self.root, "rev-parse", "HEAD")
        locks = lock_files(self.root, self.judged)
        return SourceExport(git=Git.open(self.root), commit=head, judged=locks)

    @contextmanager
    def step(
        self, tag: str, commit: str, *, rule: LatestRule = "forward", spec: ImageSpec | None = None,
        **settings: Any,
    ) -> Iterator[ImageStep]:  # fmt: skip
        with self.tools(**settings) as tools:
            stage = image_stage(
                self.release(tag, commit), images=[spec or self.spec()], tools=tools, latest=rule
            )
            (step,) = stage.steps
            assert isinstance(step, ImageStep)
            yield step

    def run(self, tag: str, commit: str, **more: Any) -> Look:
        """Look, and act where that is to do, as a release does."""
        with self.step(tag, commit, **more) as step:
            look = step.look({})
            return step.act({}) if look.state == "todo" else look

    def there(self, tag: str, name: str = "web") -> RemoteImage | None:
        with self.tools() as tools:
            return tools.registry.image(f"tradai/{name}", tag, platform="linux/amd64")

    def digest(self, tag: str, name: str = "web") -> str | None:
        found = self.there(tag, name)
        return found.digest if found else None

    def commands(self, *words: str) -> list[list[str]]:
        """The engine's commands that begin so, of those that were run."""
        return [one for one in self.ran if one[1 : len(words) + 1] == list(words)]

    def forget(self) -> None:
        self.proxy.forget()
        self.ran.clear()


def open_yard(
    docker: str, proxy: Proxy, root: Path, monkeypatch: pytest.MonkeyPatch, **settings: Any
) -> Yard:
    """Make a yard with a project, whose engine's commands are noted and whose waits are short."""
    root.mkdir(exist_ok=True)
    git(root, "init", "-q", "-b", "main")
    write(root, {"web/Dockerfile": DOCKERFILE, "web/message": "hello\n"})
    env = {
        **os.environ,
        "DOCKER_HOST": docker,
        "REGISTRY_USERNAME": USER,
        "REGISTRY_PASSWORD": PASSWORD,
    }
    yard = Yard(docker, proxy, root, env, {"network": "host", "patience": 20, **settings})
    door = process.run

    def noted(argv: Sequence[str], **more: Any) -> Completed:
        yard.ran.append(list(argv))
        return door(argv, **more)

    logged = process.run_logged

    def noted_too(argv: Sequence[str], **more: Any) -> int:
        yard.ran.append(list(argv))
        return logged(argv, **more)

    monkeypatch.setattr("tradai_tasks.release.images.image_steps._MOMENT", 0.01)
    monkeypatch.setattr("tradai_tasks.http_client.retry._FIRST", 0.01)
    monkeypatch.setattr("tradai_tasks.release.images.engine.run", noted)
    monkeypatch.setattr("tradai_tasks.release.images.engine.run_logged", noted_too)
    return yard


def docker(host: str, *args: str, env: Mapping[str, str] | None = None) -> str:
    """Run the docker client and return what it prints."""
    done = subprocess.run(
        ["docker", *args],
        env={**os.environ, **(env or {}), "DOCKER_HOST": host},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout.strip()


def buildkit_path(folder: Path) -> str | None:
    """Return a PATH whose docker has BuildKit; None where there is none on this machine."""
    for place in os.environ["PATH"].split(os.pathsep):
        program = shutil.which("docker", path=place)
        if program is None:
            continue
        version = subprocess.run(
            [program, "--version"], capture_output=True, text=True, check=False
        ).stdout
        buildx = subprocess.run([program, "buildx", "version"], capture_output=True, check=False)
        if buildx.returncode == 0 or version.startswith(("Docker version 20.", "Docker version 1")):
            folder.mkdir(parents=True, exist_ok=True)
            (folder / "docker").symlink_to(program)
            return f"{folder}{os.pathsep}{os.environ['PATH']}"
    return None
