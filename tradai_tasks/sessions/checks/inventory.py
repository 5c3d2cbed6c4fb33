"""`inventory`: show what each Python file is, and which sessions look at it."""

from __future__ import annotations

import json

import nox

from tradai_tasks.checks.inventory_report import COLUMNS, FILE_COLUMNS, file_rows, rows
from tradai_tasks.report import append_summary, print_table
from tradai_tasks.sessions.core.arguments import flag, parse
from tradai_tasks.sessions.core.completeness import present_inventory, require_seen
from tradai_tasks.sessions.core.context import Context
from tradai_tasks.vcs.file_list import list_files

_OPTIONS = [
    flag("--all", "list every file, not only what nobody sees"),
    flag("--json", "print every file as JSON and nothing else"),
]


def inventory(session: nox.Session, context: Context) -> None:
    """Show the inventory; fail if a test or a source is seen by no session."""
    options = parse(session, _OPTIONS)
    found = present_inventory(context)
    _, why = list_files(context.repository.root)
    if why is not None:
        session.warn(f"the files are those on disk, since git was not asked: {why}")
    if options.json:
        columns = (*FILE_COLUMNS[:3], "sessions", "unseen")
        cells = [
            (file.path, file.kind, file.area.path, sorted(file.looks), file.is_unseen)
            for file in found.files
        ]
        print(json.dumps([dict(zip(columns, one, strict=True)) for one in cells], indent=2))
    else:
        table = rows(found)
        print_table(f"{len(found.files)} Python files", COLUMNS, table)
        append_summary(COLUMNS, table)
        listed = [file for file in found.files if options.all or not file.looks or file.is_unseen]
        if listed:
            title = "Every file" if options.all else "Seen by no session"
            print_table(title, FILE_COLUMNS, file_rows(listed))
    require_seen(session, context)
