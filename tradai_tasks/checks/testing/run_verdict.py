"""Judge a pytest run by the record of what it did."""

from __future__ import annotations

import os
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from tradai_tasks.checks.testing.pytest_arguments import informs
from tradai_tasks.checks.testing.run_record import PLUGIN, CollectedTest, RunRecord
from tradai_tasks.text import listed

_USAGE_ERROR = 4  # pytest's exit statuses


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


@dataclass(frozen=True, kw_only=True, slots=True)
class RunOutcome:
    """The result of a pytest run."""

    tests: int  # collected, to be run by this session
    failed: int  # failures and errors
    skipped: int
    others: int  # left to other sessions
    left_out: tuple[str, ...]  # test files that options leave out, with how much of them
    idle: tuple[str, ...]  # test files of which every test was skipped
    fault: str | None  # one line for the user; None when all is well
    # nothing is wrong but that no test is left of those that the session, or the user, asks for
    is_unmatched: bool = False

    @property
    def is_empty(self) -> bool:
        """Whether there was nothing for this session to run."""
        return self.tests == 0


def judge_run(  # noqa: PLR0913 - what a verdict is about
    name: str,
    status: int,
    record: RunRecord | None,
    assignment: Assignment,
    *,
    home: Path,
    narrowing: Sequence[str] = (),
    expected: Iterable[Path] = (),
) -> RunOutcome:
    """Judge a pytest run.

    A run is good if pytest came to its end, reported every test that it had collected, and skipped
    not all of them. A run whose tests are all left to other sessions is empty, and good.

    Args:
        name: The package, for the message.
        record: What it did; None if there is no record.
        assignment: Which of the tests are those of the session.
        home: Folder from which messages name files.
        narrowing: The user's arguments that leave tests out.
        expected: The test files that pytest's configuration lets it collect there.
    """
    held = record or RunRecord()
    removed = [test for test in held.removed.values() if assignment.has(test)]
    fault = _fault(status, record, removed, home=home, narrowing=narrowing)
    return RunOutcome(
        tests=len(held.collected),
        failed=held.count("failed"),
        skipped=held.count("skipped"),
        others=len(held.removed) - len(removed),
        left_out=() if narrowing else tuple(_left_out(held, removed, expected, home)),
        idle=() if narrowing else tuple(_shown(file, home) for file in held.idle),
        fault=f"{name}: {fault}" if fault else None,
        is_unmatched=fault is not None
        and fault == _nothing_to_run(held, removed, home=home, narrowing=narrowing)
        and not (held.skipped or (removed and not narrowing)),
    )


def _fault(
    status: int,
    record: RunRecord | None,
    removed: Sequence[CollectedTest],
    *,
    home: Path,
    narrowing: Sequence[str],
) -> str | None:
    if record is None:
        return (
            f"pytest left no record of the run (exit status {status}): it did not start, or an "
            f"option such as `-p no:{PLUGIN}` turned the recording off; its output is above"
        )
    tests, unreported = len(record.collected), record.unreported
    if record.broken:
        return f"{_files(record.broken, home)} could not be collected; the error is above"
    if failed := record.count("failed"):
        rest = f", and {len(unreported)} were not run" if unreported else ""
        first = _first_failure(record, home)
        return f"{failed} of {tests} tests failed{rest}{first}{_of_fixtures(record, home)}"
    if status == _USAGE_ERROR:
        return (
            "pytest could not begin, for its arguments, its configuration or a conftest.py (exit "
            "status 4); its message is above"
        )
    if not record.began:
        return f"pytest ended before it had collected the tests (exit status {status}); see above"
    if unreported:
        return _ended_early(status, record, unreported)
    if not record.ended:
        return f"pytest broke off after its last test (exit status {status}); see above"
    if not tests:
        return _nothing_to_run(record, removed, home=home, narrowing=narrowing)
    if record.count("skipped") == tests:
        return f"all {tests} tests were skipped, so nothing was tested; the reasons: -- -rs"
    if status != 0:
        return f"pytest ended with exit status {status}, though no test failed; see above"
    return None


def _first_failure(record: RunRecord, home: Path) -> str:
    """Return where the first test that failed did so."""
    failed = (test for test, outcome in record.outcomes.items() if outcome == "failed")
    test = next(failed)
    held = record.collected.get(test)
    if held is None:
        return f", the first: {test}"
    line = f":{record.lines[test]}" if test in record.lines else ""
    return f", the first at {_shown(held.file, home)}{line} ({test.rpartition('::')[2]})"


def _of_fixtures(record: RunRecord, home: Path) -> str:
    """Return what to do about fixtures that tests ask for and nothing defines."""
    if not record.missing_fixtures:
        return ""
    tests = list(record.missing_fixtures.values())
    places = {_shown(record.collected[one].file, home) for one in tests if one in record.collected}
    names = listed([repr(name) for name in record.missing_fixtures])
    return (
        f"; no fixture {names} for {listed(sorted(places))}: define it in a conftest.py of that "
        f"folder or one above, or name the plugin that has it in the dev group"
    )


def _ended_early(status: int, record: RunRecord, unreported: Sequence[str]) -> str:
    tests = len(record.collected)
    if option := informs(record.args):
        return (
            f"{len(unreported)} of {tests} collected tests were not run, since pytest's "
            f"configuration has {option}; remove it there"
        )
    why = f", {record.stopped}" if record.stopped else ""
    return (
        f"the run ended early (exit status {status}{why}): {len(unreported)} of {tests} collected "
        f"tests were not run, the first is {unreported[0]}"
    )


def _nothing_to_run(
    record: RunRecord, removed: Sequence[CollectedTest], *, home: Path, narrowing: Sequence[str]
) -> str | None:
    if narrowing:
        return f"no test matches: {' '.join(narrowing)} ({len(removed)} deselected)"
    if removed:
        return (
            f"all {len(removed)} tests are deselected by pytest's configuration or a conftest.py, "
            f"so nothing was tested"
        )
    if record.skipped:
        return f"every test was skipped: {_files(record.skipped, home)} skip themselves"
    if record.removed:
        return None  # left to other sessions
    if record.ignored:
        return (
            f"no tests collected: {_files(record.ignored, home)} are ignored by pytest's "
            f"configuration or a conftest.py"
        )
    return "no tests collected; add tests, or state that it has none by `test = false` in settings"


def _left_out(
    record: RunRecord, removed: Sequence[CollectedTest], expected: Iterable[Path], home: Path
) -> list[str]:
    """Return the test files that options leave out, as text for the summary."""
    counts: dict[Path, int] = {}
    for test in removed:
        counts[test.file] = counts.get(test.file, 0) + 1
    found = [f"{_shown(file, home)} ({number} deselected)" for file, number in counts.items()]
    found += [f"{_shown(path, home)} (ignored)" for path in record.ignored]
    tests = (*record.collected.values(), *record.removed.values())
    met = {*(test.file for test in tests), *record.broken, *record.skipped}
    for file in expected:
        if file not in met and not record.ignored.keys() & {file, *file.parents}:
            found.append(f"{_shown(file, home)} (pytest finds no test in it)")
    return found


def _files(paths: Collection[Path], home: Path) -> str:
    return listed([_shown(path, home) for path in paths])


def _shown(path: Path, home: Path) -> str:
    return os.path.relpath(path, home)
