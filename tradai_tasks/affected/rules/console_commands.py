"""Find commands that a file may start: a command that a package installs runs its code."""

from __future__ import annotations

import re

# A file without any of these starts no process.
STARTERS = frozenset(
    [
        "subprocess",
        "Popen",
        "os.system",
        "os.popen",
        "os.exec",
        "os.spawn",
        "posix_spawn",
        "pexpect",
        "script_runner",
        "which(",
        "check_output",
        "check_call",
    ]
)
# The first word of a string, or the last part of a path in it: "cli", "cli run -v", f"{bin}/cli".
_COMMAND = re.compile(r"""["'/]([A-Za-z0-9][\w.-]*)(?=["' ])""", re.ASCII)


def commands_in(text: str) -> tuple[str, ...]:
    """Return the words that may name a command, in a file with one of `STARTERS`."""
    return tuple(dict.fromkeys(_COMMAND.findall(text)))
