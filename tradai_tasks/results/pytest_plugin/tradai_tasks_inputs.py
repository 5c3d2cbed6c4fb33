"""pytest plugin that tells the recorder of inputs which test file is collected or run.

It uses pytest 7 to 9 and the standard library only, and changes no outcome. Where the recorder
cannot write, it records no test file, so none counts as recorded.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import tradai_tasks_recorder
from tradai_tasks_importers import replace_reader

_SHARED = frozenset({"session", "package"})  # scopes of fixtures that several test files can share
_recorder: Any = tradai_tasks_recorder.start()
if _recorder is not None:
    replace_reader()


def _enter(path: Path) -> None:
    if _recorder is not None:
        _recorder.enter(_recorder.inside(str(path)))


@pytest.hookimpl(hookwrapper=True, tryfirst=True)
def pytest_make_collect_report(collector: pytest.Collector) -> Iterator[None]:
    """Give what a test file loads and reads when it is collected to that file."""
    is_file = collector.path.is_file() and not isinstance(collector, pytest.Package)
    if is_file:
        _enter(collector.path)
    yield
    if is_file and _recorder is not None:
        _recorder.leave()


@pytest.hookimpl(hookwrapper=True, tryfirst=True)
def pytest_runtest_protocol(item: pytest.Item) -> Iterator[None]:
    """Give what a test does to its file."""
    _enter(item.path)
    if _recorder is not None:
        _recorder.begin_test()
    yield
    if _recorder is not None:
        _recorder.leave()


@pytest.hookimpl(hookwrapper=True, tryfirst=True)
def pytest_fixture_setup(fixturedef: Any, request: Any) -> Iterator[None]:
    """Give what a shared fixture does to all test files that can use it."""
    if _recorder is None or fixturedef.scope not in _SHARED:
        yield
        return
    base = (fixturedef.baseid or "").split("::")[0]
    folder = _recorder.inside(str(request.config.rootpath / base)) or ""
    context = f"fixture:{folder}::{fixturedef.argname}"
    _recorder.share(context, folder)
    # finalizers run from the last to the first: the fixture's own come between these two
    fixturedef.addfinalizer(_recorder.unshare)
    yield
    fixturedef.addfinalizer(lambda: _recorder.share(context, folder))
    _recorder.unshare()


@pytest.hookimpl(hookwrapper=True, tryfirst=True)
def pytest_sessionfinish(session: pytest.Session) -> Iterator[None]:
    """Record that this process ran all that it was given."""
    if _recorder is not None:
        _recorder.enter("")
        getattr(session.config, "workeroutput", {})["tradai_tasks"] = "recorded"
    yield
    if _recorder is not None:
        _recorder.write("end", _recorder.process)


@pytest.hookimpl(optionalhook=True)
def pytest_testnodedown(node: Any) -> None:
    """Refuse the recording if a worker of xdist has recorded nothing of what it ran."""
    if _recorder is not None and "tradai_tasks" not in getattr(node, "workeroutput", {}):
        _recorder.refuse()
