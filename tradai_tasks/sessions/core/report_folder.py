"""Give a session's run a folder for its reports that no other run uses at the same time."""

from __future__ import annotations

import contextlib
import errno
import fcntl
import itertools
import os
import shutil
from collections.abc import Iterator
from pathlib import Path

from tradai_tasks.errors import FileNotWrittenError
from tradai_tasks.files.report_folder import make_report_folder
from tradai_tasks.repository import Repository


@contextlib.contextmanager
def report_folder(repository: Repository, *parts: str) -> Iterator[Path]:
    """Yield an emptied folder below `build/reports`, locked until the end.

    If another run of the same session has the folder, this one gets `<folder>~2`, or the next
    number that is free.

    Raises:
        FileNotWrittenError: It cannot be made or emptied.
    """
    for number in itertools.count(1):
        *above, last = parts
        folder = make_report_folder(
            repository.root, *above, last if number == 1 else f"{last}~{number}"
        )
        handle = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
        try:
            if not _lock(handle):
                continue
            empty(folder)
            yield folder
            return
        finally:
            os.close(handle)  # which ends the lock


def empty(folder: Path) -> None:
    """Remove what is in a folder; raise FileNotWrittenError if it cannot be removed."""
    try:
        for path in folder.iterdir():
            shutil.rmtree(path) if path.is_dir() and not path.is_symlink() else path.unlink()
    except OSError as error:
        raise FileNotWrittenError(
            f"{error.filename}: a report of an earlier run cannot be removed: {error.strerror}"
        ) from None


def _lock(handle: int) -> bool:
    """Lock an open folder; return False if another process has it."""
    try:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    except OSError as error:
        # a file system without locks, where runs of one session at a time are not told apart
        if error.errno not in {errno.ENOLCK, errno.ENOTSUP, errno.EINVAL}:
            raise
    return True
