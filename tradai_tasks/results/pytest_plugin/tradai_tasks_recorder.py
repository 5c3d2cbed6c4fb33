"""Record what a Python process loads, reads and asks for, by test file.

A *context* is what events belong to: a test file that is collected or run (`test:PATH`), the body
of a module (`module:PATH`), a shared fixture (`fixture:FOLDER::NAME`), a function that keeps what
it computes (`memo:PATH::NAME`) or the process itself. An event belongs to the innermost one, and
each context has an edge to those that it entered. Events are appended to a file for each process,
as JSON arrays, at the moment when they happen.

Where the events come from: an audit hook (PEP 578), wrappers of `os.stat` and its kin, which raise
no audit event, the encoder of names in `os.environ`, and on Python 3.12 and later
`sys.monitoring`. `__import__` stays as it is, so tracebacks have the frames they would have.
"""

from __future__ import annotations

import atexit
import sys
import time
from collections.abc import Callable
from collections.abc import Set as AbstractSet
from contextlib import suppress
from json import dumps
from types import CodeType, FrameType
from typing import Any

import tradai_tasks_frames as frames
import tradai_tasks_programs as programs
from tradai_tasks_distributions import Projects
from tradai_tasks_events import HANDLERS
from tradai_tasks_importers import replace_importers
from tradai_tasks_memory import (
    has_memory,
    is_cached,
    is_first,
    is_of_objects,
    may_leave,
    parameters,
    variables,
)
from tradai_tasks_objects import attribute_owners, identity, is_new, is_stateless
from tradai_tasks_stat import wrap_stat
from tradai_tasks_system import os, read_file, write_file
from tradai_tasks_variables import watch_environment

recorder: Recorder | None = None
_MONITORING: Any = getattr(sys, "monitoring", None)
_MOST_CALLS = 20  # of one function that count in a turn: the next ones show hardly more
_MAKERS = ("__init__", "__post_init__")
_TOOLS = (4, 3)  # numbers that no tool has claimed; coverage and debuggers have others


class Recorder:
    """Events of this process, and the context that they belong to."""

    def __init__(self, folder: str, root: str) -> None:
        self.folder, self.home = folder, os.getcwd()
        self.paths = frames.Paths(root, folder)
        self.inside = self.paths.inside
        self.projects = Projects(self.paths)
        self.made: set[str] = set()  # absolute paths that this process has made or written
        self.links: dict[str, str] = {}  # those of them that lead into the repository
        self.is_closed = False
        self.process = f"process:{os.getpid()}-{time.monotonic_ns()}"
        self._current = self._last = ""  # the test file, relative to the root
        self._shared: list[str] = []  # contexts of fixtures that are being set up or torn down
        self.seen: set[tuple[str, ...]] = set()  # events that `once` has appended
        self._began: set[str] = set()
        self.listed: set[str] = set()  # folders whose entries are recorded
        self._filled: set[int] = set()  # functions with memory that were called
        self._reported: list[CodeType] = []  # functions that are silent until `restart`
        self._told: set[int] = set()  # functions that were reported, yet are not silent
        self._kinds: set[tuple[int, int]] = set()  # functions, with classes of first arguments
        self._born: set[int] = set()  # objects that were made in the present file's turn
        self._calls: dict[int, int] = {}  # of functions that count each time, in this turn
        self._tool: int | None = None
        self._parent, above = _now(folder, os.getppid())
        self._family = f"{above} {os.getpid()} "  # processes that this one came from, and itself
        self._open()

    def begin(self) -> None:
        """Record that the process started, and start to listen."""
        self._tool = self._monitor()
        has_functions = "functions" if self._tool is not None else ""
        self.write("process", self.process, str(os.getppid()), has_functions)
        self.write("arguments", self.process, *sys.orig_argv)
        if self._parent:
            self.write("within", self._parent, self.process)
        else:
            self.write("orphan", self.process)

    def _open(self) -> None:
        self._name = f"{self.folder}/{os.getpid()}-{time.monotonic_ns()}.jsonl"
        flags = os.O_WRONLY | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC
        self._file = os.open(self._name, flags, 0o600)
        self._tell_children()

    def _tell_children(self) -> None:
        try:
            now = f"{self.context}\n{self._family}"
            write_file(f"{self.folder}/{os.getpid()}.now", now.encode())
        except OSError:
            self.refuse()

    def _join_children(self) -> None:
        """Let the present context enter those of child processes that live on from one before."""
        for name in os.listdir(self.folder):
            pid, _, kind = name.partition(".")
            context, family = _now(self.folder, int(pid)) if kind == "now" else ("", "")
            if f" {os.getpid()} " in family and int(pid) != os.getpid() and _lives(int(pid)):
                self.once("within", self.context, context)

    def after_fork(self) -> None:
        """Go on in a forked child, in a file of its own."""
        self.seen = set()
        self._family += f"{os.getpid()} "
        self._open()

    def write(self, *words: str) -> None:
        """Append an event: its kind, its context and values."""
        if self.is_closed:
            return
        line = (dumps(words) + "\n").encode()
        try:
            is_whole = os.write(self._file, line) == len(line)
        except OSError:
            is_whole = False
        if not is_whole:
            self.refuse()

    def refuse(self) -> None:
        """Record nothing more, as on a full disk, and let the whole recording be refused."""
        self.is_closed = True
        with suppress(OSError):
            os.rename(self._name, f"{self._name}.damaged.jsonl")

    # contexts

    @property
    def context(self) -> str:
        """The context of what happens outside of modules and functions with memory."""
        if self._shared:
            return self._shared[-1]
        return f"test:{self._current}" if self._current else self.process

    def enter(self, test_file: str | None) -> None:
        """Begin or go on with a test file; "" or None: with none."""
        self._current = test_file or ""
        if self._current != self._last:
            self._last = self._current
            self._born, self._calls, self._kinds = set(), {}, set()
            self._tell_children()
            self._join_children()
            self.restart()

    def begin_test(self) -> None:
        """Record that a test of the present file is run by this process."""
        if self._current not in self._began:
            self._began.add(self._current)
            self.write("test", self.process, self._current)

    def leave(self) -> None:
        """End the turn of a test file; what it ran is not seen again before another file's turn."""
        self._current = ""

    def share(self, context: str, folder: str) -> None:
        """Enter a fixture that the test files in a folder can share."""
        self.once("fixture", context, folder)
        self._shared.append(context)
        self._tell_children()
        self._join_children()
        self.restart()

    def unshare(self) -> None:
        """Leave a shared fixture."""
        if self._shared:
            self._shared.pop()
        self._tell_children()

    def once(self, *words: str) -> None:
        """Append an event unless it was."""
        if words not in self.seen:
            self.seen.add(words)
            self.write(*words)

    def locate(self, frame: FrameType | None) -> tuple[str, str | None, bool]:
        """Return a frame's context, the repository's file that acts there, and whether tools act.

        Tools are pytest and its plugins, with nothing of the repository on the main thread.
        """
        inner, reader, is_tool, firsts, around = frames.locate(frame, self.paths, self._current)
        context = self.context
        if inner is not None:
            context = inner or self.process  # the body of a module from outside of the repository
        if context.startswith("memo:"):
            context += f"\t{self._last}"
        if inner:
            self.once("within", self.context, context)
        for one in around:
            self.once("within", one, context)
        for one in reversed(firsts):
            self.once("within", context, one)
            context = one
        return context, reader, is_tool

    # functions that run

    def _monitor(self) -> int | None:
        if _MONITORING is None:
            return None
        for tool in _TOOLS:
            if _MONITORING.get_tool(tool) is None:
                _MONITORING.use_tool_id(tool, "tradai-tasks")
                kinds = _MONITORING.events.PY_START, _MONITORING.events.PY_RESUME
                self._events = kinds[0] | kinds[1]
                for event in kinds:
                    _MONITORING.register_callback(tool, event, self._ran)
                return tool
        return None

    def watch(self, body: CodeType) -> None:
        """Report the functions of a module, which are the only ones that cost anything."""
        if self._tool is None:
            return
        waiting = [body]
        while waiting:
            inner = [one for one in waiting.pop().co_consts if isinstance(one, CodeType)]
            for code in inner:
                if code.co_flags & 1:  # a function, not the body of a class
                    _MONITORING.set_local_events(self._tool, code, self._events)
            waiting += inner

    def restart(self) -> None:
        """Report functions again that were reported before.

        `restart_events()` would let the interpreter prepare all code again, for every tool.
        """
        reported, self._reported, self._told = self._reported, [], set()
        for code in reported:
            _MONITORING.set_local_events(self._tool, code, 0)
            _MONITORING.set_local_events(self._tool, code, self._events)

    def _ran(self, code: CodeType, _offset: int) -> Any:
        path = self.paths[code.co_filename]
        if path is not None and not self.is_closed:
            try:
                if self._take(sys._getframe(1), code, path):  # noqa: SLF001 - of the function
                    return None
            except Exception as error:  # a recorder ends no test
                self.problem(error)
        self._reported += (code,)  # with no call after it, so no other thread comes between
        return _MONITORING.DISABLE

    def _take(self, frame: FrameType, code: CodeType, path: str) -> bool:
        """Record that a function runs; return whether its next call counts as well."""
        leaves = may_leave(code)
        calls = self._calls[identity(code)] = self._calls.get(identity(code), 0) + 1
        is_crowded = calls > _MOST_CALLS
        is_maker = code.co_name in _MAKERS and code.co_argcount and not is_crowded
        if is_maker:
            self._born.add(identity(variables(frame).get(code.co_varnames[0])))
        is_other = path != self._current
        memory = is_other and has_memory(frame, code)
        is_untold = identity(code) not in self._told
        fills = memory or (
            is_other and (is_untold or leaves) and is_first(frame, code, self._current)
        )
        mark = -identity(code) if leaves else identity(code)  # a call from elsewhere fills anew
        if is_untold or (leaves and fills and mark not in self._filled):
            if fills and mark not in self._filled:
                self._filled.add(mark)
                self.restart()
            context = self.locate(frame)[0]
            self.once("ran", context, path, code.co_qualname)
            self._told.add(identity(code))
        memo = f"memo:{path}::{code.co_qualname}\t{self._last}"
        stays = memory and self._outlived(frame, code, memo, is_crowded=is_crowded)
        return bool(is_maker or stays or may_leave(code))

    def _outlived(
        self, frame: FrameType, code: CodeType, context: str, *, is_crowded: bool
    ) -> bool:
        """Record which arguments were there before this turn; return whether others were not.

        Of a function that is called very often they count as if they all had been there, as do
        objects of a class that has made many: their making is not seen any more.
        """
        values = variables(frame)
        names, starred = parameters(code)
        self._born.update(identity(values[one]) for one in starred if one in values)  # not items
        names += starred
        born: AbstractSet[int] = frozenset() if is_crowded else self._born
        is_asked = is_of_objects(code)
        older = [
            name
            for name in names
            if ("outlived", context, name) in self.seen
            or not is_new(values.get(name), code, born, is_asked=is_asked)
        ]
        for name in older:
            self.once("outlived", context, name)
        first = values.get(names[0]) if names else None
        if (kind := (identity(code), identity(type(first)))) not in self._kinds:
            self._kinds.add(kind)
            for owner, name in attribute_owners(first, code.co_names):
                self.once(owner, context, name)
        if is_cached(code, older):
            self.once("outlived", context, "*")
        return any(name not in older and not is_stateless(values.get(name)) for name in names)

    # what else happens

    def hook(self) -> Callable[[str, tuple[Any, ...]], None]:
        """Return an audit hook; it is called very often, also by each look at a frame."""
        find = (HANDLERS | programs.HANDLERS).get

        def audit(event: str, args: tuple[Any, ...]) -> None:
            handler = find(args[1] if event == "object.__getattr__" else event)
            if handler is not None and not self.is_closed:
                try:
                    handler(self, args, frames.caller())
                except Exception as error:  # a recorder ends no test
                    self.problem(error)

        return audit

    def problem(self, error: Exception) -> None:
        """Record that the recorder could not follow."""
        self.once("problem", self.context, f"{type(error).__name__}: {error}")

    def close(self) -> None:
        """End recording, before the interpreter takes modules apart."""
        self.is_closed = True


def _now(folder: str, pid: int) -> tuple[str, str]:
    """Return a process's present context, and those that it came from; empty if not recorded."""
    try:
        context, _, family = read_file(f"{folder}/{pid}.now").decode().partition("\n")
    except OSError:
        return "", ""
    return context, family


def _lives(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except OSError:
        pass  # another user's
    return True


def start() -> Recorder | None:
    """Start to record this process, once; None where that is not possible."""
    global recorder  # noqa: PLW0603 - hooks live as long as the process
    if recorder is not None or "TRADAI_TASKS_RECORD_DIR" not in os.environ:
        return recorder
    folder, root = os.environ["TRADAI_TASKS_RECORD_DIR"], os.environ["TRADAI_TASKS_RECORD_ROOT"]
    try:
        recorder = Recorder(folder, root)
        recorder.begin()
    except OSError:
        recorder = None  # no file of this process: it counts as a program that was not seen
        return None
    atexit.register(recorder.close)
    os.register_at_fork(after_in_child=recorder.after_fork)
    wrap_stat(recorder)
    watch_environment(recorder)
    replace_importers()
    sys.addaudithook(recorder.hook())
    return recorder
