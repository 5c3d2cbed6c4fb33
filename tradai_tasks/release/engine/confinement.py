"""Restrict what the repository's own code can access while a release runs.

With user namespaces (Linux) gates and builds run in a sandbox: the release's key and scratch files
are hidden, the repository's `.git` and the library's own environment are read-only, and the memory
and environment of all that runs outside are closed. Without them only the allowance of variables
is left, and evidence of an earlier run is not believed: a gate could have read the key.
"""

from __future__ import annotations

import secrets
import sys
import sysconfig
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from tradai_tasks.environment_allowance import Allowance
from tradai_tasks.errors import StateFolderError
from tradai_tasks.process import sandbox_fault
from tradai_tasks.release.engine.state_folder import evidence_key, scratch_folder, state_folder
from tradai_tasks.sandbox import Sandbox, close_memory
from tradai_tasks.settings.model import Settings
from tradai_tasks.vcs.git import Git
from tradai_tasks.vcs.git_environment import run_git

# Files that the runner reads once a step has ended: a line in them steers later steps.
_STEERING = ("GITHUB_ENV", "GITHUB_OUTPUT", "GITHUB_PATH", "GITHUB_STATE")


@dataclass(frozen=True, kw_only=True, slots=True)
class Confinement:
    """Confinement in which the gates and builds of one release run."""

    sandbox: Sandbox | None  # None where the machine has none
    why_not: str = ""  # the reason for that
    key: bytes = field(repr=False)  # that evidence is authenticated with
    scratch: Path | None = None  # folder that gates do not see; None for the usual one

    @property
    def unkept(self) -> str:
        """Why evidence of an earlier run cannot be accepted; empty if it can."""
        if not self.why_not:
            return ""
        return f"this machine cannot keep the key of evidence from gates ({self.why_not})"


def confine(git: Git, env: Mapping[str, str]) -> Confinement:
    """Return the confinement for the repository's own code, and protect this process's memory."""
    close_memory()
    try:
        state = state_folder(env)
        sandbox = Sandbox(
            hide=(state, *steering_files(env)),
            read_only=tuple(sorted({*_git_folders(git), *_library_folders()})),
        )
        why_not = sandbox_fault(sandbox)
        if not why_not:
            key = evidence_key(state)
            return Confinement(sandbox=sandbox, key=key, scratch=scratch_folder(state))
    except StateFolderError as error:
        why_not = str(error)
    # a key of this process alone: what it writes is evidence for itself and no later run
    return Confinement(sandbox=None, why_not=why_not, key=secrets.token_bytes(32))


def allowance_of(settings: Settings) -> Allowance:
    """Return the environment variables that the repository's own code may see."""
    images, index = settings.images, settings.publish.index
    never = {images.username_env, images.password_env, settings.devcontainer.password_env}
    if index is not None:
        never |= {index.username_env, index.password_env}
    return Allowance(named=settings.release.gate_environment, never=frozenset(never))


def _git_folders(git: Git) -> list[Path]:
    """Return git's common folder and the folder of this work tree."""
    argv = ["rev-parse", "--path-format=absolute", "--git-common-dir", "--git-dir"]
    done = run_git(git.folder, *argv, env=git.env)
    return [Path(line).resolve() for line in done.text.splitlines()]


def _library_folders() -> list[Path]:
    """Return the Python environment that this library runs from, which a gate must not change."""
    named = [sysconfig.get_path(key) for key in ("stdlib", "platstdlib", "purelib", "platlib")]
    named += [sys.executable, *([] if sys.prefix == sys.base_prefix else [sys.prefix])]
    own = sys.modules[__name__.partition(".")[0]].__file__  # an editable one is elsewhere
    named += [str(Path(str(own)).parent)]
    return sorted({Path(one).resolve() for one in named if one and Path(one).exists()})


def steering_files(env: Mapping[str, str]) -> list[Path]:
    """Return the files with which a step of a CI job controls later steps."""
    named = (Path(env[name]) for name in _STEERING if env.get(name))
    return [path.resolve() for path in named if path.is_file()]
