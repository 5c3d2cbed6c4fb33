"""The folder below `build/reports` where a session leaves what CI uploads."""

from __future__ import annotations

from pathlib import Path

from tradai_tasks.errors import FileNotWrittenError
from tradai_tasks.files.atomic_write import ignore_folder
from tradai_tasks.files.path_guard import require_inside

REPORTS = "build/reports"  # from the workspace root


def make_report_folder(root: Path, *parts: str) -> Path:
    """Create and return a folder below `build/reports`, which git always ignores.

    Raises:
        FileNotWrittenError: It cannot be made.
    """
    top = root / REPORTS
    folder = top.joinpath(*parts)
    require_inside(root, folder / ".gitignore")
    try:
        folder.mkdir(parents=True, exist_ok=True)
        ignore_folder(top)
    except OSError as error:
        raise FileNotWrittenError(
            f"{folder}: cannot be written: {error.strerror}; sessions keep their reports there"
        ) from None
    return folder
