"""Divide coverage by test file, and add what replayed test files cover.

pytest's own process does it at its end, by `main`. Where that fails, or not all test files that
were to be replayed were met, it is done anew after pytest, in the environment of the tests:
`python tradai_tasks_coverage.py ORDERS`, a file of JSON. What a test file covers is what ran while
its tests did, and for the modules that it loads what ran while they were imported, whichever test
file imported them first.

A line is kept as its place in the function around it, so that it is found again where an edit above
has moved the function: `Part` by name of the function, "" for code outside of functions. Digests of
code (`code_digest`) hold which code stands on one line, so places mean the same as long as they do.
"""

from __future__ import annotations

import json
import os
import sys
from bisect import bisect_right
from collections.abc import Iterable, Mapping, Sequence
from functools import cache
from types import CodeType
from typing import Any

from coverage import Coverage, CoverageData
from coverage.exceptions import NoDataError

_PREFIX = "test file: "  # of contexts, as `tradai_tasks_record` sets them
_LEVEL = ""  # the name of code outside of functions
_NEWLOCALS = 0x2  # inspect.CO_NEWLOCALS: set for functions, not for modules and class bodies
_MOST = 1 << 20  # lines between two that hold code

Part = dict[str, list[tuple[int, ...]]]


class SourceLines:
    """Which function each line of a file belongs to."""

    def __init__(self, file: str) -> None:
        """Compile the file; all lines of one that cannot be compiled are outside of functions."""
        self._functions: dict[int, set[str]] = {}
        self._starts: dict[int, str] = {}
        try:
            with open(file, "rb") as source:
                code = compile(source.read(), file, "exec", dont_inherit=True)
            self._add(code, _LEVEL)
        except (OSError, SyntaxError, ValueError):
            pass
        self._lines: dict[str, list[int]] = {_LEVEL: []}
        for line, names in sorted(self._functions.items()):
            for name in names:
                self._lines.setdefault(name, []).append(line)

    def _add(self, code: CodeType, name: str) -> None:
        for _, _, line in code.co_lines():
            if line:
                self._functions.setdefault(line, set()).add(name)
        for inner in code.co_consts:
            if isinstance(inner, CodeType):
                is_function = bool(inner.co_flags & _NEWLOCALS)
                if is_function:
                    self._starts[inner.co_firstlineno] = inner.co_qualname
                self._add(inner, inner.co_qualname if is_function else name)

    def function(self, covered: tuple[int, ...]) -> str:
        """Return the function that a line, or a pair of lines, is in; "" if in none."""
        for line in covered:
            if line < 0 and -line in self._starts:  # the way into or out of a function
                return self._starts[-line]
        names = self._functions.get(max(covered), {_LEVEL})
        return _LEVEL if _LEVEL in names else min(names)

    def places(self, covered: Iterable[tuple[int, ...]]) -> Part:
        """Return lines, or pairs of lines, by their places in the functions that they are in."""
        found: Part = {}
        for one in sorted(covered):
            name = self.function(one)
            lines = self._lines[name]
            found.setdefault(name, []).append(tuple(_place(lines, line) for line in one))
        return found

    def covered(self, part: Mapping[str, Sequence[Sequence[int]]]) -> list[tuple[int, ...]]:
        """Return the lines, or pairs of lines, that have these places here."""
        return [
            tuple(_line(self._lines[name], place) for place in one)
            for name, places in part.items()
            for one in places
        ]


def _place(lines: list[int], line: int) -> int:
    """Return how many lines of the function come up to a line, and how far it is below the last.

    Both are in one number, which is negative where the line is: a way into or out of a function.
    """
    before = bisect_right(lines, abs(line))
    place = before * _MOST + abs(line) - (lines[before - 1] if before else 0)
    return place if line >= 0 else -place


def _line(lines: list[int], place: int) -> int:
    before, below = divmod(abs(place), _MOST)
    line = below + (lines[before - 1] if before else 0)
    return line if place >= 0 else -line


def divide(data: CoverageData, root: str, home: str) -> dict[str, dict[str, Any]]:
    """Return what is covered of each file, by path from the root, in three parts.

    `level` is covered outside of functions, `imported` in functions while modules were imported,
    and `tests` has what each test file covers while its tests run.

    Args:
        data: The data of the run, with the path of the running test file as context.
        root: The repository.
        home: The folder that pytest ran in, which names of files may be relative to.
    """
    root = os.path.realpath(root)
    contexts = {name: name.rpartition(_PREFIX)[2] for name in data.measured_contexts()}
    found = {}
    for measured in sorted(data.measured_files()):
        file = os.path.join(home, measured)
        data.set_query_contexts(None)
        names = {name for one in data.contexts_by_lineno(measured).values() for name in one}
        if not names:
            continue
        lines = SourceLines(file)
        imported: set[tuple[int, ...]] = set()
        tests: dict[str, set[tuple[int, ...]]] = {}
        for name in names:
            of = tests.setdefault(contexts[name], set()) if _PREFIX in name else imported
            of |= _covered(data, measured, name)
        everything = imported.union(*tests.values())
        level = {one for one in everything if lines.function(one) == _LEVEL}
        found[os.path.relpath(os.path.realpath(file), root)] = {
            "level": lines.places(level),
            "imported": lines.places(imported - level),
            "tests": {test: lines.places(covered) for test, covered in tests.items()},
        }
    return found


def _covered(data: CoverageData, file: str, context: str) -> set[tuple[int, ...]]:
    data.set_query_context(context)
    if data.has_arcs():
        return set(data.arcs(file) or ())
    return {(line,) for line in data.lines(file) or ()}


def add(
    data: CoverageData, covered: Mapping[str, Mapping[str, Sequence[Sequence[int]]]], root: str
) -> None:
    """Add what replayed test files cover to the data of the run."""
    names = {os.path.relpath(os.path.realpath(one), root): one for one in data.measured_files()}
    files = {
        names.get(path, os.path.join(root, path)): SourceLines(os.path.join(root, path)).covered(
            part
        )
        for path, part in covered.items()
    }
    data.set_context(None)
    if data.has_arcs() or any(len(one) > 1 for found in files.values() for one in found):
        data.add_arcs({file: [(a, b) for a, b in found] for file, found in files.items()})
    else:
        data.add_lines({file: [line for (line,) in found] for file, found in files.items()})


def report(coverage: Coverage, files: Mapping[str, str]) -> None:
    """Write the reports that pytest-cov writes otherwise."""
    known = "_get_file_reporter"  # without it, each report would parse each file anew
    if hasattr(coverage, known):
        setattr(coverage, known, cache(getattr(coverage, known)))
    try:
        coverage.report(show_missing=True, skip_covered=True, ignore_errors=True)
        coverage.xml_report(outfile=files["xml"], ignore_errors=True)
        coverage.json_report(outfile=files["json"], ignore_errors=True)
    except NoDataError as error:
        print(error)


def main(orders: Mapping[str, Any]) -> None:
    """Carry out what the session asks for.

    Args:
        orders: `data`, coverage's data file; `config`, its settings, or null; `root`, the
            repository; `home`, the folder that pytest ran in; `replayed`, what replayed test files
            cover, or null where pytest-cov writes the reports; `reports`, the files for them, by
            kind; `answer`, the file for what is covered, as `divide` returns it.
    """
    before = os.getcwd()
    os.chdir(orders["home"])  # which names of files are relative to
    try:
        data = CoverageData(orders["data"])
        data.read()
        found = divide(data, orders["root"], orders["home"])
        data.close()
        if orders["replayed"] is not None:
            _add_and_report(orders)
    finally:
        os.chdir(before)
    with open(orders["answer"], "w", encoding="utf-8") as answer:
        json.dump(found, answer)


def _add_and_report(orders: Mapping[str, Any]) -> None:
    coverage = Coverage(data_file=orders["data"], config_file=orders["config"] or True)
    coverage.load()
    data = coverage.get_data()
    if orders["replayed"]:
        add(data, orders["replayed"], os.path.realpath(orders["root"]))
    report(coverage, orders["reports"])
    data.close()


if __name__ == "__main__":
    with open(sys.argv[1], "rb") as given:
        main(json.load(given))
