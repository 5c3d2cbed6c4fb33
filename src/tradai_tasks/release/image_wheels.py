"""Wheels of the workspace that images are built with."""

from __future__ import annotations

import threading
from collections.abc import Iterable
from pathlib import Path

from tradai_tasks.process import run

__all__ = ["build_wheels"]

_LOCK = threading.Lock()
_BUILT: set[tuple[Path, str, str]] = set()


def build_wheels(root: Path, packages: Iterable[str], commit: str) -> None:
    """Build packages' wheels into dist/, in place of any older ones.

    Each is built once for a commit, however many images take it: another may be reading it.

    Raises:
        CommandFailedError: uv could not build one.
    """
    dist = root / "dist"
    with _LOCK:
        for name in packages:
            if (root, name, commit) in _BUILT:
                continue
            for old in dist.glob(f"{name.replace('-', '_')}-*.whl"):
                old.unlink()
            run(["uv", "build", "--package", name, "--wheel", "--out-dir", str(dist)], cwd=root)
            _BUILT.add((root, name, commit))
