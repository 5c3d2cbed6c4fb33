"""Find the line of an import statement or of a name in a string, for a reader."""

from __future__ import annotations

import re

from tradai_tasks.affected.parse.facts import Import
from tradai_tasks.affected.parse.import_scanner import import_at
from tradai_tasks.affected.parse.string_scanner import SPLIT, content, line_at, mask


def line_of_import(text: str, statement: Import) -> int:
    """Return the line of an import statement; 0 for none. One in a string counts if no other is.

    A statement over several lines has its first.
    """
    found = []
    place = text.find("import")
    while place >= 0:
        if statement in import_at(text, place, place + 6):
            found.append(place)
        place = text.find("import", place + 6)
    if len(found) > 1:
        code = mask(text)
        found.sort(key=lambda start: not code.startswith("import", start))
    if not found:
        return 0
    start = text.rfind("\n", 0, found[0]) + 1
    while text.endswith("\\\n", 0, start):  # goes on from the line before
        start = text.rfind("\n", 0, start - 1) + 1
    return line_at(text, start)


def line_of_string(text: str, part: str) -> int:
    """Return the line of the first string constant with a text in it; 0 where none has it.

    Of a name that is put together from several strings, it is the line of its longest end.
    """
    tokens = SPLIT.split(text)
    while part:
        position = 0
        for number, piece in enumerate(tokens):
            if number % 2 and piece[0] != "#" and part in content(tokens[number - 1], piece):
                return line_at(text, position + max(piece.find(part), 0))
            position += len(piece)
        part = part.partition(".")[2]
    return 0


def line_of_attribute(text: str, name: str) -> int:
    """Return the line of the first use of an attribute, `x.name`; 0 where there is none."""
    use = re.search(rf"\.\s*{re.escape(name)}\b", mask(text))
    return line_at(text, use.end() if use else -1)
