"""Modules that are named inside longer strings: in code and settings that a test writes down."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator

from tradai_tasks.affected.parse.text_examples import named_in_commands
from tradai_tasks.affected.rules.console_commands import STARTERS
from tradai_tasks.affected.rules.trigger_words import Marks

__all__ = ["MARKS", "named_inside"]

# With one of these, what a file writes to another may be run, or read as settings.
_RUNNERS = STARTERS | {"run_path", "runpy", "spec_from_file_location"}
_SETTINGS = frozenset({"configparser", "toml", "yaml"})
MARKS = _RUNNERS | _SETTINGS
_STATEMENT = (
    r"""[ \t]*(?:from[ \t]+([A-Za-z_][\w.]*)[ \t]+import[ \t]+\(?([\w,* \t]+)"""
    r"""|import[ \t]+([A-Za-z_][\w.]*))"""
)
_IN_LINE = re.compile(rf"""(?:["';]|\\n){_STATEMENT}""")
_IN_BLOCK = re.compile(rf"^{_STATEMENT}", re.MULTILINE)
# Text over several lines that is handed on or kept: no docstring, which has examples for readers.
_BLOCK = re.compile(r"""[=(,\[]\s*[a-zA-Z]{0,2}(\"{3}|'{3})(.*?)\1""", re.DOTALL)
# A value: "key: a.b", "key = a.b", '"a.b"', "[a.b, c.d]".
_VALUE = re.compile(
    r"""[:="'\[,][ \t]*((?:[A-Za-z_]\w*\.)+[A-Za-z_]\w*(?::[A-Za-z_]\w*)?)"""
    r"""(?=["',\]\\\n])"""
)


def named_inside(text: str, marks: Marks) -> tuple[str, ...]:
    """Return the names that may be modules in the strings of a Python file."""
    found: dict[str, None] = {}
    if not _RUNNERS.isdisjoint(marks):
        found |= dict.fromkeys(named_in_commands(text))
        for block in (code for _, code in _BLOCK.findall(text) if "import " in code):
            found |= dict.fromkeys(_modules(_IN_BLOCK.findall(block)))
        found |= dict.fromkeys(_modules(_IN_LINE.findall(text)))
    if not _SETTINGS.isdisjoint(marks):
        found |= dict.fromkeys(_VALUE.findall(text))
    return tuple(found)


def _modules(statements: Iterable[tuple[str, str, str]]) -> Iterator[str]:
    for origin, names, module in statements:
        yield origin or module
        parts = (name.split()[0] for name in names.split(",") if name.strip(" *\t"))
        yield from (f"{origin}.{name}" for name in parts)
