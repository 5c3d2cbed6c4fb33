"""Showing results where people look: the terminal, the step summary and annotations of CI."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import IO

from tradai_tasks.environment_allowance import BASE_ONLY, Allowance, secrets_of
from tradai_tasks.errors import FileNotWrittenError

__all__ = [
    "annotate",
    "append_markdown",
    "append_summary",
    "markdown_table",
    "mask",
    "mask_environment",
    "print_table",
    "write_outputs",
]


def print_table(
    title: str,
    columns: Sequence[str],
    rows: Iterable[Sequence[str]],
    *,
    file: IO[str] | None = None,
) -> None:
    """Print a table on the terminal; cells are data, never markup.

    Args:
        title: What it shows.
        columns: Its head.
        rows: Its cells.
        file: Where to; standard output when None.
    """
    from rich.console import Console  # noqa: PLC0415 - takes 0.1 s to load
    from rich.markup import escape  # noqa: PLC0415 - as above
    from rich.table import Table  # noqa: PLC0415 - as above

    table = Table(title=escape(title), title_justify="left")
    for column in columns:
        table.add_column(column, overflow="fold")
    for row in rows:
        table.add_row(*map(escape, row))
    Console(file=file or sys.stdout).print(table)


def markdown_table(columns: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """Return a Markdown table; a pipe or a line break in a cell does not break it."""
    lines = [columns, ["---"] * len(columns), *rows]
    return "".join(f"| {' | '.join(map(_cell, line))} |\n" for line in lines)


def append_summary(columns: Sequence[str], rows: Iterable[Sequence[str]]) -> None:
    """Add a table to the step summary of the CI job; nothing where there is none."""
    append_markdown(f"\n{markdown_table(columns, rows)}")


def append_markdown(text: str, env: Mapping[str, str] = os.environ) -> None:
    """Add Markdown to the step summary of the CI job; nothing where there is none.

    Raises:
        FileNotWrittenError: The CI's file for it cannot be written.
    """
    _append("GITHUB_STEP_SUMMARY", text, env)


def write_outputs(outputs: Mapping[str, str], env: Mapping[str, str] = os.environ) -> None:
    """Set outputs of the CI step; nothing where there are none.

    Args:
        outputs: Values without line breaks, by name.
        env: The environment.

    Raises:
        FileNotWrittenError: The CI's file for them cannot be written.
    """
    for name, value in outputs.items():
        if "\n" in value or "\r" in value:
            raise ValueError(f"the output {name!r} has a line break, which would forge outputs")
    _append("GITHUB_OUTPUT", "".join(f"{name}={value}\n" for name, value in outputs.items()), env)


def _append(variable: str, text: str, env: Mapping[str, str]) -> None:
    """Add text to the file that a variable of the CI names; nothing where it names none."""
    file = env.get(variable)
    if not file:
        return
    try:
        with Path(file).open("a", encoding="utf-8") as opened:
            opened.write(text)
    except OSError as error:
        raise FileNotWrittenError(
            f"{variable}: {file}: cannot be written: {error.strerror}; the CI names its file there,"
            f" elsewhere leave the variable unset"
        ) from None


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


def mask(secrets: Iterable[str], env: Mapping[str, str] = os.environ) -> None:
    """Have GitHub Actions show *** for secrets in all that the job prints from now on.

    Nothing is printed elsewhere: there the command would itself show the secret. It goes to
    standard error, where GitHub reads commands too, so that JSON on standard output stays JSON.

    Args:
        secrets: The secrets; of one of several lines each line is masked.
        env: The environment.
    """
    if env.get("GITHUB_ACTIONS") != "true":
        return
    lines = dict.fromkeys(line.strip() for secret in secrets for line in secret.splitlines())
    sys.stderr.writelines(f"::add-mask::{_data(line)}\n" for line in lines if line)
    sys.stderr.flush()


def mask_environment(
    env: Mapping[str, str] = os.environ, *, allowance: Allowance = BASE_ONLY
) -> None:
    """Mask every secret that the environment holds: see `secrets_of`."""
    mask(secrets_of(env, allowance), env)


def _cell(text: str) -> str:
    return text.replace("|", "\\|").replace("\r", " ").replace("\n", " ")


def _data(text: str) -> str:
    # the workflow command syntax: these three would end or forge a command
    return text.replace("%", "%25").replace("\r", "%0D").replace("\n", "%0A")


def _property(text: str) -> str:
    return _data(text).replace(":", "%3A").replace(",", "%2C")
