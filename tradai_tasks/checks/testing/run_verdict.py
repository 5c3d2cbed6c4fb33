"""Judge a pytest run by the record of what it did."""

from __future__ import annotations

import os
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

from tradai_tasks.checks.testing.pytest_arguments import informs
from tradai_tasks.checks.testing.run_record import PLUGIN, Assignment, CollectedTest, RunRecord
from tradai_tasks.text import listed

_USAGE_ERROR = 4  # pytest's exit statuses


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


@dataclass(frozen=True, kw_only=True, slots=True)
class RunJudge:
    """Judges a pytest run by what it was to do.

    A run is good if pytest came to its end, reported every test that it had collected, and skipped
    not all of them. A run whose tests are all left to other sessions is empty, and good.
    """

    name: str  # the package, for messages
    assignment: Assignment  # which of the tests are those of the session
    home: Path  # folder from which messages name files
    narrowing: Sequence[str] = ()  # the user's arguments that leave tests out
    expected: Iterable[Path] = ()  # the test files that pytest's configuration lets it collect

    def outcome(self, status: int, record: RunRecord | None) -> RunOutcome:
        """Judge a run by its exit status and its record, if it left one."""
        held = record or RunRecord()
        removed = [test for test in held.removed.values() if self.assignment.has(test)]
        fault = self._fault(status, record, removed)
        narrowed = bool(self.narrowing)
        return RunOutcome(
            tests=len(held.collected),
            failed=held.count("failed"),
            skipped=held.count("skipped"),
            others=len(held.removed) - len(removed),
            left_out=() if narrowed else tuple(self._left_out(held, removed)),
            idle=() if narrowed else tuple(map(self._shown, held.idle)),
            fault=f"{self.name}: {fault}" if fault else None,
            is_unmatched=fault is not None
            and fault == self._nothing_to_run(held, removed)
            and not (held.skipped or (removed and not narrowed)),
        )

    def _fault(
        self, status: int, record: RunRecord | None, removed: Sequence[CollectedTest]
    ) -> str | None:
        if record is None:
            return (
                f"pytest left no record of the run (exit status {status}): it did not start, or an "
                f"option such as `-p no:{PLUGIN}` turned the recording off; its output is above"
            )
        tests, unreported = len(record.collected), record.unreported
        if record.broken:
            return f"{self._files(record.broken)} could not be collected; the error is above"
        if failed := record.count("failed"):
            rest = f", and {len(unreported)} were not run" if unreported else ""
            first = self._first_failure(record)
            return f"{failed} of {tests} tests failed{rest}{first}{self._of_fixtures(record)}"
        if status == _USAGE_ERROR:
            return (
                "pytest could not begin, for its arguments, its configuration or a conftest.py "
                "(exit status 4); its message is above"
            )
        if not record.began:
            return (
                f"pytest ended before it had collected the tests (exit status {status}); see above"
            )
        if unreported:
            return _ended_early(status, record, unreported)
        if not record.ended:
            return f"pytest broke off after its last test (exit status {status}); see above"
        if not tests:
            return self._nothing_to_run(record, removed)
        if record.count("skipped") == tests:
            return f"all {tests} tests were skipped, so nothing was tested; the reasons: -- -rs"
        if status != 0:
            return f"pytest ended with exit status {status}, though no test failed; see above"
        return None

    def _first_failure(self, record: RunRecord) -> str:
        """Return where the first test that failed did so."""
        failed = (test for test, outcome in record.outcomes.items() if outcome == "failed")
        test = next(failed)
        held = record.collected.get(test)
        if held is None:
            return f", the first: {test}"
        line = f":{record.lines[test]}" if test in record.lines else ""
        return f", the first at {self._shown(held.file)}{line} ({test.rpartition('::')[2]})"

    def _of_fixtures(self, record: RunRecord) -> str:
        """Return what to do about fixtures that tests ask for and nothing defines."""
        if not record.missing_fixtures:
            return ""
        tests = list(record.missing_fixtures.values())
        places = {
            self._shown(record.collected[one].file) for one in tests if one in record.collected
        }
        names = listed([repr(name) for name in record.missing_fixtures])
        return (
            f"; no fixture {names} for {listed(sorted(places))}: define it in a conftest.py of "
            f"that folder or one above, or name the plugin that has it in the dev group"
        )

    def _nothing_to_run(self, record: RunRecord, removed: Sequence[CollectedTest]) -> str | None:
        if self.narrowing:
            return f"no test matches: {' '.join(self.narrowing)} ({len(removed)} deselected)"
        if removed:
            return (
                f"all {len(removed)} tests are deselected by pytest's configuration or a "
                f"conftest.py, so nothing was tested"
            )
        if record.skipped:
            return f"every test was skipped: {self._files(record.skipped)} skip themselves"
        if record.removed:
            return None  # left to other sessions
        if record.ignored:
            return (
                f"no tests collected: {self._files(record.ignored)} are ignored by pytest's "
                f"configuration or a conftest.py"
            )
        return (
            "no tests collected; add tests, or state that it has none by `test = false` in settings"
        )

    def _left_out(self, record: RunRecord, removed: Sequence[CollectedTest]) -> list[str]:
        """Return the test files that options leave out, as text for the summary."""
        counts: dict[Path, int] = {}
        for test in removed:
            counts[test.file] = counts.get(test.file, 0) + 1
        found = [f"{self._shown(file)} ({number} deselected)" for file, number in counts.items()]
        found += [f"{self._shown(path)} (ignored)" for path in record.ignored]
        tests = (*record.collected.values(), *record.removed.values())
        met = {*(test.file for test in tests), *record.broken, *record.skipped}
        for file in self.expected:
            if file not in met and not record.ignored.keys() & {file, *file.parents}:
                found.append(f"{self._shown(file)} (pytest finds no test in it)")
        return found

    def _files(self, paths: Collection[Path]) -> str:
        return listed([self._shown(path) for path in paths])

    def _shown(self, path: Path) -> str:
        return os.path.relpath(path, self.home)


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
