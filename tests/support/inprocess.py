"""nox in this process, with its door to subprocesses recorded: no command really runs."""

from __future__ import annotations

import contextlib
import os
import re
import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import nox
import pytest
from nox import _cli
from nox.command import CommandFailed

from tests.support.real import NOXFILE, write

_CLEARED: tuple[str, ...] = (
    "CI",
    "GITHUB_ACTIONS",
    "GITHUB_OUTPUT",
    "GITHUB_STEP_SUMMARY",
    "NOXSESSION",
)
_CLEARED += ("GITHUB_EVENT_NAME", "GITHUB_EVENT_PATH", "NOX_DEFAULT_VENV_BACKEND", "PYTHONPATH")

Script = Callable[[Sequence[str]], int]


@dataclass
class Ran:
    """What a nox run came to."""

    status: int
    out: str
    log: str
    commands: list[list[str]] = field(default_factory=list)
    folders: list[Path] = field(default_factory=list)  # where each command ran

    def starting(self, *words: str) -> list[list[str]]:
        """The commands that begin with some words, whatever folder the program is in."""
        return [c for c in self.commands if [Path(c[0]).name, *c[1 : len(words)]] == list(words)]


def failed(ran: Ran, *passages: str) -> None:
    """Check that a run failed, said why, and showed no traceback."""
    assert ran.status != 0, ran.log
    for passage in passages:
        assert passage in ran.log, ran.log
    assert "Traceback" not in ran.log


class InProcess:
    """Runs nox on a project."""

    def __init__(
        self, home: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
    ) -> None:
        self.home = home
        self.monkeypatch = monkeypatch
        self.capsys = capsys
        for name in _CLEARED:
            monkeypatch.delenv(name, raising=False)

    def files(self, files: Mapping[str, str]) -> InProcess:
        write(self.home, {"noxfile.py": NOXFILE, **files})
        return self

    def __call__(
        self, *args: str, script: Script = lambda _: 0, env: Mapping[str, str] | None = None
    ) -> Ran:
        ran = Ran(status=-1, out="", log="")

        def run(argv: Sequence[Any], *_: Any, **given: Any) -> Any:
            words = [os.fspath(word) for word in argv]
            ran.commands.append(words)
            ran.folders.append(Path.cwd())
            with contextlib.redirect_stdout(given.get("stdout") or sys.stdout):
                status = script(words)
            if [Path(words[0]).name, *words[1:2]] == ["uv", "venv"] and status == 0:
                environment(Path(words[4]), words[3])
            if words[0] == "mypy":  # it leaves a report when it has come to its end
                for word in words:
                    if word.startswith("--junit-xml="):
                        Path(word.partition("=")[2]).touch()
            codes = given.get("success_codes")
            if status not in ([0] if codes is None else codes):
                raise CommandFailed(f"Returned code {status}", return_code=status)
            if words[1:3] == ["check", "--show-files"]:  # of ruff
                found = [file for word in words[3:] for file in Path.cwd().glob(f"{word}/**/*.py")]
                return "\n".join(map(str, found))
            return "" if given.get("silent") else True

        with self.monkeypatch.context() as patch:
            for name, value in (env or {}).items():
                patch.setenv(name, value)
            patch.setattr(nox.command, "run", run)
            patch.setattr(sys, "argv", ["nox", *args])
            patch.chdir(self.home)
            nox.registry.reset()
            self.capsys.readouterr()
            try:
                _cli.nox_main()
            except SystemExit as stopped:
                ran.status = int(stopped.code or 0)
            sys.modules.pop("user_nox_module", None)
        said = self.capsys.readouterr()
        ran.out, ran.log = said.out, said.err
        return ran


def environment(folder: Path, python: str) -> None:
    """Leave behind what `uv venv` does, as far as the library looks at it.

    Args:
        folder: Where.
        python: The interpreter, whose path or name tells its version; else it is this one.
    """
    found = re.search(r"(\d+\.\d+(?:\.\d+)?)(?:/|$)", python)
    version = found[1] if found else ".".join(map(str, sys.version_info[:3]))
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "pyvenv.cfg").write_text(
        f"implementation = CPython\nuv = 1\nversion_info = {version}\n"
    )


@pytest.fixture
def run(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> InProcess:
    return InProcess(tmp_path, monkeypatch, capsys)
