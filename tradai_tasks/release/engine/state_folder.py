"""Per-user folder for the key and scratch files of releases, hidden from gates."""

from __future__ import annotations

import os
import secrets
import stat
from collections.abc import Mapping
from pathlib import Path

from tradai_tasks.errors import StateFolderError

_KEY = "evidence.key"
_BYTES = 32


def state_folder(env: Mapping[str, str]) -> Path:
    """Return the folder; create it if it does not exist.

    Raises:
        StateFolderError: It cannot be created, or others could read it.
    """
    given = env.get("XDG_STATE_HOME", "")
    home = Path(given) if Path(given).is_absolute() else Path(env.get("HOME") or Path.home())
    folder = (home if Path(given).is_absolute() else home / ".local" / "state") / "tradai-tasks"
    try:
        folder.parent.mkdir(parents=True, exist_ok=True)
        folder.mkdir(mode=0o700, exist_ok=True)
        found = folder.lstat()
    except OSError as error:
        raise StateFolderError(
            f"{folder}: cannot be made: {error.strerror}; name another place by XDG_STATE_HOME"
        ) from None
    if not stat.S_ISDIR(found.st_mode) or not _is_private(found):
        raise StateFolderError(
            f"{folder}: is no folder that you own and only you can read; remove it, or run: "
            f"chmod 700 {folder}"
        )
    return folder


def scratch_folder(state: Path) -> Path:
    """Return the folder for scratch files; create it if it does not exist."""
    folder = state / "scratch"
    folder.mkdir(mode=0o700, exist_ok=True)
    return folder


def evidence_key(state: Path) -> bytes:
    """Return the key that authenticates evidence; the first call creates it.

    Raises:
        StateFolderError: It cannot be read or written, or others could read it.
    """
    file = state / _KEY
    try:
        if not file.exists():
            _make(state, file)
        with os.fdopen(os.open(file, os.O_RDONLY | os.O_NOFOLLOW), "rb") as opened:
            found, key = os.fstat(opened.fileno()), opened.read()
    except OSError as error:
        raise StateFolderError(f"{file}: no key: {error.strerror}; check that folder") from None
    if not stat.S_ISREG(found.st_mode) or not _is_private(found) or len(key) != _BYTES:
        raise StateFolderError(
            f"{file}: is no key of {_BYTES} bytes that you own and only you can read; remove it, "
            f"and gates are run again"
        )
    return key


def _make(state: Path, file: Path) -> None:
    """Create the key; if two processes do so at once, the first wins."""
    scratch = state / f".{_KEY}.{secrets.token_hex(8)}"
    flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL
    with os.fdopen(os.open(scratch, flags, 0o600), "wb") as opened:
        opened.write(secrets.token_bytes(_BYTES))
    try:
        os.link(scratch, file)
    except FileExistsError:
        pass  # the other process's key is as good
    finally:
        scratch.unlink()


def _is_private(found: os.stat_result) -> bool:
    return found.st_uid == os.geteuid() and not found.st_mode & 0o077
