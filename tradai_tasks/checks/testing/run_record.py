"""Read the record that the plugin `tradai_tasks_record` leaves of a pytest run."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from tradai_tasks.errors import RunRecordError
from tradai_tasks.workspace.layout import TEST_FILE

PLUGIN = "tradai_tasks_record"
_ORDERS = "TRADAI_TASKS_RECORD"
_FOLDER = Path(__file__).parent / "pytest_plugin"
_NO_TESTS = frozenset({"__pycache__", "node_modules", "venv"})
_WORST_FIRST = ("failed", "passed", "xfailed", "skipped")  # of several reports of one test


@dataclass(frozen=True, kw_only=True, slots=True)
class CollectedTest:
    """A test that pytest collected."""

    file: Path  # absolute
    markers: tuple[str, ...]  # those of the markers with a session that it has


@dataclass(frozen=True, kw_only=True, slots=True)
class Assignment:
    """Which of the collected tests a session runs, by their markers."""

    markers: tuple[str, ...]  # that have, or may have, a session
    only: str | None = None  # the marker that a test must have; None for any test
    # markers whose tests another session runs, with the paths it runs them from, None for all
    elsewhere: Mapping[str, tuple[Path, ...] | None] = field(default_factory=dict)

    def has(self, test: CollectedTest) -> bool:
        """Return whether a test is one of this session; the plugin decides the same."""
        if self.only is not None:
            return self.only in test.markers
        return not any(
            paths is None or any(path in (test.file, *test.file.parents) for path in paths)
            for marker, paths in self.elsewhere.items()
            if marker in test.markers
        )


@dataclass(kw_only=True, slots=True)
class RunRecord:
    """What one pytest run did, all of its processes together; tests by their node id."""

    args: tuple[str, ...] = ()  # all arguments, those of the configuration included
    ended: bool = False  # it came to its end, on whatever way
    stopped: str = ""  # why pytest stopped before the last test, such as `--maxfail`
    began: bool = False  # it came past the collection
    collected: dict[str, CollectedTest] = field(default_factory=dict)  # to be run
    removed: dict[str, CollectedTest] = field(default_factory=dict)  # deselected, by whatever
    outcomes: dict[str, str] = field(default_factory=dict)  # passed, failed, skipped or xfailed
    lines: dict[str, int] = field(default_factory=dict)  # of its file, where a test failed
    missing_fixtures: dict[str, str] = field(default_factory=dict)  # name -> first test without it
    broken: dict[Path, None] = field(default_factory=dict)  # files that could not be collected
    skipped: dict[Path, None] = field(default_factory=dict)  # files that skip themselves
    ignored: dict[Path, None] = field(default_factory=dict)  # files and folders left out
    replayed: dict[Path, None] = field(default_factory=dict)  # not run, as results are known
    rerun: set[str] = field(default_factory=set)  # tests that were run more than once
    coverage: Mapping[str, Any] | None = None  # settings of coverage.py, by their names
    contexts: bool = False  # coverage was given the running test file as context

    def count(self, outcome: str) -> int:
        """Return the number of tests with an outcome."""
        return sum(found == outcome for found in self.outcomes.values())

    @property
    def tells_files_apart(self) -> bool:
        """Whether the data of coverage.py says which test file ran what, not which function."""
        return self.contexts and not (self.coverage or {}).get("run:dynamic_context")

    @property
    def idle(self) -> list[Path]:
        """The test files that skip themselves, or of which every test was skipped."""
        tests = self.collected.items()
        ran = {test.file for name, test in tests if self.outcomes.get(name) != "skipped"}
        found = {**self.skipped, **dict.fromkeys(test.file for _, test in tests)}
        return [file for file in found if file not in ran]

    @property
    def unreported(self) -> list[str]:
        """The collected tests without an outcome, in their order."""
        return [test for test in self.collected if test not in self.outcomes]


def record_environment(
    folder: Path,
    assignment: Assignment,
    *,
    replayed: Iterable[Path] = (),
    contexts: Path | None = None,
    coverage: Path | None = None,
) -> dict[str, str]:
    """Return environment variables for a pytest run with the plugin, for an empty `folder`."""
    orders = {
        "folder": str(folder),
        "markers": assignment.markers,
        "only": assignment.only,
        "elsewhere": {
            marker: None if paths is None else [str(path) for path in paths]
            for marker, paths in assignment.elsewhere.items()
        },
        "replayed": [str(path) for path in replayed],
        "contexts": None if contexts is None else str(contexts),
        "coverage": None if coverage is None else str(coverage),
    }
    return {_ORDERS: json.dumps(orders), "PYTHONPATH": str(_FOLDER)}


def read_record(folder: Path) -> RunRecord | None:
    """Read a record; None if pytest did not begin one; raise RunRecordError if it is unreadable."""
    record = RunRecord()
    started = False
    for file in sorted(folder.glob("*.jsonl")):
        try:
            events = [json.loads(line) for line in file.read_text(encoding="utf-8").splitlines()]
            own = not any(event["event"] == "worker" for event in events)
            for event in events:
                _add(record, event, own=own)
        except (ValueError, KeyError, TypeError, AttributeError, OSError) as error:
            raise RunRecordError(
                f"{file}: the record of the pytest run cannot be read ({type(error).__name__}), so "
                f"nothing shows what was tested; run the session again"
            ) from None
        started = started or own
    return record if started else None


def _add(record: RunRecord, event: Mapping[str, Any], *, own: bool) -> None:
    match event["event"]:
        case "start" if own:
            record.args = tuple(event["args"])
        case "coverage":
            record.coverage = event
        case "contexts":
            record.contexts = True
        case "ignored":
            if _holds_tests(Path(event["path"])):
                record.ignored[Path(event["path"])] = None
        case "uncollected":
            files = record.broken if event["outcome"] == "failed" else record.skipped
            files[Path(event["path"])] = None
        case "collected":
            record.began = True
            for found, items in (
                (record.collected, event["items"]),
                (record.removed, event["removed"]),
            ):
                kinds = {
                    (file, *markers): CollectedTest(file=Path(file), markers=tuple(markers))
                    for file, *markers in {(file, *markers) for _, file, markers in items}
                }
                found |= {test: kinds[(file, *markers)] for test, file, markers in items}
        case "replayed":
            record.replayed[Path(event["path"])] = None
        case "report" if event["outcome"] == "rerun":
            record.rerun.add(event["test"])
        case "report" if event["outcome"] in _WORST_FIRST:
            known = record.outcomes.get(event["test"], _WORST_FIRST[-1])
            record.outcomes[event["test"]] = min(known, event["outcome"], key=_WORST_FIRST.index)
            if event.get("line"):
                record.lines.setdefault(event["test"], int(event["line"]))
            if event.get("fixture"):
                record.missing_fixtures.setdefault(str(event["fixture"]), event["test"])
        case "end" if own:
            record.ended, record.stopped = True, str(event["stopped"])


def _holds_tests(path: Path) -> bool:
    """Return whether an ignored file or folder is one of tests, not of tools or of caches."""
    if path.name.startswith(".") or path.name in _NO_TESTS:
        return False
    if not path.is_dir():
        return bool(TEST_FILE.match(path.name))
    return any(_holds_tests(child) for child in path.iterdir())
