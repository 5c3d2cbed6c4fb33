"""Ask uv whether a lock file is fresh, stale or missing, or cannot be checked."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from tradai_tasks.files.file_tree import Tree, join
from tradai_tasks.process import run


@dataclass(frozen=True, kw_only=True, slots=True)
class LockState:
    """The state of one lock file according to uv."""

    file: str  # path from the root
    state: Literal["fresh", "stale", "missing", "unknown"]
    said: str = ""  # uv's whole output

    @property
    def why(self) -> str:
        """Why uv could not check it, in one line."""
        lines = [line.strip() for line in self.said.splitlines() if line.strip()]
        found = [line for line in lines if line.startswith(("error:", "cause:", "Caused by:"))]
        return "; ".join((found or lines or ["uv says nothing"])[:2])


def state_of(  # noqa: PLR0913 - where, what, and how
    uv: str,
    root: Path,
    tree: Tree,
    project: str,
    further: Sequence[str] = (),
    *,
    timeout: float | None = None,
) -> LockState:
    """Ask uv whether a project's lock file exists and is fresh, for at most `timeout` seconds.

    Raises:
        CommandFailedError: uv does not finish in time.
        ToolMissingError: uv is not installed.
    """
    file = join(project, "uv.lock")
    if not tree.is_file(file):
        return LockState(file=file, state="missing")
    argv = [uv, "lock", "--check", "--project", project, *further]
    done = run(argv, cwd=root, check=False, timeout=timeout)
    if done.returncode == 0:
        return LockState(file=file, state="fresh", said=done.error_text)
    # uv exits with the same status if it cannot resolve the requirements
    is_stale = "needs to be updated" in done.error_text
    return LockState(file=file, state="stale" if is_stale else "unknown", said=done.error_text)
