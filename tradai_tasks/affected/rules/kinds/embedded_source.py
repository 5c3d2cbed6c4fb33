"""Find modules that are named in code which a file holds as text, to write it down and run it."""

from __future__ import annotations

import re
from collections.abc import Iterable

from tradai_tasks.affected.parse.facts import Reference
from tradai_tasks.affected.parse.import_scanner import import_at
from tradai_tasks.affected.parse.string_scanner import divide
from tradai_tasks.affected.parse.text_examples import modules_of, named_in_commands
from tradai_tasks.affected.rules.edge_rule import EdgeRule, SourceFile
from tradai_tasks.affected.rules.kinds.console_command import STARTERS

# What stands before text over several lines that is passed on or kept: no docstring, which has
# examples for readers.
_TAKEN = re.compile(r"[=(,\[]\s*[a-zA-Z]{0,2}\Z")
_STATEMENT = re.compile(r"(?:^|[\n;])[ \t]*(?:from[ \t]+[\w.]+[ \t]+)?import\b")


class EmbeddedSource(EdgeRule):
    """Read code that a file holds in its strings, where it starts processes or runs files."""

    name = "embedded"
    summary = "code in strings, in a file that starts processes or runs files by their path"
    words = STARTERS | {"run_path", "runpy", "spec_from_file_location"}
    guessed = True

    def extract(self, source: SourceFile) -> Iterable[Reference]:
        """Return the names that may be modules."""
        found = dict.fromkeys(named_in_commands(source.text))
        pieces, _ = divide(source.text)
        for code, token in zip(pieces[::2], pieces[1::2], strict=False):
            is_block = token[:3] in {'"""', "'''"}
            if (
                "import " in token
                and token[0] != "#"
                and (not is_block or _TAKEN.search(code[-40:]))
            ):
                text = token.strip("\"'").replace("\\n", "\n")
                for match in _STATEMENT.finditer(text):
                    statement = import_at(text, match.end() - len("import"), match.end())
                    found |= dict.fromkeys(modules_of(statement))
        return map(Reference, found)
