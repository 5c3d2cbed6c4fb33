"""Handlers of audit events of programs that are started."""

from __future__ import annotations

import re
from types import FrameType
from typing import Any

import tradai_tasks_frames as frames
from tradai_tasks_events import Handler, is_folder, path_event
from tradai_tasks_system import os

# Programs that read what their arguments name and nothing else, where the system has them.
_FILTERS = frozenset({
    "cat", "echo", "false", "head", "less", "more", "sleep", "tail", "true", "uname", "wc",
})  # fmt: skip
_OPTION = re.compile(r"-{1,2}(?:[A-Za-z]{0,3}|\d+|[a-z]{4,}(?:-[a-z]+)*)\Z")  # that name no file
_OF_THE_SYSTEM = ("/bin/", "/usr/bin/", "/usr/local/bin/", "/opt/homebrew/bin/")


def _started(recorder: Any, args: tuple[Any, ...], frame: FrameType | None) -> None:
    words = [args[1]] if isinstance(args[1], (str, bytes, os.PathLike)) else list(args[1])
    context, _, is_tool = recorder.locate(frame)
    if not (is_tool and context == recorder.process and not _is_python(words)):
        recorder.write("program", context, *map(os.fsdecode, words))


def _opened_process(recorder: Any, args: tuple[Any, ...], frame: FrameType | None) -> None:
    """Record a program; one whose path is not there is an absent file, without `preexec_fn`."""
    name, folder = os.fsdecode(args[0] or ""), os.fsdecode(args[2] or ".")
    known = frame.f_locals if frame is not None else {}
    if os.sep in name and known.get("preexec_fn", name) is None and is_folder(recorder, folder):
        path = os.path.join(folder, name)
        try:
            recorder.stat(path)
        except (FileNotFoundError, NotADirectoryError):
            path_event(recorder, "absent", path, frame)
            return
    if known.get("preexec_fn") or not _reads_arguments(recorder, args, folder, frame):
        _started(recorder, args, frame)


def _is_python(words: list[Any]) -> bool:
    return os.path.basename(os.fsdecode(words[0])).startswith("python") if words else False


def _spawned(recorder: Any, args: tuple[Any, ...], frame: FrameType | None) -> None:
    if frames.actor(frame) != "subprocess":  # which raises an event of its own
        _started(recorder, args, frame)


def _reads_arguments(
    recorder: Any, args: tuple[Any, ...], folder: str, frame: FrameType | None
) -> bool:
    """Record the arguments of a program that reads only them; return whether it is such a one."""
    words = [args[1]] if isinstance(args[1], (str, bytes, os.PathLike)) else list(args[1])
    program, *arguments = map(os.fsdecode, words)
    found = _found(recorder, os.fsdecode(args[0] or program), args[3])
    options = [one for one in arguments if one[:1] == "-"]
    is_filter = os.path.basename(found) in _FILTERS and found.startswith(_OF_THE_SYSTEM)
    if not is_filter or not all(_OPTION.match(one) for one in options):
        return False
    for path in (os.path.join(folder, one) for one in arguments if one[:1] != "-"):
        try:
            recorder.stat(path)
        except (OSError, ValueError):
            path_event(recorder, "absent", path, frame)
        else:
            path_event(recorder, "file", path, frame)
    return True


def _found(recorder: Any, program: str, env: Any) -> str:
    """Return the path of a program in the folders of `PATH`, with no event; "" without one."""
    known: Any = os.environ if env is None else env
    if type(known) is type(os.environ):
        known = vars(known)["_data"]  # without its coders, which are watched
    search = os.fsdecode(known.get(b"PATH") or known.get("PATH") or os.defpath)
    paths: list[str] = [os.path.join(one, program) for one in search.split(os.pathsep)]
    for path in paths:
        try:
            recorder.stat(path)
        except (OSError, ValueError):
            continue
        return path
    return ""


def _shell(recorder: Any, args: tuple[Any, ...], frame: FrameType | None) -> None:
    _started(recorder, (None, ["sh", "-c", args[0]]), frame)


HANDLERS: dict[str, Handler] = {
    "subprocess.Popen": _opened_process,
    "os.exec": _spawned,
    "os.posix_spawn": _spawned,
    "os.system": _shell,
}
