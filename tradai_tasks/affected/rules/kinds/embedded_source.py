"""Find modules that are named inside longer strings: code and settings that a test writes."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Iterator

from tradai_tasks.affected.parse.facts import Reference
from tradai_tasks.affected.parse.text_examples import named_in_commands
from tradai_tasks.affected.rules.edge_rule import EdgeRule, SourceFile
from tradai_tasks.affected.rules.kinds.console_command import STARTERS

# With one of these, what a file writes to another file may be run.
_RUNNERS = STARTERS | {"run_path", "runpy", "spec_from_file_location"}
# With one of these, it may be read as settings.
_SETTINGS = frozenset({"configparser", "toml", "yaml"})
_STATEMENT = (
    r"""[ \t]*(?:from[ \t]+([A-Za-z_][\w.]*)[ \t]+import[ \t]+\(?([\w,* \t]+)"""
    r"""|import[ \t]+([A-Za-z_][\w.]*))"""
)
_IN_LINE = re.compile(rf"""(?:["';]|\\n){_STATEMENT}""")
_IN_BLOCK = re.compile(rf"^{_STATEMENT}", re.MULTILINE)
# Text over several lines that is passed on or kept: no docstring, which has examples for readers.
_BLOCK = re.compile(r"""[=(,\[]\s*[a-zA-Z]{0,2}(\"{3}|'{3})(.*?)\1""", re.DOTALL)
# A value: "key: a.b", "key = a.b", '"a.b"', "[a.b, c.d]".
_VALUE = re.compile(
    r"""[:="'\[,][ \t]*((?:[A-Za-z_]\w*\.)+[A-Za-z_]\w*(?::[A-Za-z_]\w*)?)"""
    r"""(?=["',\]\\\n])"""
)


class EmbeddedSource(EdgeRule):
    """Read code and settings that a file holds in longer strings, where it runs or reads some."""

    name = "embedded"
    summary = (
        "code and settings in longer strings, in a file that starts processes or reads settings"
    )
    words = _RUNNERS | _SETTINGS
    guessed = True

    def extract(self, source: SourceFile) -> Iterable[Reference]:
        """Return the names that may be modules."""
        for name in _names_in_strings(source.text, source.marks):
            yield Reference(name)


def _names_in_strings(text: str, marks: Collection[str]) -> Iterable[str]:
    found: dict[str, None] = {}
    if not _RUNNERS.isdisjoint(marks):
        found |= dict.fromkeys(named_in_commands(text))
        for block in (code for _, code in _BLOCK.findall(text) if "import " in code):
            found |= dict.fromkeys(_modules_of(_IN_BLOCK.findall(block)))
        found |= dict.fromkeys(_modules_of(_IN_LINE.findall(text)))
    if not _SETTINGS.isdisjoint(marks):
        found |= dict.fromkeys(_VALUE.findall(text))
    return found


def _modules_of(statements: Iterable[tuple[str, str, str]]) -> Iterator[str]:
    for origin, names, module in statements:
        yield origin or module
        parts = (name.split()[0] for name in names.split(",") if name.strip(" *\t"))
        yield from (f"{origin}.{name}" for name in parts)
