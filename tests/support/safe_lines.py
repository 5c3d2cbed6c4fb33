"""A line that is no command to a CI runner."""

from __future__ import annotations

import re

COMMAND = re.compile(r"^\s*::|##\[")


def is_safe_line(line: str) -> bool:
    return line.isprintable() and COMMAND.search(line) is None
