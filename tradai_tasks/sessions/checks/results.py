"""`results`: show which results of test files are kept, and why others were run."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import nox

from tradai_tasks.report import print_table
from tradai_tasks.sessions.checks.testing.replay import REPORT
from tradai_tasks.sessions.core.arguments import flag, parse
from tradai_tasks.sessions.core.context import Context
from tradai_tasks.sessions.core.result_use import store_of, trim

_OPTIONS = [
    flag("--clear", "remove every result of the store"),
    flag("--trim", "remove what is above results.max-size"),
]


def results(session: nox.Session, context: Context) -> None:
    """Show the store and the last run of each test session, or clear the store.

    Raises:
        ResultStoreError: The store cannot be used.
    """
    options = parse(session, _OPTIONS)
    repository = context.repository
    stated = repository.settings.results
    store = store_of(repository)
    if options.trim:
        removed = trim(store, repository)
        session.log(f"{store.place}: {removed} results removed, those used longest ago")
    entries = store.entries()
    size = sum(entry.size for entry in entries) / 1_000_000
    if options.clear:
        store.remove([entry.name for entry in entries])
        session.log(f"{store.place}: {len(entries)} results removed ({size:.1f} MB)")
        return
    session.log(
        f"{store.place}: {len(entries)} results, {size:.1f} of {stated.max_size} MB; "
        f"results.replay is {stated.replay!r}"
    )
    runs = list(_last_runs(repository.root))
    rows = [
        (run["session"], str(total), str(kept), f"{100 * kept // total} %")
        for run in runs
        if (total := (kept := len(run["replayed"])) + len(run["ran"]))
    ]
    print_table("Last runs", ("session", "test files", "replayed", "share"), rows)
    print_table(
        "Why test files were run",
        ("session", "test file", "why", "its result is not kept because"),
        [
            (run["session"], file, why, run["refused"].get(file, ""))
            for run in runs
            for file, why in run["ran"].items()
        ],
    )


def _last_runs(root: Path) -> list[Mapping[str, Any]]:
    files = sorted((root / "build" / "reports" / "test").glob(f"*/{REPORT}"))
    return [json.loads(file.read_bytes()) for file in files]
