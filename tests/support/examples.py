"""How many examples a property is tried on."""

import os

__all__ = ["examples"]


def examples(count: int) -> int:
    """Return a count of examples, times `TRADAI_TASKS_EXAMPLES` where more time is at hand."""
    return count * int(os.environ.get("TRADAI_TASKS_EXAMPLES", "1"))
