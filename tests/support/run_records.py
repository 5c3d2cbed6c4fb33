"""Records of pytest runs, as the plugin of the session writes them."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

__all__ = ["write_record"]


def write_record(  # noqa: PLR0913 - what a record can hold
    folder: Path,
    *,
    outcomes: Mapping[str, str | None] | None = None,
    removed: Mapping[str, Sequence[str]] | None = None,
    home: str = "/w/a",
    args: Sequence[str] = (),
    ended: bool = True,
    more: Sequence[Mapping[str, Any]] = (),
) -> Path:
    """Write the record of a run of one process.

    Args:
        folder: Where; made if it is not there.
        outcomes: What became of each collected test; None for one that was not run.
        removed: Deselected tests with their markers.
        home: Folder of the test files.
        args: pytest's arguments.
        ended: Whether the run came to its end.
        more: Further events.
    """
    outcomes = {"test_a.py::test_x": "passed"} if outcomes is None else outcomes
    taken = removed or {}

    def described(tests: Sequence[str]) -> list[Any]:
        files = {test: f"{home}/{test.partition('::')[0]}" for test in tests}
        return [[test, file, list(taken.get(test, ()))] for test, file in files.items()]

    events: list[Mapping[str, Any]] = [
        {"event": "start", "args": [*args, "--cov-fail-under=0"]},
        {"event": "coverage"},
        *more,
        {"event": "collected", "items": described([*outcomes]), "removed": described([*taken])},
    ]
    events += [
        {"event": "report", "test": test, "outcome": outcome}
        for test, outcome in outcomes.items()
        if outcome
    ]
    events += [{"event": "end", "stopped": ""}] if ended else []
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "1.jsonl").write_text("".join(f"{json.dumps(event)}\n" for event in events))
    return folder
