"""Raise coverage floors to what was measured, in the text of a settings file."""

from __future__ import annotations

import json
import math
import re
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from tradai_tasks.errors import FloorNotRaisedError
from tradai_tasks.settings.load import parse_toml

FIGURES = "figures.json"  # a test session's: coverage in percent, by package
_TABLE = re.compile(r"^[ \t]*\[+([^\]\n]+)\]+", re.MULTILINE)


def measured_floors(files: Iterable[Path]) -> dict[str, int]:
    """Return the floor that each package keeps: whole percents, the least of all runs."""
    found: dict[str, int] = {}
    for file in files:
        for name, percent in json.loads(file.read_text(encoding="utf-8")).items():
            found[name] = min(math.floor(percent), found.get(name, 100))
    return found


def raised(text: str, file: str, floors: Mapping[str, int]) -> tuple[str, dict[str, float]]:
    """Return the text with higher floors, and those that were raised, with their old values.

    Only floors that the file has are raised, and none is ever lowered. `floors` are the measured
    ones of each package, in percent. A pyproject.toml has the settings in a table.

    Raises:
        FloorNotRaisedError: A floor is written in a form that cannot be edited.
    """
    before = _floors(text, file)
    wanted = {n: floors[n] for n, old in before.items() if floors.get(n, 0) > old}
    new = text
    for name, floor in wanted.items():
        new = _replaced(new, name, floor)
    if wanted and _floors(new, file) != {**before, **wanted}:
        lines = ", ".join(f"packages.{name}.floor = {floor}" for name, floor in wanted.items())
        raise FloorNotRaisedError(
            f"{file}: the floors cannot be edited as they are written; write by hand: {lines}"
        )
    return new, {name: before[name] for name in wanted}


def _replaced(text: str, name: str, floor: int) -> str:
    """Return the text with the floor of one package, as `NAME.floor = N` or in its own table."""
    key = rf'(?:"{re.escape(name)}"|{re.escape(name)})'
    dotted = re.compile(rf"^([ \t]*(?:packages\.)?{key}\.floor[ \t]*=[ \t]*)[\d._]+", re.MULTILINE)
    changed, count = dotted.subn(rf"\g<1>{floor}", text)
    if count:
        return changed
    for table in _TABLE.finditer(text):
        if re.fullmatch(rf"(?:tool\.tradai-tasks\.)?packages\.{key}", table[1].strip()):
            following = _TABLE.search(text, table.end())
            end = following.start() if following else len(text)
            body = re.sub(
                r"^([ \t]*floor[ \t]*=[ \t]*)[\d._]+",
                rf"\g<1>{floor}",
                text[table.end() : end],
                flags=re.MULTILINE,
            )
            return text[: table.end()] + body + text[end:]
    return text


def _floors(text: str, file: str) -> dict[str, float]:
    document: Mapping[str, Any] = parse_toml(text.encode(), file)
    if file == "pyproject.toml":
        document = document.get("tool", {}).get("tradai-tasks", {})
    packages = document.get("packages", {})
    return {name: one["floor"] for name, one in packages.items() if "floor" in one}
