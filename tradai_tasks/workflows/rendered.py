"""Parse the workflow files that this library wrote: jobs, events, steps.

It parses the form of the templates, block style with two spaces, and no other YAML.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

_KEY = re.compile(r"(?P<indent> *)(?P<item>- )?(?P<key>[A-Za-z_][\w.-]*):(?: (?P<value>.*))?")
# a comment: a whole line, or the end of a line after two spaces
_COMMENT = re.compile(r"(?:^\s*|\s)#\s.*$")


@dataclass(frozen=True, kw_only=True, slots=True)
class Block:
    """The value of a key: the rest of its line, and the lines below it."""

    value: str
    lines: tuple[str, ...] = ()

    @property
    def text(self) -> str:
        """The whole value on one line, folded as by `>-`."""
        first = "" if self.value == ">-" else self.value
        return " ".join(filter(None, [first, *(line.strip() for line in self.lines)]))

    def entries(self) -> Mapping[str, Block]:
        """Return the keys of a mapping with their values."""
        return dict(_entries(self.lines))

    def items(self) -> tuple[Block, ...]:
        """Return the mappings of a list."""
        starts = [n for n, line in enumerate(self.lines) if line.startswith(_first(self.lines))]
        ends = [*starts[1:], len(self.lines)]
        return tuple(
            Block(value="", lines=_without_dash(self.lines[start:end]))
            for start, end in zip(starts, ends, strict=True)
        )


def read(text: str) -> Mapping[str, Block]:
    """Return the keys at the top of a workflow file."""
    lines = [_COMMENT.sub("", line).rstrip() for line in text.splitlines()]
    return dict(_entries([line for line in lines if line]))


def jobs_of(text: str) -> Mapping[str, Mapping[str, Block]]:
    """Return the keys of each job of a workflow file, by the job's id."""
    return {name: job.entries() for name, job in read(text)["jobs"].entries().items()}


def _entries(lines: Sequence[str]) -> Iterator[tuple[str, Block]]:
    if not lines:
        return
    indent = len(lines[0]) - len(lines[0].lstrip())
    found: tuple[str, str] | None = None
    below: list[str] = []
    for line in lines:
        match = _KEY.fullmatch(line)
        if match is None or len(match["indent"]) != indent or match["item"]:
            below.append(line)
            continue
        if found is not None:
            yield found[0], Block(value=found[1], lines=tuple(below))
        found, below = (match["key"], match["value"] or ""), []
    if found is not None:
        yield found[0], Block(value=found[1], lines=tuple(below))


def _first(lines: Sequence[str]) -> str:
    """Return the first line of each item of a list."""
    return lines[0][: lines[0].index("- ") + 2]


def _without_dash(lines: Sequence[str]) -> tuple[str, ...]:
    return (lines[0].replace("- ", "  ", 1), *lines[1:])
