"""Work that is waited for no longer than wanted, and what a signal ends."""

from __future__ import annotations

import signal
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from typing import Any

import pytest

from tradai_tasks.background import bounded, interruptible, side_by_side, started, terminable
from tradai_tasks.errors import StoppedError


def never() -> None:
    threading.Event().wait(60)


def test_a_result_and_an_error_come_through() -> None:
    assert bounded(lambda: 7, seconds=10) == 7
    assert bounded(lambda: 7, seconds=10, stop=threading.Event()) == 7
    with pytest.raises(ZeroDivisionError):
        bounded(lambda: 1 // 0, seconds=10)
    assert started(lambda: 7).result() == 7


def test_a_deadline_and_a_stop_end_the_wait_and_not_the_work() -> None:
    begin = time.monotonic()
    with pytest.raises(TimeoutError):
        bounded(never, seconds=0.05)
    stop = threading.Event()
    threading.Timer(0.05, stop.set).start()
    with pytest.raises(StoppedError):
        bounded(never, seconds=60, stop=stop)
    assert time.monotonic() - begin < 5


def test_at_most_so_many_run_at_once_and_all_have_ended_before_an_error_is_raised() -> None:
    running, most, done, lock = 0, 0, [], threading.Lock()

    def one(number: int) -> int:
        nonlocal running, most
        with lock:
            running += 1
            most = max(most, running)
        time.sleep(0.01)
        with lock:
            running -= 1
            done.append(number)
        return 10 // (number - 3)

    assert side_by_side([partial(one, n) for n in (4, 5, 8)], 2) == [10, 5, 2]
    assert most == 2
    done.clear()
    with pytest.raises(ZeroDivisionError):
        side_by_side([partial(one, n) for n in (3, 4, 5)], 1)
    assert sorted(done) == [3, 4, 5]


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_stops_work_and_is_named(number: signal.Signals) -> None:
    stop, before = threading.Event(), signal.getsignal(number)
    with pytest.raises(KeyboardInterrupt, match=number.name), interruptible(stop):
        signal.raise_signal(number)
    assert stop.wait(5)
    assert signal.getsignal(number) is before


def test_a_second_signal_of_the_same_moment_is_ignored() -> None:
    stop = threading.Event()
    with interruptible(stop):
        with pytest.raises(KeyboardInterrupt, match="SIGINT"):
            signal.raise_signal(signal.SIGINT)
        signal.raise_signal(signal.SIGTERM)  # as CI and a terminal send it


def test_a_signal_that_is_ignored_stays_so() -> None:
    before = signal.signal(signal.SIGINT, signal.SIG_IGN)
    try:
        with interruptible(stop := threading.Event()):
            signal.raise_signal(signal.SIGINT)
        assert not stop.is_set()
        assert signal.getsignal(signal.SIGINT) is signal.SIG_IGN
    finally:
        signal.signal(signal.SIGINT, before)


def test_outside_the_main_thread_signals_are_left_alone() -> None:
    def work() -> object:
        with interruptible(threading.Event()):
            return signal.getsignal(signal.SIGTERM)

    assert started(work).result() is signal.getsignal(signal.SIGTERM)


@contextmanager
def handled(handler: Any) -> Iterator[None]:
    before = signal.signal(signal.SIGTERM, handler)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, before)


def test_sigterm_is_an_interrupt_once_and_only_where_nobody_handles_it() -> None:
    with handled(signal.SIG_DFL):
        with pytest.raises(KeyboardInterrupt, match="SIGTERM"), terminable():
            signal.raise_signal(signal.SIGTERM)
        assert signal.getsignal(signal.SIGTERM) is signal.SIG_DFL
        with terminable():
            with pytest.raises(KeyboardInterrupt):
                signal.raise_signal(signal.SIGTERM)
            assert signal.getsignal(signal.SIGTERM) is signal.SIG_DFL  # a second one ends it
    seen: list[int] = []
    with handled(lambda number, _: seen.append(number)), terminable():
        signal.raise_signal(signal.SIGTERM)
    assert seen == [signal.SIGTERM]
    with handled(signal.SIG_IGN), terminable():
        signal.raise_signal(signal.SIGTERM)
