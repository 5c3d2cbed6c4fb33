"""Read coverage.py's JSON report, and judge each package's own code by it."""

from __future__ import annotations

import ast
import fnmatch
import json
import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tradai_tasks.text import counted, listed


@dataclass(frozen=True, kw_only=True, slots=True)
class CodeShare:
    """The code of one package that a test run answers for."""

    name: str
    floor: float  # percent
    files: tuple[Path, ...]  # absolute


@dataclass(frozen=True, kw_only=True, slots=True)
class Figure:
    """The coverage of one package's own code."""

    name: str
    floor: float  # percent
    percent: float | None  # None if nothing of it was measured
    unseen: tuple[Path, ...]  # files that no test imports, which count as not covered
    omitted: tuple[Path, ...]  # files that coverage's configuration leaves out
    excluded: tuple[Path, ...]  # files of which it excludes more lines than it leaves
    # the file with most lines that no test runs, how many these are, and the first of them
    worst: tuple[Path, int, int] | None = None

    @property
    def shown(self) -> str:
        """The percentage, rounded down to two places."""
        return "-" if self.percent is None else f"{int(self.percent * 100) / 100:g} %"


def figures(
    report: Path, shares: Sequence[CodeShare], *, home: Path, settings: Mapping[str, Any]
) -> tuple[Figure, ...]:
    """Return the coverage of each share's own code, whatever else was measured.

    `report` is coverage.py's as JSON, absent if nothing was measured; its paths are relative to
    `home`, where pytest ran. `settings` are coverage.py's, from the record of the run.
    """
    measured: dict[str, Mapping[str, Any]] = {}
    if report.is_file():
        files = json.loads(report.read_text(encoding="utf-8"))["files"]
        measured = {
            os.path.realpath(home / name): {**entry["summary"], "lines": entry["missing_lines"]}
            for name, entry in files.items()
        }
    return tuple(_figure(share, measured, home, settings) for share in shares)


def _figure(
    share: CodeShare,
    measured: Mapping[str, Mapping[str, Any]],
    home: Path,
    settings: Mapping[str, Any],
) -> Figure:
    covered = total = 0
    unseen, omitted, excluded = [], [], []
    missed: list[tuple[Path, int, int]] = []
    for file in share.files:
        summary = measured.get(os.path.realpath(file))
        if summary is not None:
            covered += summary["covered_lines"] + summary.get("covered_branches", 0)
            total += summary["num_statements"] + summary.get("num_branches", 0)
            if lines := summary["lines"]:
                missed.append((file, len(lines), lines[0]))
            if summary.get("excluded_lines", 0) > summary["num_statements"]:
                excluded.append(file)
        elif statements := _statements(file):
            if _is_left_out(file, home, settings):
                omitted.append(file)
            elif measured:
                unseen.append(file)
                missed.append((file, statements, 1))
                total += statements
    return Figure(
        name=share.name,
        floor=share.floor,
        percent=100 * covered / total if total else None,
        unseen=tuple(unseen),
        omitted=tuple(omitted),
        excluded=tuple(excluded),
        worst=max(missed, key=lambda one: one[1], default=None),
    )


def _statements(file: Path) -> int:
    """Return about how many statements a file has; lines, if this Python cannot parse it."""
    content = file.read_bytes()
    try:
        found = [node for node in ast.walk(ast.parse(content)) if isinstance(node, ast.stmt)]
    except (SyntaxError, ValueError):
        return sum(bool(line.strip()) for line in content.splitlines())
    texts = (node for node in found if isinstance(node, ast.Expr))
    return len(found) - sum(isinstance(node.value, ast.Constant) for node in texts)


def _is_left_out(file: Path, home: Path, settings: Mapping[str, Any]) -> bool:
    """Return whether coverage's `omit` or `include` leaves a file out."""
    omitting = [*(settings.get("run:omit") or ()), *(settings.get("report:omit") or ())]
    if any(_matches(file, home, pattern) for pattern in omitting):
        return True
    including = settings.get("report:include") or ()
    return bool(including) and not any(_matches(file, home, pattern) for pattern in including)


def _matches(file: Path, home: Path, pattern: str) -> bool:
    if not pattern.startswith(("*", "?", "/")):
        pattern = f"{home}/{pattern.removeprefix('./')}"
    return fnmatch.fnmatchcase(str(file), pattern) or fnmatch.fnmatchcase(
        str(file), f"{pattern.rstrip('/')}/*"
    )


def user_floor(args: Sequence[str], settings: Mapping[str, Any]) -> float:
    """Return the floor in percent that the user's own configuration of coverage states, or 0."""
    options = [
        following if word == "--cov-fail-under" else word.partition("=")[2]
        for word, following in zip(args, [*args[1:], ""], strict=True)
        if word.partition("=")[0] == "--cov-fail-under"
    ]
    stated = options[-2] if len(options) > 1 else settings.get("report:fail_under")
    return float(stated or 0)


def floor_fault(found: Sequence[Figure], *, user: float, precision: int, home: Path) -> str | None:
    """Return why the figures do not reach their floors, as one line; None if they do.

    `user` is the user's own floor in percent, which holds where it is stricter; coverage.py rounds
    to `precision` places before it compares with that. Files are named from `home`.
    """
    for figure in found:
        floor = max(figure.floor, user)
        if not floor:
            continue
        if figure.percent is None:
            left = " (coverage's configuration leaves it out)" if figure.omitted else ""
            return (
                f"{figure.name}: no coverage of its code was measured{left}, so its floor of "
                f"{floor:g} % is not shown"
            )
        if figure.percent >= figure.floor and round(figure.percent, precision) >= user:
            continue
        unseen = listed([os.path.relpath(file, home) for file in figure.unseen])
        which = f"; no test imports {unseen}" if unseen else "; the lines to test are listed above"
        if figure.worst:
            file, count, line = figure.worst
            place = f"{os.path.relpath(file, home)}:{line}"
            which += f"; most untested lines are in {place} ({counted(count, 'line')})"
        return f"{figure.name}: coverage {figure.shown} is under its floor of {floor:g} %{which}"
    return None
