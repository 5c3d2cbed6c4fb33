"""Wheels of the workspace that images are built with."""

from __future__ import annotations

import os
import threading
from collections.abc import Collection, Sequence
from pathlib import Path

from tradai_tasks.affected.git import Git
from tradai_tasks.atomic_file import ignore_folder
from tradai_tasks.release.wheels import build, build_env
from tradai_tasks.workspace import Package

__all__ = ["build_wheels"]

_LOCK = threading.Lock()
_BUILT: set[tuple[Path, str, str]] = set()


def build_wheels(
    root: Path, packages: Sequence[Package], commit: str, *, secret: Collection[str] = ()
) -> None:
    """Build packages' wheels into dist/, in place of any older ones.

    Each is built once for a commit, however many images take it: another may be reading it.

    Args:
        root: The workspace root.
        packages: What to build.
        commit: That is checked out.
        secret: Names of variables that their builds are not to see.

    Raises:
        BuildFailedError: uv could not build one.
    """
    with _LOCK:
        lacking = [one for one in packages if (root, one.name, commit) not in _BUILT]
        if not lacking:
            return
        dist = root / "dist"
        dist.mkdir(exist_ok=True)
        ignore_folder(dist)  # as uv does: what is made is never a change of the work tree
        build(Git.open(root), lacking, dist, env=build_env(os.environ, secret))
        _BUILT.update((root, one.name, commit) for one in lacking)
