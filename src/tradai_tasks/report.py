"""Showing results where people look: the terminal, the step summary and annotations of CI."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path

__all__ = [
    "annotate",
    "append_markdown",
    "append_summary",
    "markdown_table",
    "print_table",
    "write_outputs",
]


def print_table(title: str, columns: Sequence[str], rows: Iterable[Sequence[str]]) -> None:
    """Print a table on the terminal; cells are data, never markup."""
    from rich.console import Console  # noqa: PLC0415 - takes 0.1 s to load
    from rich.markup import escape  # noqa: PLC0415 - as above
    from rich.table import Table  # noqa: PLC0415 - as above

    table = Table(title=escape(title), title_justify="left")
    for column in columns:
        table.add_column(column, overflow="fold")
    for row in rows:
        table.add_row(*map(escape, row))
    Console(file=sys.stdout).print(table)


def markdown_table(columns: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """Return a Markdown table; a pipe or a line break in a cell does not break it."""
    lines = [columns, ["---"] * len(columns), *rows]
    return "".join(f"| {' | '.join(map(_cell, line))} |\n" for line in lines)


def append_summary(columns: Sequence[str], rows: Iterable[Sequence[str]]) -> None:
    """Add a table to the step summary of the CI job; nothing where there is none."""
    append_markdown(f"\n{markdown_table(columns, rows)}")


def append_markdown(text: str, env: Mapping[str, str] = os.environ) -> None:
    """Add Markdown to the step summary of the CI job; nothing where there is none."""
    file = env.get("GITHUB_STEP_SUMMARY")
    if file:
        with Path(file).open("a", encoding="utf-8") as summary:
            summary.write(text)


def write_outputs(outputs: Mapping[str, str], env: Mapping[str, str] = os.environ) -> None:
    """Set outputs of the CI step; nothing where there are none.

    Args:
        outputs: Values without line breaks, by name.
        env: The environment.
    """
    file = env.get("GITHUB_OUTPUT")
    if not file:
        return
    for name, value in outputs.items():
        if "\n" in value or "\r" in value:
            raise ValueError(f"the output {name!r} has a line break, which would forge outputs")
    with Path(file).open("a", encoding="utf-8") as output:
        output.writelines(f"{name}={value}\n" for name, value in outputs.items())


def annotate(level: str, message: str, *, file: str | None = None, line: int | None = None) -> None:
    """Print an annotation that GitHub shows beside the line, in GitHub Actions only.

    Args:
        level: `error`, `warning` or `notice`.
        message: What to show.
        file: Path from the repository's root.
        line: Line in that file.
    """
    if os.environ.get("GITHUB_ACTIONS") != "true":
        return
    place = [f"file={_property(file)}"] if file else []
    place += [f"line={line}"] if line else []
    sys.stdout.write(f"::{level} {','.join(place)}::{_data(message)}\n")
    sys.stdout.flush()


def _cell(text: str) -> str:
    return text.replace("|", "\\|").replace("\r", " ").replace("\n", " ")


def _data(text: str) -> str:
    # the workflow command syntax: these three would end or forge a command
    return text.replace("%", "%25").replace("\r", "%0D").replace("\n", "%0A")


def _property(text: str) -> str:
    return _data(text).replace(":", "%3A").replace(",", "%2C")
