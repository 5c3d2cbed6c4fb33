"""Decide which test files need not be run, and which results can be kept."""

from __future__ import annotations

import time
from collections.abc import Collection, Iterable, Mapping, Sequence
from pathlib import Path

import msgspec

from tradai_tasks.checks.testing.run_record import CollectedTest, RunRecord
from tradai_tasks.results.code_digest import digest
from tradai_tasks.results.digests import Digested, Item, WorkTree
from tradai_tasks.results.inputs import Inputs
from tradai_tasks.results.kept_result import Covered, KeptResult, Part, decode_result
from tradai_tasks.results.store import Store
from tradai_tasks.text import listed

_MOST_TRIED = 8  # results of one test file that are held against the work tree, the newest first
REFUTED = ".refuted"


class Decision(msgspec.Struct, frozen=True, kw_only=True):
    """Which test files have a valid result."""

    valid: dict[str, KeptResult] = {}
    """The result by test file, from the root."""
    changed: dict[str, str] = {}
    """Of test files with results that are no longer valid: the first input that changed."""
    items: dict[str, set[Item]] = {}
    """All inputs that changed, of any of these results."""
    refuted: frozenset[str] = frozenset()
    """Test files of which a green result was shown to be wrong, with the inputs that they have."""


def decide(store: Store, slot: str, tree: WorkTree) -> Decision:
    """Return which results of a slot hold for the work tree.

    Raises:
        ResultStoreError: The store cannot be used.
    """
    names: dict[str, list[str]] = {}
    marks = []
    for entry in sorted(store.entries(slot), reverse=True):
        if entry.name.endswith(REFUTED):
            marks.append(entry.name)
        else:
            names.setdefault(entry.name.partition("-")[0], []).append(entry.name)
    wrong = filter(None, map(decode_result, store.read(marks).values()))
    refuted = {one.test_file for one in wrong if not _changed(tree, one)}
    valid: dict[str, KeptResult] = {}
    changed: dict[str, str] = {}
    items: dict[str, set[Item]] = {}
    for place in range(_MOST_TRIED):
        wanted = [of[place] for of in names.values() if len(of) > place]
        for name, data in store.read(wanted).items():
            result = decode_result(data)
            if result is None or record_name(slot, result.test_file, result.digested.key) != name:
                continue  # damaged, or not what it is called
            found = _changed(tree, result)
            if not found and result.test_file not in refuted:
                valid[result.test_file] = result
                del names[name.partition("-")[0]]
            elif not found:
                changed[result.test_file] = "its last green result was wrong"
            else:
                changed.setdefault(result.test_file, str(found[0]))
                items.setdefault(result.test_file, set()).update(found)
    changed = {test: item for test, item in changed.items() if test not in valid}
    items = {test: those for test, those in items.items() if test not in valid}
    return Decision(valid=valid, changed=changed, items=items, refuted=frozenset(refuted))


def _changed(tree: WorkTree, result: KeptResult) -> list[Item]:
    return list(tree.changes(result.inputs, result.test_file, result.digested))


def record_name(slot: str, test_file: str, key: str) -> str:
    """Return the name of a result in the store."""
    return f"{slot}/{digest(test_file.encode()).hex()}-{key}"


def refuted_name(slot: str, result: KeptResult) -> str:
    """Return the name of a result that was wrong, under which it is kept too."""
    return record_name(slot, result.test_file, result.digested.key) + REFUTED


def add_replayed(record: RunRecord, valid: Mapping[str, KeptResult], root: Path) -> list[str]:
    """Add the tests of replayed files to the record of a run, and return these files.

    Only those count that pytest met and would have collected.
    """
    replayed = [path.relative_to(root).as_posix() for path in record.replayed]
    for file in replayed:
        for test, (outcome, markers) in valid[file].tests.items():
            record.collected[test] = CollectedTest(file=root / file, markers=markers)
            record.outcomes[test] = outcome
        for test, markers in valid[file].removed.items():
            record.removed[test] = CollectedTest(file=root / file, markers=markers)
    return sorted(replayed)


class FileRun(msgspec.Struct, frozen=True, kw_only=True):
    """What a run did with one test file: its tests by node id."""

    collected: dict[str, CollectedTest] = {}
    """Those to be run."""
    removed: dict[str, CollectedTest] = {}
    """Those that were deselected."""
    outcomes: Mapping[str, str]
    """Of all test files."""
    rerun: Collection[str]
    """Tests of all files that were run more than once."""


def runs_by_file(record: RunRecord, root: Path) -> dict[str, FileRun]:
    """Return what a run did with each test file, by its path from the root."""
    found: dict[Path, FileRun] = {}
    for kind in ("collected", "removed"):
        for name, test in getattr(record, kind).items():
            if test.file not in found:
                found[test.file] = FileRun(outcomes=record.outcomes, rerun=record.rerun)
            getattr(found[test.file], kind)[name] = test
    inside = {file: run for file, run in found.items() if file.is_relative_to(root)}
    return {file.relative_to(root).as_posix(): run for file, run in inside.items()}


def run_files(record: RunRecord, root: Path) -> list[str]:
    """Return the test files that this run has collected, from the root.

    Those count too whose tests are all left to other sessions, or deselected.
    """
    return [file for file in runs_by_file(record, root) if root / file not in record.replayed]


def failed_files(record: RunRecord, root: Path) -> set[str]:
    """Return the test files in which a test failed, or that could not be collected."""
    failed = {
        record.collected[test].file
        for test, outcome in record.outcomes.items()
        if outcome == "failed" and test in record.collected
    }
    found = {*failed, *record.broken}
    return {file.relative_to(root).as_posix() for file in found if file.is_relative_to(root)}


def without(inputs: Inputs, folder: str) -> Inputs:
    """Return inputs without a folder and what is in it, which the session itself writes there."""
    kept = {
        name: tuple(p for p in getattr(inputs, name) if not f"{p}/".startswith(f"{folder}/"))
        for name in ("files", "absent", "listings", "changed_listings", "written")
    }
    return msgspec.structs.replace(inputs, **kept)


class Judge(msgspec.Struct, frozen=True, kw_only=True):
    """What makes a result unfit to be kept."""

    tree: WorkTree  # after the run
    start: float  # of the run, in seconds since the epoch
    programs: Collection[str]  # that may be started
    refuted: Collection[str]  # test files whose green results were wrong
    markers: Collection[str]  # of tests that need a system

    def refusal(self, file: str, run: FileRun, inputs: Inputs | None) -> str | None:
        """Return why the result of a test file is not kept; None if it is."""
        tests = run.collected
        if any(run.outcomes.get(name, "failed") == "failed" for name in tests):
            return "a test failed, or was not run"
        if not tests.keys().isdisjoint(run.rerun):
            return "a test was run again after it had failed"
        marked = sorted({m for test in tests.values() for m in test.markers if m in self.markers})
        if marked:
            return f"its tests are marked {' and '.join(marked)}"
        if inputs is None:
            return "what it read was not recorded"
        if fault := _fault(inputs, self.programs):
            return fault
        if touched := self.tree.touched_since(inputs, file, self.start):
            return f"{touched} changed while the tests ran"
        if file in self.refuted:
            return "it failed before with the same inputs"
        return None


def _fault(inputs: Inputs, programs: Collection[str]) -> str | None:
    """Return what was recorded that a result cannot depend on."""
    unseen = [one for one in inputs.programs if one.rpartition("/")[2] not in programs]
    if inputs.problems:
        return f"not all could be recorded: {inputs.problems[0]}"
    if inputs.changed_listings:
        return f"the entries of {inputs.changed_listings[0]} changed while the tests ran"
    if inputs.hosts:
        return f"it talked to {listed(list(inputs.hosts), 3)}"
    if unseen:
        return f"it started {listed(unseen, 3)}, whose reads are not seen (results.programs)"
    if inputs.written:
        return f"it wrote {listed(list(inputs.written), 3)}"
    return None


def new_result(  # noqa: PLR0913 - what a result consists of
    file: str,
    run: FileRun,
    inputs: Inputs,
    digested: Digested,
    *,
    cases: tuple[str, ...],
    covered: Covered | None,
    commit: str,
) -> KeptResult:
    """Return the green result of a test file."""
    return KeptResult(
        test_file=file,
        inputs=inputs,
        digested=digested,
        tests={name: (run.outcomes[name], test.markers) for name, test in run.collected.items()},
        removed={name: test.markers for name, test in run.removed.items()},
        cases=cases,
        covered=covered,
        commit=commit,
        time=time.time(),
    )


class Divided(msgspec.Struct, frozen=True, kw_only=True):
    """What a run covers of one file, divided by `pytest_plugin/tradai_tasks_coverage.py`."""

    level: Part
    """Outside of functions, whoever imported it."""
    imported: Part
    """In functions, while modules were imported."""
    tests: dict[str, Part]
    """By each test file, while its tests ran."""


def covered_by(
    test: str, modules: Mapping[str, Collection[str] | None], divided: Mapping[str, Divided]
) -> Covered:
    """Return what a test file covers.

    Args:
        test: The test file, from the root.
        modules: The modules that it loads, each with the functions that ran, None for all.
        divided: What the whole run covers, by file from the root.
    """
    parts = [(path, one.tests[test]) for path, one in divided.items() if test in one.tests]
    for path in divided.keys() & modules.keys():
        ran, one = modules[path], divided[path]
        imported = {
            name: places for name, places in one.imported.items() if ran is None or name in ran
        }
        parts += [(path, one.level), (path, imported)]
    return _united(parts)


def union(results: Iterable[KeptResult]) -> Covered:
    """Return what several results cover together."""
    return _united(part for one in results for part in (one.covered or {}).items())


def _united(parts: Iterable[tuple[str, Part]]) -> Covered:
    found: dict[str, dict[str, set[tuple[int, ...]]]] = {}
    for path, part in parts:
        known = found.setdefault(path, {}) if part else {}
        for name, places in part.items():
            known.setdefault(name, set()).update(places)
    return {
        path: {name: sorted(places) for name, places in part.items()}
        for path, part in found.items()
    }


def replay_line(ran: Sequence[str], replayed: Sequence[KeptResult], now: float) -> str:
    """Return how many test files were run, and how many replayed, as a line."""
    total = len(ran) + len(replayed)
    if not replayed:
        return f"{total} test files: {len(ran)} run"
    oldest = min(replayed, key=lambda one: one.time)
    return (
        f"{total} test files: {len(ran)} run, {len(replayed)} unchanged since they were green "
        f"({made(oldest, now)})"
    )


def replay_note(replayed: int, total: int) -> str:
    """Return how many test files were replayed, as the end of a summary."""
    return f", {replayed} of {total} test files unchanged" if replayed else ""


def made(result: KeptResult, now: float) -> str:
    """Return how long ago a result was made, and at which commit."""
    where = f" at {result.commit[:7]}" if result.commit else ""
    return f"{_ago(now - result.time)} ago{where}"


def _ago(seconds: float) -> str:
    for unit, size in (("days", 86_400), ("h", 3_600), ("min", 60)):
        if seconds >= 2 * size or (seconds >= size and unit != "days"):
            return f"{int(seconds // size)} {unit}"
    return f"{max(0, int(seconds))} s"
