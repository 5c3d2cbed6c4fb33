"""Fail a session where the inventory has files that no session sees."""

from __future__ import annotations

import nox

from tradai_tasks.checks.inventory_report import check_seen, notes, untested_note
from tradai_tasks.sessions.core.context import Context
from tradai_tasks.workspace.inventory import Inventory


def present_inventory(context: Context) -> Inventory:
    """Return the inventory without the looks of sessions that are left out and not replaced."""
    return context.repository.inventory.without(context.exclude - nox.registry.get().keys())


def require_seen(session: nox.Session, context: Context) -> None:
    """Show what the settings leave unchecked or untested; fail if other files are not seen.

    Raises:
        UnseenFilesError: No session collects a test, or none examines a source.
    """
    inventory = present_inventory(context)
    for note in notes(inventory):
        session.warn(note)
    check_seen(inventory)
    untested = [
        context.repository.workspace.session_id(p) for p in context.repository.shares.untested
    ]
    if untested and "test" not in context.exclude:
        session.warn(untested_note(untested))
