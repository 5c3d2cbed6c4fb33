"""Tell from the stack which module or function of the repository acts."""

from __future__ import annotations

import sys
import sysconfig
import tempfile
from collections.abc import Iterator
from types import CodeType, FrameType
from typing import TypeAlias

from tradai_tasks_memory import answering, is_first, look, memories, stateless
from tradai_tasks_objects import identity
from tradai_tasks_system import os

_STARTS = ("__main__", "__channelexec__")  # the latter is a worker of xdist
_RUNNERS = ("_pytest.python", "_pytest.runner", "_pytest.fixtures")
_PARSERS = frozenset({
    "codecs", "configparser", "genericpath", "iniconfig", "io", "os", "pathlib", "posixpath",
    "tomli", "tomllib",
})  # fmt: skip
_ENVIRONMENTS = ("site-packages", "dist-packages", ".venv", ".nox", ".git", "__pycache__")


# a code's file, its name with the file, whether it is a module's body, and whether it runs tests
_Place: TypeAlias = tuple[str | None, str, bool, bool, CodeType]
_places: dict[int, _Place] = {}  # by the identity of the code, which the last value keeps alive


class Paths(dict[str, "str | None"]):
    """File names, each with its path from the root; None for files outside of the repository.

    What is installed, the interpreter and the folder of the record are outside, wherever they are.
    """

    def __init__(self, root: str, folder: str) -> None:
        super().__init__()
        self._roots = tuple({os.path.abspath(root), os.path.realpath(root)})
        places = {sys.prefix, sys.base_prefix, sys.exec_prefix, *sysconfig.get_paths().values()}
        places |= {folder, os.path.dirname(__file__)}
        found = {os.path.abspath(place) + os.sep for place in places}
        # a prefix such as /usr may hold the repository too
        self._environment = tuple(
            one for one in found if not any(f"{root}/".startswith(one) for root in self._roots)
        )

    def __missing__(self, name: str) -> str | None:
        found = None if name.startswith("<") else self.inside(name)
        self[name] = found
        return found

    def inside(self, name: str) -> str | None:
        """Return a path of the repository relative to its root, or None."""
        path: str = os.path.abspath(name)
        for root in self._roots:
            if path == root:
                return "."
            if path.startswith(root + os.sep) and not self.is_environment(path):
                inner = path[len(root) + 1 :].replace(os.sep, "/")
                if not any(part in _ENVIRONMENTS for part in inner.split("/")):
                    return inner
        return None

    def is_environment(self, path: str) -> bool:
        """Return whether an absolute path is of the interpreter, or of the system's state."""
        return f"{path}/".startswith((*self._environment, "/proc/", "/sys/", "/dev/"))


def caller() -> FrameType | None:
    """Return the frame that called the caller's caller; None for the interpreter's own work."""
    try:
        return sys._getframe(2)  # noqa: SLF001 - there is no other way to it
    except ValueError:
        return None


def actor(frame: FrameType | None) -> str:
    """Return the name of the module that acts."""
    return str(frame.f_globals.get("__name__", "")) if frame is not None else ""


def asking(frame: FrameType | None) -> str:
    """Return the name of the module that reads a file, be it by way of one that parses for any."""
    names = map(actor, above(frame))
    return next((one for one in names if one.partition(".")[0] not in _PARSERS), "")


def above(frame: FrameType | None) -> Iterator[FrameType]:
    """Yield a frame and those that called it, the innermost first."""
    while frame is not None:
        yield frame
        frame = frame.f_back


def is_temporary(path: str) -> bool:
    """Return whether an absolute path is in the folder for temporary files."""
    return path.startswith(os.path.abspath(tempfile.gettempdir()) + os.sep)


def locate(
    frame: FrameType | None, paths: Paths, running: str
) -> tuple[str | None, str | None, bool, list[str], list[str]]:
    """Return the innermost context on the stack, the reader's file, and whether tools alone act.

    What another thread does counts for all that load its entry, as a memory: nothing shows who
    waits for it. The last values are functions that are called for the first time, inside of that
    context and around it, the innermost first; where the running test file was called back, only
    those inside.

    The context is None without one, and "" for a module's body outside of the repository, or for a
    function there that a cache calls: its answers are for all. What functions of the running test
    file keep is its own, and that of files which import it.
    """
    reader: str | None = None
    firsts: list[str] = []
    inside: list[str] = []
    memory = ""
    is_called = True
    entry = ""
    is_kept = False
    while frame is not None:
        code = frame.f_code
        key = identity(code)
        path, name, is_body, is_runner, _ = _places.get(key) or _place(frame, code, paths)
        if path is not None:
            reader = reader or path
            if is_body:
                context = f"module:{path}"
                return _found(memory, context, reader, inside, firsts, is_kept=is_kept)
            entry = name
            if path == running:
                is_called, entry = False, ""
            elif is_called and not memory and (memories.get(key) or look(frame, code))[0]:
                memory = f"memo:{name}"
                inside, firsts = firsts, []
                # where a decorator keeps an answer is known, else all that it does first counts
                if key not in answering and is_first(frame, code, running):
                    firsts.append(f"first:{name}")
            elif is_called and key not in stateless and is_first(frame, code, running):
                firsts.append(f"first:{name}")
        elif is_body:
            is_start = frame.f_globals.get("__name__") in _STARTS
            is_tool = reader is None and (not is_start or "_pytest" in sys.modules)
            found = None if is_start else ""
            return _found(memory, found, reader, inside, firsts, is_tool=is_tool, is_kept=is_kept)
        elif is_runner and reader is not None:
            break
        elif key in answering:
            is_kept = True
        frame = frame.f_back
    is_main = _is_main_thread()
    is_tool = reader is None and "_pytest" in sys.modules and is_main
    found = f"thread:{entry}" if entry and not is_main else None
    if memory and found:
        firsts.append(found)
    return _found(memory, found, reader, inside, firsts, is_tool=is_tool, is_kept=is_kept)


def _place(frame: FrameType, code: CodeType, paths: Paths) -> _Place:
    path = paths[code.co_filename]
    is_runner = frame.f_globals.get("__name__") in _RUNNERS
    found = path, f"{path}::{code.co_qualname}", code.co_name == "<module>", is_runner, code
    return _places.setdefault(identity(code), found)


def _found(  # noqa: PLR0913 - what `locate` returns
    memory: str,
    context: str | None,
    reader: str | None,
    inside: list[str],
    firsts: list[str],
    *,
    is_tool: bool = False,
    is_kept: bool = False,
) -> tuple[str | None, str | None, bool, list[str], list[str]]:
    if is_kept:
        return "", reader, is_tool, [], []
    if memory:
        return memory, reader, is_tool, inside, firsts
    return context, reader, is_tool, firsts, []


def _is_main_thread() -> bool:
    threading = sys.modules.get("threading")
    return threading is None or threading.current_thread() is threading.main_thread()
