"""What every failure of the library has in common."""

from __future__ import annotations

from tradai_tasks.text import safe


class TasksError(Exception):
    """Base of all errors that a user can fix; shown without a traceback.

    Args:
        faults: What is wrong, one line each; the faults of a given error are added one by one.
    """

    exit_code = 1

    def __init__(self, *faults: str | TasksError) -> None:
        found: list[str] = []
        for fault in faults:
            found += fault.faults if isinstance(fault, TasksError) else [safe(fault)]
        self.faults: tuple[str, ...] = tuple(found)
        super().__init__(*self.faults)

    def __str__(self) -> str:
        return "\n".join(self.faults)
