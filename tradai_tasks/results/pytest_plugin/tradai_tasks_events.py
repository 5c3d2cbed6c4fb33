"""Handlers of audit events."""

from __future__ import annotations

import sys
from collections.abc import Callable
from contextlib import suppress
from itertools import islice
from stat import S_ISDIR, S_ISLNK
from types import CodeType, FrameType
from typing import Any, TypeAlias

import tradai_tasks_frames as frames
from tradai_tasks_memory import remember
from tradai_tasks_system import os

# Folders that tools keep beside the code; `.coverage` also begins the names of its data files.
_LEFTOVERS = (".coverage.", ".hypothesis.", ".mypy_cache.", ".pytest_cache.", ".ruff_cache.")
PREPARING = ("importlib", "_frozen_importlib", "_frozen_importlib_external", "zipimport")
_SHOWING = (
    "linecache", "traceback", "tokenize", "coverage", "tradai_tasks_coverage",
    "_pytest._code.source",
)  # fmt: skip
# Files with settings that the digest of the whole run holds, in this folder and in those above.
CONFIGURATION = frozenset({
    "pytest.toml", ".pytest.toml", "pytest.ini", ".pytest.ini", "tox.ini", "setup.cfg",
    ".coveragerc", ".coveragerc.toml", "pyproject.toml",
})  # fmt: skip
Handler: TypeAlias = Callable[[Any, tuple[Any, ...], FrameType | None], None]
_LOOPBACK = ("127.", "localhost", "::1")
_WRITES = os.O_WRONLY | os.O_RDWR | os.O_CREAT | os.O_TRUNC


def path_event(
    recorder: Any, kind: str, name: Any, frame: FrameType | None, *, is_asked: bool = False
) -> None:
    """Record a path of the repository, or one outside that the repository's code asked for.

    What needs no look at the stack comes first: that is slow.
    """
    path = os.path.abspath(os.fsdecode(name))
    for link, target in recorder.links.items():
        if path.startswith(f"{link}/") or (path == link and kind != "written"):
            path = target + path[len(link) :]
    inside = recorder.paths[path]
    if inside is None:
        recorder.projects.record(recorder, kind, path)
        if recorder.paths.is_environment(path):
            return
    if inside is not None and any(f"{part}.".startswith(_LEFTOVERS) for part in inside.split("/")):
        return
    if kind != "written" and ("/__pycache__/" in f"{path}/" or _is_made(recorder.made, path)):
        return  # what the interpreter keeps beside the code, or the tests' own
    context, reader, is_tool = recorder.locate(frame)
    if is_asked and is_tool and not _is_configured(frame):
        return
    if kind == "written":
        if is_folder(recorder, path):
            return  # `mkdir` of a folder that is there
        recorder.made.add(path)
    if is_tool and (inside is None or kind in {"listing", "folder", "written"}):
        return  # pytest's own search for tests, its caches
    if is_tool and _is_of_slot(recorder, path, frame):
        return
    if kind == "written":
        if inside is not None:
            recorder.once("written", context, inside)
        return
    if inside is None and (reader is None and frames.is_temporary(path)):
        return
    value = inside if inside is not None else path
    recorder.once(kind, context, value)
    if kind == "listing" and inside is not None:
        _note_entries(recorder, inside, path)
    if reader is not None and inside is not None:
        recorder.once("reader", f"module:{reader}", kind, inside)


def _note_entries(recorder: Any, folder: str, path: str) -> None:
    """Record what a folder of the repository has when this process first lists it."""
    if folder in recorder.listed:
        return
    recorder.listed.add(folder)  # before the event of this look at it
    names: list[str] = []
    with suppress(OSError):  # a scan of entries calls what a test may have replaced
        for name in os.listdir(path):
            one = os.path.join(path, name)
            link = "@" * _is_link(one)
            names.append(f"{name}{link}{'/' * is_folder(recorder, one)}")
    recorder.write("entries", recorder.process, folder, *names)


def _is_configured(frame: FrameType | None) -> bool:
    """Return whether pytest looks for the file that configures it."""
    return any(
        frames.actor(one) == "_pytest.config.findpaths" for one in islice(frames.above(frame), 6)
    )


def _is_of_slot(recorder: Any, path: str, frame: FrameType | None) -> bool:
    """Return whether pytest or coverage itself reads settings, which are part of the run's name."""
    folder, _, file = path.rpartition(os.sep)
    if file not in CONFIGURATION or not f"{recorder.home}/".startswith(f"{folder}/"):
        return False
    asking: str = frames.asking(frame)
    return asking.startswith(("_pytest.config", "coverage."))


def is_folder(recorder: Any, path: str) -> bool:
    """Return whether a path is a folder's, without an event."""
    try:
        return S_ISDIR(recorder.stat(path).st_mode)
    except (OSError, ValueError):
        return False


def _is_link(path: str) -> bool:
    try:
        return S_ISLNK(os.lstat(path).st_mode)
    except OSError:
        return False


def _is_made(made: set[str], path: str) -> bool:
    while path not in made:
        parent = os.path.dirname(path)
        if parent == path:
            return False
        path = parent
    return True


def _opened(recorder: Any, args: tuple[Any, ...], frame: FrameType | None) -> None:
    name, mode, flags = args
    if isinstance(name, int) or name is None:
        if frame is not None and frames.actor(frame) == "multiprocessing.popen_spawn_posix":
            child = getattr(frame.f_locals.get("self"), "pid", 0)  # which no event names
            recorder.once("child", recorder.locate(frame)[0], str(child))
        return
    if frame is not None and frames.actor(frame) == "tradai_tasks_stat":  # which wraps `os.open`
        options = frame.f_locals["options"]
        if options.get("dir_fd") is not None:
            return  # the path is relative to another folder
    if (isinstance(mode, str) and set(mode) & set("wax+")) or (flags or 0) & _WRITES:
        path_event(recorder, "written", name, frame)
        return
    if os.fsdecode(name).endswith((".pyc", ".tmp-pyc")):
        return
    kind = "file"
    actor = frames.actor(frame)
    if actor.startswith(PREPARING) or actor == "_pytest.assertion.rewrite":
        kind = "source"
    elif actor.startswith(_SHOWING) and not _is_inspected(recorder, frame):
        return
    try:
        recorder.stat(name)
    except (OSError, ValueError):
        kind = "absent"
    path_event(recorder, kind, name, frame)


def _is_inspected(recorder: Any, frame: FrameType | None) -> bool:
    """Return whether the repository's code asks for a line, or anything for the source of code."""
    readers = ("linecache", "tokenize")
    asking = next((one for one in frames.above(frame) if frames.actor(one) not in readers), None)
    if asking is not None and recorder.paths[asking.f_code.co_filename] is not None:
        return True
    names = {"getsource", "getsourcelines", "findsource"}
    return any(one.f_code.co_name in names for one in frames.above(asking))


def _listed(recorder: Any, args: tuple[Any, ...], frame: FrameType | None) -> None:
    name = "." if args[0] is None else args[0]
    if isinstance(name, int):
        if frames.actor(frame) != "shutil":
            recorder.once("problem", recorder.context, "a folder was listed by its descriptor")
        return
    if not frames.actor(frame).startswith((*PREPARING, "importlib.metadata")):
        path_event(recorder, "listing", name, frame)


def _scanned(recorder: Any, args: tuple[Any, ...], frame: FrameType | None) -> None:
    """Let the files of a folder count too: its entries show sizes and rights without an event."""
    _listed(recorder, args, frame)
    if frame is None or recorder.paths[frame.f_code.co_filename] is None or type(args[0]) is int:
        return  # walks and patterns ask for names and kinds only
    folder = os.path.abspath(os.fsdecode(args[0] or "."))
    if recorder.paths[folder] is not None and is_folder(recorder, folder):
        for path in (os.path.join(folder, name) for name in os.listdir(folder)):
            if not is_folder(recorder, path):
                path_event(recorder, "file", path, frame)


def _maker(paths: slice, folders: slice) -> Callable[[Any, tuple[Any, ...], Any], None]:
    """Return a handler of an event that makes, moves or removes files.

    Args:
        paths: Which of the event's arguments are paths.
        folders: Which are descriptors of the folders that they are relative to.
    """

    def made(recorder: Any, args: tuple[Any, ...], frame: FrameType | None) -> None:
        if any(one not in {None, -1} for one in args[folders]):
            if frames.actor(frame) != "shutil":  # which empties folders so
                recorder.once("problem", recorder.context, "a file was changed by dir_fd")
            return
        for name in args[paths]:
            if isinstance(name, (str, bytes, os.PathLike)):
                path_event(recorder, "written", name, frame)

    return made


def _linked(recorder: Any, args: tuple[Any, ...], frame: FrameType | None) -> None:
    """Let what is read by way of a link that a test makes count where it is."""
    _maker(slice(1, 2), slice(2, 3))(recorder, args, frame)
    link = os.path.abspath(os.fsdecode(args[1]))
    target = os.path.normpath(os.path.join(os.path.dirname(link), os.fsdecode(args[0])))
    if recorder.paths[target] is not None:
        recorder.links[link] = target


def _lines(recorder: Any, args: tuple[Any, ...], frame: FrameType | None) -> None:
    """Let a file count whose lines are asked for, which `linecache` may have read before."""
    if not str(args[0]).startswith("<") and _is_inspected(recorder, frame):
        path_event(recorder, "file", args[0], frame)


def _traced(recorder: Any, _args: tuple[Any, ...], frame: FrameType | None) -> None:
    """Let modules count whole where the repository's code traces: what that runs is not seen."""
    if frame is not None and recorder.paths[frame.f_code.co_filename] is not None:
        recorder.once("import", recorder.locate(frame)[0], "<lines>")


def _imported(recorder: Any, args: tuple[Any, ...], frame: FrameType | None) -> None:
    name, file = args[0], args[1]
    context, reader, _ = recorder.locate(frame)
    for folder in [one for path in args[2:3] for one in path or () if isinstance(one, str)]:
        if (root := recorder.paths[folder or "."]) is not None:
            recorder.once("root", recorder.process, root)
    owner = context if reader is not None else recorder.process
    running = getattr(sys.modules.get(name), "__file__", None)
    if running and recorder.context == f"test:{recorder.paths[running]}":
        owner = recorder.context  # a test file asks for itself, which is nothing to others
    recorder.once("import", owner, name)
    if isinstance(file, str) and recorder.paths[file] is not None:
        recorder.once("load", context, recorder.paths[file], name)


def _import_called(recorder: Any, args: tuple[Any, ...], frame: FrameType | None) -> None:
    name, package = args
    if isinstance(name, str) and name:
        depth = len(name) - len(name.lstrip("."))
        base = (package or "").split(".")
        parts = [*base[: len(base) - depth + 1], name.lstrip(".")] if depth else [name]
        _imported(recorder, (".".join(parts), None), frame.f_back if frame else None)


def _executed(recorder: Any, args: tuple[Any, ...], frame: FrameType | None) -> None:
    code = args[0]
    if not isinstance(code, CodeType) or code.co_name != "<module>":
        return
    path = recorder.paths[code.co_filename]
    if path is None:
        return
    callers = [one.f_locals for one in islice(frames.above(frame), 2)]  # the loader is the 2nd
    module = next((one["module"] for one in callers if "module" in one), None)
    context, _, is_tool = recorder.locate(frame)
    # folders' `conftest.py` count for the tests below them, whenever pytest loads them
    kind = "loaded" if is_tool and path.endswith("conftest.py") else "load"
    recorder.once(kind, context, path, str(getattr(module, "__name__", "")))
    for caller in frames.above(frame):
        importer = recorder.paths[caller.f_code.co_filename]
        if importer is not None:
            if "__import__" in caller.f_code.co_names:
                # a later call finds the module loaded, and shows nothing of it
                recorder.once("load", f"module:{importer}", path, "")
            break
    recorder.watch(code)
    recorder.restart()


def _ran_file(recorder: Any, args: tuple[Any, ...], _frame: FrameType | None) -> None:
    path = recorder.paths[os.path.abspath(os.fsdecode(args[0]))]
    if path is not None:
        recorder.once("load", recorder.context, path, "__main__")
        recorder.once("whole", recorder.context, path)  # its code is never seen


def _looked_at(recorder: Any, args: tuple[Any, ...], frame: FrameType | None) -> None:
    """Let code that is looked at count as if it ran: it may be compiled, copied or shown."""
    # `inspect` looks at signatures only, or reads the file; `overload` at the place
    if frames.actor(frame).startswith(("inspect", "typing", "tradai_tasks_")):
        return
    context, _, is_tool = recorder.locate(frame)
    waiting = [] if is_tool else [args[0].__code__]
    while waiting:
        code = waiting.pop()
        path = recorder.paths[code.co_filename]
        if path is not None:
            recorder.once("ran", context, path, code.co_qualname)
            waiting += [one for one in code.co_consts if isinstance(one, CodeType)]


def _library(recorder: Any, _args: tuple[Any, ...], frame: FrameType | None) -> None:
    caller = next((one for one in frames.above(frame) if frames.actor(one) != "ctypes"), None)
    if caller is not None and recorder.paths[caller.f_code.co_filename] is not None:
        recorder.once("import", recorder.locate(frame)[0], "<library>")


def _interpreter(recorder: Any, _args: tuple[Any, ...], frame: FrameType | None) -> None:
    recorder.once("problem", recorder.locate(frame)[0], "a subinterpreter was started")


def _connected(recorder: Any, args: tuple[Any, ...], frame: FrameType | None) -> None:
    address = args[1]
    context = recorder.locate(frame)[0]
    if isinstance(address, tuple) and str(address[0]).startswith(_LOOPBACK):
        recorder.once("loopback", context, str(address[1]))
    elif isinstance(address, tuple):
        recorder.once("host", context, str(address[0]))
    elif not _is_made(recorder.made, os.path.abspath(os.fsdecode(address))):
        recorder.once("host", context, os.fsdecode(address))


def _bound(recorder: Any, args: tuple[Any, ...], _frame: FrameType | None) -> None:
    address = args[1]
    if isinstance(address, tuple) and len(address) > 1:
        recorder.once("bind", recorder.process, str(address[1]))
    elif isinstance(address, (str, bytes)):
        recorder.made.add(os.path.abspath(os.fsdecode(address)))


def _database(recorder: Any, args: tuple[Any, ...], frame: FrameType | None) -> None:
    name = os.fsdecode(args[0]) if isinstance(args[0], (str, bytes, os.PathLike)) else ":memory:"
    name = name.removeprefix("file:").split("?")[0]
    if name and not name.startswith(":memory:"):
        try:
            recorder.stat(name)
        except OSError:
            path_event(recorder, "written", name, frame)
        else:
            path_event(recorder, "file", name, frame)


HANDLERS: dict[str, Handler] = {
    "open": _opened,
    "os.listdir": _listed,
    "os.scandir": _scanned,
    "import": _imported,
    "pickle.find_class": lambda recorder, args, frame: _imported(recorder, (args[0], None), frame),
    "tradai_tasks.import_module": _import_called,
    "exec": _executed,
    "__code__": _looked_at,
    "tradai_tasks.wrapped": lambda _recorder, args, _frame: remember(*args),
    "ctypes.dlopen": _library,
    "cpython.run_file": _ran_file,
    "cpython.PyInterpreterState_New": _interpreter,
    "socket.connect": _connected,
    "socket.bind": _bound,
    "sqlite3.connect": _database,
    "os.mkdir": _maker(slice(1), slice(2, 3)),
    "os.remove": _maker(slice(1), slice(1, 2)),
    "os.rmdir": _maker(slice(1), slice(1, 2)),
    "os.truncate": _maker(slice(1), slice(0)),
    "os.rename": _maker(slice(2), slice(2, 4)),
    "os.link": _maker(slice(2), slice(2, 4)),
    "os.symlink": _linked,
    "sys.setprofile": _traced,
    "sys.settrace": _traced,
    "tradai_tasks.lines": _lines,
}
