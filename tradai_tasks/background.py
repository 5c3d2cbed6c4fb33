"""Run work in threads that are waited for no longer than wanted.

A thread cannot be ended from outside. So whatever may block (a request, a look-up of a name, a
client library) runs in a daemon thread, and its caller stops waiting at a deadline, or once it is
stopped. What it has begun may still be carried out, as if its answer had been lost.
"""

from __future__ import annotations

import contextvars
import os
import signal
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future, wait
from contextlib import contextmanager
from functools import partial
from types import FrameType
from typing import TypeVar

from tradai_tasks.errors import StoppedError

_T = TypeVar("_T")

_TICK = 0.1  # seconds between two looks at whether to stop
_TOGETHER = 3.0  # seconds within which a second signal is taken for the same request to end


def started(action: Callable[[], _T], given: Future[_T] | None = None) -> Future[_T]:
    """Start an action in a daemon thread, which does not keep the process from ending.

    `given` is the future to use, for a caller that an interrupt must not leave without it.
    """
    future: Future[_T] = Future() if given is None else given
    context = contextvars.copy_context()

    def work() -> None:
        try:
            future.set_result(context.run(action))
        except BaseException as error:
            future.set_exception(error)

    threading.Thread(target=work, daemon=True).start()
    return future


def bounded(action: Callable[[], _T], *, seconds: float, stop: threading.Event | None = None) -> _T:
    """Return the result of an action, waiting for it only so long.

    Raises:
        TimeoutError: It took longer than `seconds`.
        StoppedError: `stop` was set meanwhile.
    """
    future = started(action)
    ended = time.monotonic() + seconds
    while True:
        left = ended - time.monotonic()
        wait([future], max(0.0, min(left, _TICK if stop is not None else left)))
        if future.done():
            return future.result()
        if stop is not None and stop.is_set():
            raise StoppedError("a request was stopped")
        if left <= 0:
            raise TimeoutError


def side_by_side(actions: Sequence[Callable[[], _T]], most: int) -> list[_T]:
    """Run actions in parallel, at most so many at once, and return their results in order.

    All have ended by then; the error of the first one that failed is raised.
    """
    limit = threading.Semaphore(max(1, most))

    def one(action: Callable[[], _T]) -> _T:
        with limit:
            return action()

    futures = [started(partial(one, action)) for action in actions]
    wait(futures)
    return [future.result() for future in futures]


@contextmanager
def terminable() -> Iterator[None]:
    """Raise KeyboardInterrupt on SIGTERM too, so that running commands are ended with this process.

    A handler that somebody else has set stays, as does a signal that is ignored, and both outside
    the main thread.
    """
    number = signal.SIGTERM
    is_main = threading.current_thread() is threading.main_thread()
    if not is_main or signal.getsignal(number) != signal.SIG_DFL:
        yield
        return

    def handle(received: int, frame: FrameType | None) -> None:
        del frame
        signal.signal(number, signal.SIG_DFL)  # a second one ends it at once
        raise KeyboardInterrupt(signal.Signals(received).name)

    signal.signal(number, handle)
    try:
        yield
    finally:
        signal.signal(number, signal.SIG_DFL)


@contextmanager
def interruptible(stop: threading.Event) -> Iterator[None]:
    """End work on SIGINT and SIGTERM: set `stop`, and raise KeyboardInterrupt in this thread.

    The exception names the signal. Another signal within a few seconds, as from a terminal and a
    parent process at once, is ignored; a later one ends the process at once. A signal that is
    ignored already stays so, and so do both outside the main thread, where Python has no handlers.
    """
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    reader, writer = os.pipe()

    def watch() -> None:
        # a handler must not set the event itself: it may interrupt this very thread in the middle
        # of a wait for it
        with os.fdopen(reader, "rb", buffering=0) as told:
            if told.read(1):
                stop.set()

    threading.Thread(target=watch, daemon=True).start()
    first: list[float] = []

    def handle(number: int, frame: FrameType | None) -> None:
        del frame
        if first and time.monotonic() - first[0] < _TOGETHER:
            return
        if first:
            signal.signal(number, signal.SIG_DFL)
            os.kill(os.getpid(), number)
            return
        first.append(time.monotonic())
        os.write(writer, b"x")
        raise KeyboardInterrupt(signal.Signals(number).name)

    listening = [
        n for n in (signal.SIGINT, signal.SIGTERM) if signal.getsignal(n) != signal.SIG_IGN
    ]
    before = {number: signal.signal(number, handle) for number in listening}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
        os.close(writer)
