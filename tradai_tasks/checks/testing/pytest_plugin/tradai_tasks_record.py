"""pytest plugin that records what a run did, as one JSON object on each line.

It is loaded by `-p` into the environment of the tested package, so it uses pytest and the standard
library only, as pytest 7 to 9 have them. It changes no outcome. Its orders are in the variable
TRADAI_TASKS_RECORD, as JSON:

- `folder`: where to write, a file for each process: pytest's own, and each worker of xdist;
- `markers`: markers to register, and to state of each test;
- `only`: the marker that a test must have to be run here, or null;
- `elsewhere`: markers whose tests another session runs, each with the paths that it runs, or null
  for all;
- `replayed`: test files that are not run, as their results are known;
- `contexts`: the folder that test files are named from in coverage's contexts, or null for none;
- `coverage`: the file with the orders of `tradai_tasks_coverage`, or null for none.
"""

from __future__ import annotations

import json
import os
import re
import sys
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any

import pytest

# pytest's words, which xdist hands on as text
_MISSING_FIXTURE = re.compile(r"^E +fixture '(\w+)' not found$", re.MULTILINE)
_ORDERS: dict[str, Any] = json.loads(os.environ.get("TRADAI_TASKS_RECORD", "{}"))
_REPLAYED = frozenset(_ORDERS.get("replayed", ()))
_CONTEXTS = _ORDERS.get("contexts")
if _CONTEXTS and sys.version_info >= (3, 14):
    # coverage's default there knows no contexts
    os.environ.setdefault("COVERAGE_CORE", "ctrace")


class _Recording:
    """Events of this process, written as they happen, so that an abrupt end loses none."""

    def __init__(self) -> None:
        self.before: list[pytest.Item] = []  # collected, before anything was deselected
        self.context = ""  # of coverage
        self.tells_files_apart = False  # coverage took a context
        self.is_worker = False  # a worker of xdist, whose reports pytest's own process gets
        self._process = os.getpid()
        self._file: Any = None

    def write(self, event: str, **values: Any) -> None:
        """Append an event; forked children write nothing."""
        if not _ORDERS or os.getpid() != self._process:
            return
        if self._file is None:
            file = Path(_ORDERS["folder"], f"{self._process}.jsonl")
            self._file = file.open("a", encoding="utf-8", buffering=1)
        self._file.write(json.dumps({"event": event, **values}) + "\n")

    def close(self) -> None:
        """Close the file; what this process may still write opens it again."""
        if self._file is not None and os.getpid() == self._process:
            self._file.close()
            self._file = None


_recording = _Recording()


def pytest_load_initial_conftests(args: Sequence[Any]) -> None:
    """Record that pytest started, with all of its arguments."""
    _recording.write("start", args=[str(word) for word in args])


def pytest_configure(config: pytest.Config) -> None:
    """Register the markers, and record coverage's settings."""
    for marker in _ORDERS.get("markers", ()):
        config.addinivalue_line("markers", f"{marker}: runs in a session of its own")
    _recording.is_worker = hasattr(config, "workerinput")
    if _recording.is_worker:
        _recording.write("worker")
    elif config.getoption("cov_source", None):
        _recording.write("coverage", **_coverage_settings(config))


def _coverage_settings(config: pytest.Config) -> dict[str, Any]:
    from coverage import Coverage  # noqa: PLC0415 - where pytest-cov is in use only

    settings = Coverage(data_file=None, config_file=config.getoption("cov_config"))
    names = (
        "report:fail_under", "report:precision", "run:omit", "report:omit", "report:include",
        "run:dynamic_context",
    )  # fmt: skip
    return {name: settings.get_option(name) for name in names}


@pytest.hookimpl(hookwrapper=True, tryfirst=True)
def pytest_ignore_collect(collection_path: Path) -> Iterator[None]:
    """Record files and folders that options or a conftest.py leave out."""
    outcome: Any = yield
    if outcome.excinfo is None and outcome.get_result() and collection_path.name != "__pycache__":
        _recording.write("ignored", path=str(collection_path))


class _Replayed(pytest.File):
    """A test file that has no test to run, as its results are known."""

    def collect(self) -> list[pytest.Item]:
        """Return nothing."""
        return []


@pytest.hookimpl(hookwrapper=True, tryfirst=True)
def pytest_collect_file(file_path: Path, parent: pytest.Collector) -> Iterator[None]:
    """Leave out the files whose results are known, where pytest would collect them."""
    outcome: Any = yield
    if str(file_path) in _REPLAYED and outcome.excinfo is None and outcome.get_result():
        _recording.write("replayed", path=str(file_path))
        outcome.force_result([_Replayed.from_parent(parent, path=file_path)])


@pytest.hookimpl(hookwrapper=True, tryfirst=True)
def pytest_runtest_protocol(item: pytest.Item) -> Iterator[None]:
    """Tell coverage which test file runs; each change costs as much as a few tests."""
    context = f"test file: {os.path.relpath(item.path, _CONTEXTS)}" if _CONTEXTS else None
    if context != _recording.context:
        _switch(context)
    yield


@pytest.hookimpl(hookwrapper=True, tryfirst=True)
def pytest_fixture_setup(fixturedef: Any) -> Iterator[None]:
    """Count what fixtures of several files do for none of them alone."""
    before = _switch("") if fixturedef.scope in {"session", "package"} else None
    yield
    _switch(before)


def _switch(context: str | None) -> str | None:
    """Change coverage's context, and return the one before; None where there is none."""
    if not _CONTEXTS or context is None or "coverage" not in sys.modules:
        return None
    from coverage import Coverage, CoverageException  # noqa: PLC0415 - where it is in use only

    running = Coverage.current()
    if running is None:
        return None
    try:
        running.switch_context(context)
    except CoverageException:  # it is not measuring at the moment
        return None
    if context and not _recording.tells_files_apart:
        _recording.tells_files_apart = True
        _recording.write("contexts")
    before, _recording.context = _recording.context, context
    return before


@pytest.hookimpl(hookwrapper=True, tryfirst=True)
def pytest_collection_modifyitems(
    config: pytest.Config, items: list[pytest.Item]
) -> Iterator[None]:
    """Leave tests to the session of their marker, after all hooks that give markers."""
    _recording.before = list(items)
    yield
    kept = [item for item in items if _is_ours(item)]
    left = set(map(id, items)) - set(map(id, kept))
    if left:
        config.hook.pytest_deselected(items=[item for item in items if id(item) in left])
        items[:] = kept


def _is_ours(item: pytest.Item) -> bool:
    only = _ORDERS.get("only")
    if only is not None:
        return item.get_closest_marker(only) is not None
    for marker, paths in _ORDERS.get("elsewhere", {}).items():
        if item.get_closest_marker(marker) is None:
            continue
        if paths is None or any(Path(path) in (item.path, *item.path.parents) for path in paths):
            return False
    return True


@pytest.hookimpl(tryfirst=True)
def pytest_collection_finish(session: pytest.Session) -> None:
    """Record the tests that are to be run, and those that were taken out."""
    left = set(map(id, session.items))
    _recording.write(
        "collected",
        items=_described(session.items),
        removed=_described(item for item in _recording.before if id(item) not in left),
    )


def _described(items: Iterable[pytest.Item]) -> list[tuple[str, str, list[str]]]:
    markers = _ORDERS.get("markers", ())
    return [
        (item.nodeid, str(item.path), [name for name in markers if item.get_closest_marker(name)])
        for item in items
    ]


@pytest.hookimpl(hookwrapper=True, tryfirst=True)
def pytest_make_collect_report(collector: pytest.Collector) -> Iterator[None]:
    """Record files that cannot be collected, or skip themselves."""
    outcome: Any = yield
    if outcome.excinfo is None and not (report := outcome.get_result()).passed:
        _recording.write("uncollected", path=str(collector.path), outcome=report.outcome)


def pytest_runtest_logreport(report: pytest.TestReport) -> None:
    """Record what became of a test; under xdist in pytest's own process only."""
    if not _recording.is_worker and (report.when == "call" or not report.passed):
        reason = getattr(report, "wasxfail", None) if report.skipped else None
        # `xfail(run=False)` has its reason begin so; such a test is not run
        is_run = reason is not None and "[NOTRUN]" not in reason
        outcome = "xfailed" if is_run else report.outcome
        lookup = _MISSING_FIXTURE.search(str(report.longrepr)) if report.failed else None
        fixture = lookup[1] if lookup else None
        line = _line(report) if report.failed else None
        values = {"outcome": outcome, "fixture": fixture, "line": line}
        _recording.write("report", test=report.nodeid, **values)


def _line(report: pytest.TestReport) -> int | None:
    """Return the line of the test's file at which it failed, or else at which the test begins."""
    file, first, _ = report.location
    crash = getattr(report.longrepr, "reprcrash", None)
    if crash is not None and os.path.realpath(crash.path).endswith(f"{os.sep}{file}"):
        return int(crash.lineno)
    return None if first is None else first + 1


@pytest.hookimpl(hookwrapper=True, tryfirst=True)
def pytest_sessionfinish(session: pytest.Session) -> Iterator[None]:
    """Record that the run came to its end, and why if that was before its last test."""
    _switch("")
    yield
    why = getattr(session, "shouldfail", "") or getattr(session, "shouldstop", "")
    _recording.write("end", stopped=str(why or ""))


@pytest.hookimpl(trylast=True)
def pytest_unconfigure() -> None:
    """Close the record, and divide the coverage while coverage is loaded: that takes its time."""
    _recording.close()
    if _ORDERS.get("coverage") and _recording.tells_files_apart and not _recording.is_worker:
        try:
            _divide(_ORDERS["coverage"])
        except Exception as error:  # it ends no run: the session does it anew, and shows why not
            print(f"coverage is not divided by test file yet: {error!r}", file=sys.stderr)


def _divide(orders: str) -> None:
    """Divide coverage, and write its reports, unless pytest did not meet each replayed file."""
    from tradai_tasks_coverage import main  # noqa: PLC0415 - needs coverage

    events = [
        json.loads(line)
        for file in Path(_ORDERS["folder"]).glob("*.jsonl")  # of each worker
        for line in file.read_text(encoding="utf-8").splitlines()
        if '"replayed"' in line
    ]
    if {one["path"] for one in events if one["event"] == "replayed"} == _REPLAYED:
        main(json.loads(Path(orders).read_bytes()))
