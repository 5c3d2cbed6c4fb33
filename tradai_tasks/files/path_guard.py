"""Check that a file to write is inside a folder, with all links followed."""

from __future__ import annotations

import os
from pathlib import Path, PurePosixPath

from tradai_tasks.errors import FileExistsAlreadyError

__all__ = ["is_relative_below", "require_inside"]


def is_relative_below(name: str) -> bool:
    """Return whether a relative POSIX path, as it is written, stays below its folder."""
    path = PurePosixPath(name)
    return bool(path.parts) and not path.is_absolute() and ".." not in path.parts


def require_inside(root: Path, file: Path) -> Path:
    """Return a file to write, after checking that it is below a folder with all links followed.

    Args:
        root: The folder.
        file: The file, which need not exist yet; it must not be a link itself.

    Raises:
        FileExistsAlreadyError: It is outside the folder, or it is a link.
    """
    place = Path(os.path.realpath(file.parent))
    home = Path(os.path.realpath(root))
    shown = file.relative_to(root).as_posix() if file.is_relative_to(root) else str(file)
    if not place.is_relative_to(home):
        raise FileExistsAlreadyError(
            f"{shown}: a link leads out of {home}; nothing was written there; take the link away"
        )
    if file.is_symlink():
        raise FileExistsAlreadyError(
            f"{shown}: a link, which is not written through; put a file in its place"
        )
    return file
