"""Wrappers of `os.stat` and its kin, which raise no audit event."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable
from functools import wraps
from stat import S_ISDIR
from types import FrameType
from typing import Any

import tradai_tasks_frames as frames
from tradai_tasks_events import PREPARING, path_event

_ASKING_ALWAYS = frozenset({"linecache", *PREPARING})


def wrap_stat(recorder: Any) -> None:
    """Record what `os.stat` and its kin are asked for, without an event, and uses of `dir_fd`."""
    recorder.stat = os.stat
    for name in ("stat", "lstat", "access", "open", "readlink"):
        original = getattr(os, name)
        wrapper = _wrapped(recorder, original)
        for support in ("supports_dir_fd", "supports_fd", "supports_follow_symlinks",
                        "supports_effective_ids"):  # fmt: skip
            functions = getattr(os, support)
            if original in functions:
                functions.add(wrapper)
        setattr(os, name, wrapper)


def _wrapped(recorder: Any, original: Callable[..., Any]) -> Callable[..., Any]:
    @wraps(original)
    def ask(path: Any, *args: Any, **options: Any) -> Any:
        found: Any = None
        try:
            found = original(path, *args, **options)
            return found
        finally:
            if not isinstance(path, int) and not recorder.is_closed:
                try:
                    frame = sys._getframe(1)  # noqa: SLF001 - who asked
                    what = f"dir_fd of os.{original.__name__}"
                    if options.get("dir_fd") is None:
                        if original.__name__ != "open":  # which raises an audit event
                            _asked(recorder, path, found, frame)
                    elif frames.actor(frame) != "shutil":
                        recorder.once("problem", recorder.context, what)
                except Exception as error:  # a recorder ends no test
                    recorder.problem(error)

    ask.__module__ = "os"
    return ask


def _asked(recorder: Any, path: Any, found: Any, frame: FrameType) -> None:
    if not isinstance(path, (str, bytes, os.PathLike)) or frames.actor(frame) in _ASKING_ALWAYS:
        return
    kind = "file"  # also for a link, whose target is part of its digest
    if not found:
        kind = "absent"
    elif not isinstance(found, (str, bytes)):
        if frame.f_code.co_name in {"realpath", "_joinrealpath"}:
            return
        if S_ISDIR((found if hasattr(found, "st_mode") else recorder.stat(path)).st_mode):
            kind = "folder"
    path_event(recorder, kind, path, frame, is_asked=True)
