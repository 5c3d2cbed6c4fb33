"""The table of the documentation names files, jobs, sessions and tests that there are."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from tests.support.workflow_files import load
from tests.support.written_workflows import full
from tradai_tasks.sessions.core.registry.catalog import CATALOG as SESSIONS
from tradai_tasks.settings.workflows import WorkflowsSettings
from tradai_tasks.workflows.selection import CATALOG, workflows

ROOT = Path(__file__).resolve().parents[3]
PAGE = (ROOT / "docs" / "workflows.md").read_text(encoding="utf-8")
ROWS = [
    [cell.strip() for cell in line.strip("|").split(" | ")]
    for line in PAGE.partition("## From hand-written")[2].splitlines()
    if line.startswith("| ") and "---" not in line and "| workflow, job |" not in line
]


@pytest.mark.parametrize("row", ROWS, ids=lambda row: row[0])
def test_every_row_is_true(row: list[str]) -> None:
    _, where, sessions, tests = row
    match = re.match(r"`([\w.-]+)`, ([\w-]+)", where)
    assert match, where
    both = {
        **workflows(full("platform"), WorkflowsSettings()),
        **workflows(full("strategies"), WorkflowsSettings()),
    }
    assert match[2] in load(both[f".github/workflows/{match[1]}"])["jobs"]
    known = {entry.name for entry in SESSIONS}
    known |= {session for workflow in CATALOG for session in workflow.sessions}
    for session in re.findall(r"`([\w-]+)", sessions):
        assert session in known, session
    for test in re.findall(r"`([\w/.]+\.py)`", tests):
        assert (ROOT / "tests" / test).is_file(), test


def test_every_workflow_is_in_both_tables() -> None:
    first = PAGE.partition("## What is written")[2].partition("##")[0]
    for workflow in CATALOG:
        assert f"`{workflow.file}`" in first
        assert f"`{workflow.file}`" in " ".join(row[1] for row in ROWS)
