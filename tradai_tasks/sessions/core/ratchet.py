"""`ratchet`: raise the coverage floors of packages to what was measured."""

from __future__ import annotations

import nox

from tradai_tasks.checks.floors import FIGURES, measured_floors, raised
from tradai_tasks.files.atomic_write import write_whole
from tradai_tasks.sessions.core.context import Context


def ratchet(session: nox.Session, context: Context) -> None:
    """Raise each floor that the settings file has for a package; the tests have just run."""
    repository = context.repository
    reports = repository.root / "build" / "reports" / "test"
    measured = measured_floors(sorted(reports.glob(f"*/{FIGURES}")))
    name = repository.settings_file
    file = repository.root / name
    text = file.read_text(encoding="utf-8") if file.is_file() else ""
    new, old = raised(text, name, measured)
    for package, floor in old.items():
        session.log(f"{package}: floor raised from {floor:g} to {measured[package]} %")
    if old:
        write_whole(file, new.encode())
        return
    session.log(f"no floor to raise: none in {name} is below what was measured")
