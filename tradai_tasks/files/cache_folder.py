"""The folder for caches: where it is, whether it is trusted, and how long files stay there.

What is read from it decides what is tested, so only what this user wrote there counts. A file that
cannot be read or written costs time, nothing else.
"""

from __future__ import annotations

import contextlib
import os
import pwd
import re
import stat
import sys
import time
from collections.abc import Mapping
from pathlib import Path

from tradai_tasks.errors import CacheFolderError
from tradai_tasks.files.atomic_write import ignore_folder, is_ignored, remove_leftovers, write_whole

_VARIABLE = "TRADAI_TASKS_CACHE"
_OURS = re.compile(r"imports-[0-9a-f-]+(?:-stamps)?\.msgpack")
_SHARED = Path("/tmp")  # nosec B108 # noqa: S108 - whose the folder in it is, is looked at
_MOST_FILES = 64  # two for each checkout and version of Python
_UNUSED = 30 * 86_400  # seconds
_IN_USE = 86_400  # seconds after which a file that is read is marked as used
_WRITABLE_BY_OTHERS = stat.S_IWGRP | stat.S_IWOTH


def cache_folder(env: Mapping[str, str]) -> Path:
    """Return the folder for caches: `TRADAI_TASKS_CACHE`, else the user's cache folder.

    A relative XDG_CACHE_HOME or HOME does not count, so it is never below the folder of the
    command.

    Raises:
        CacheFolderError: `TRADAI_TASKS_CACHE` is relative.
    """
    given = env.get(_VARIABLE)
    if given:
        if not Path(given).is_absolute():
            raise CacheFolderError(
                f"{_VARIABLE}={given}: a relative path, which would lie in the work tree; set it "
                f"to an absolute one"
            )
        return Path(given)
    is_mac = sys.platform == "darwin"
    xdg = env.get("XDG_CACHE_HOME", "")
    if Path(xdg).is_absolute() and not is_mac:
        return Path(xdg) / "tradai-tasks"
    home = env.get("HOME", "")
    if not Path(home).is_absolute():
        try:
            home = pwd.getpwuid(os.getuid()).pw_dir
        except KeyError:  # a user whom nobody knows, as in containers
            home = ""
    if not Path(home).is_absolute():
        shared = Path(env.get("TMPDIR", ""))
        shared = shared if shared.is_absolute() else _SHARED
        return shared / f"tradai-tasks-{os.getuid()}"
    return Path(home) / ("Library/Caches" if is_mac else ".cache") / "tradai-tasks"


class CacheFolder:
    """A folder whose files are read only where nobody else can have written them."""

    def __init__(self, path: Path) -> None:
        """Look at the folder, and make it if it is not there."""
        self.path = path
        self.fault = ""  # why it is not used, in one line; empty where it is, or cannot be had
        self._is_usable = False
        if path == Path(os.devnull):  # by the user's word, none
            return
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            with contextlib.suppress(FileExistsError):
                path.mkdir(mode=0o700)
            self._is_usable = self._is_trusted()
        except OSError:  # not to be had, as on a disk that cannot be written
            return

    def _is_trusted(self) -> bool:
        found = self.path.lstat()
        if not stat.S_ISDIR(found.st_mode):
            self.fault = f"{self.path}: no cache is kept, as this is no folder"
        elif found.st_uid != os.geteuid():
            self.fault = f"{self.path}: no cache is kept, as this folder is another user's"
        elif found.st_mode & _WRITABLE_BY_OTHERS:
            self.fault = f"{self.path}: no cache is kept, as other users can write to this folder"
        elif not self._is_own():
            self.fault = f"{self.path}: no cache is kept, as this folder holds other files"
        if self.fault:
            self.fault += f"; set {_VARIABLE} to a folder of your own"
        return not self.fault

    def _is_own(self) -> bool:
        """Tell whether the folder is empty or has had a cache in it: else it has another use.

        In one of the work tree the files would count as changed, or hide what lies beside them.
        """
        with os.scandir(self.path) as entries:
            names = {entry.name for entry in entries}
        return not names or is_ignored(self.path) or any(map(_OURS.fullmatch, names))

    def read(self, name: str) -> bytes | None:
        """Return a file's content; None where it is not there, or not this user's own."""
        if not self._is_usable:
            return None
        try:
            handle = os.open(
                self.path / name, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC
            )
            with os.fdopen(handle, "rb") as file:
                found = os.fstat(handle)
                is_own = stat.S_ISREG(found.st_mode) and found.st_uid == os.geteuid()
                if not is_own or found.st_mode & _WRITABLE_BY_OTHERS:
                    return None
                if found.st_mtime < time.time() - _IN_USE:
                    os.utime(handle)
                return file.read()
        except OSError:
            return None

    def write(self, name: str, data: bytes) -> None:
        """Replace a file, and remove those that nobody has used for long."""
        if not self._is_usable:
            return
        with contextlib.suppress(OSError):
            remove_leftovers(self.path)
            self._remove_unused(name)
            ignore_folder(self.path)
            write_whole(self.path / name, data, mode=0o600)

    def _remove_unused(self, name: str) -> None:
        """Keep the files that were used last; a checkout that is gone uses none."""
        with os.scandir(self.path) as entries:
            others = [
                (entry.stat(follow_symlinks=False).st_mtime, entry.path)
                for entry in entries
                if _OURS.fullmatch(entry.name) and entry.name != name
            ]
        others.sort(reverse=True)
        for place, (used, path) in enumerate(others, start=1):
            if place >= _MOST_FILES or used < time.time() - _UNUSED:
                Path(path).unlink(missing_ok=True)
