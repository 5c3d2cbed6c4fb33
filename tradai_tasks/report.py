"""Show results on the terminal, in CI step summaries and as annotations.

All text is escaped here, whatever its source.
"""

from __future__ import annotations

import errno
import os
import shutil
import sys
import textwrap
import unicodedata
from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import chain, zip_longest
from pathlib import Path
from types import TracebackType
from typing import IO

from tradai_tasks.environment_allowance import BASE_ONLY, Allowance, secrets_of
from tradai_tasks.errors import FileNotWrittenError
from tradai_tasks.text import safe, safe_lines

_GAP = "  "  # between two columns of a table
# a full disk or quota, and too many open files
_OF_THE_MACHINE = frozenset({errno.ENOSPC, errno.EDQUOT, errno.EMFILE, errno.ENFILE})


def machine_fault(error: BaseException) -> str | None:
    """Return the message for an error of the machine, such as a full disk; None for others."""
    if isinstance(error, OSError) and error.errno in _OF_THE_MACHINE:
        return f"the machine refuses: {error}; make room, or raise its limit, and run it again"
    if isinstance(error, OSError) and error.errno == errno.EROFS:
        return (
            f"{error.filename}: cannot be written: {error.strerror}; work in a copy of the "
            f"repository that is writable"
        )
    if isinstance(error, UnicodeEncodeError) and sys.getfilesystemencoding() != "utf-8":
        return (
            f"a name that this locale has no characters for ({sys.getfilesystemencoding()}); set "
            f"PYTHONUTF8=1, or LC_ALL=C.UTF-8"
        )
    return None


def shorten_tracebacks() -> None:
    """Report faults of the machine in one line also where nox meets them, as in `nox -l`."""
    before = sys.excepthook

    def hook(kind: type[BaseException], error: BaseException, trace: TracebackType | None) -> None:
        said = machine_fault(error)
        if said is None:
            before(kind, error, trace)
        else:
            say(f"tradai-tasks: {said}", file=sys.stderr)

    sys.excepthook = hook


def say(*lines: str, file: IO[str] | None = None) -> None:
    """Print lines, escaped so that each stays one line and is no command to a CI runner."""
    file = file or sys.stdout
    file.writelines(f"{safe(line, longest=None)}\n" for line in lines)
    file.flush()


def print_table(
    title: str,
    columns: Sequence[str],
    rows: Iterable[Sequence[str]],
    *,
    file: IO[str] | None = None,
) -> None:
    """Print a table as wide as the terminal, or as it needs elsewhere; no word is ever broken."""
    file = file or sys.stdout
    cells = [[safe_lines(cell).split("\n") for cell in row] for row in rows]
    head = [[safe(column)] for column in columns]
    lines = _table_lines([head, *cells], _width_of(file)) if cells else ()
    title = safe(title) if cells else f"{safe(title)}: none".removeprefix(": ")
    file.writelines(f"{line}\n" for line in [title, *lines] if line)
    file.flush()


def _width_of(file: IO[str]) -> int | None:
    """Return the columns of the terminal that a stream writes to; None if it is no terminal."""
    if os.environ.get("COLUMNS", "").isdecimal() or file.isatty():
        return shutil.get_terminal_size().columns
    return None


def _table_lines(rows: Sequence[Sequence[Sequence[str]]], width: int | None) -> Iterator[str]:
    """Yield the lines of a table: its head, a rule, and its rows, each cell a list of lines."""
    held = [[*chain(*cells)] for cells in zip(*rows, strict=True)]
    widths = [max(map(_columns_of, lines)) for lines in held]
    room = sys.maxsize if width is None else width - len(_GAP) * (len(widths) - 1)
    if sum(widths) > room:
        words = [max(map(_columns_of, " ".join(lines).split(" "))) for lines in held]
        most = max(widths)
        while most and sum(map(max, words, (min(one, most) for one in widths))) > room:
            most -= 1
        widths = [max(word, min(one, most)) for word, one in zip(words, widths, strict=True)]
    for number, row in enumerate(rows):
        wrapped = [
            [part for line in cell for part in _wrapped(line, one)]
            for cell, one in zip(row, widths, strict=True)
        ]
        for parts in zip_longest(*wrapped, fillvalue=""):
            pairs = zip(parts, widths, strict=True)
            padded = [part + " " * (one - _columns_of(part)) for part, one in pairs]
            yield _GAP.join(padded).rstrip()
        if number == 0:
            yield _GAP.join("-" * one for one in widths)


def _wrapped(line: str, width: int) -> list[str]:
    if _columns_of(line) <= width:
        return [line]
    parts = textwrap.wrap(line, width, break_long_words=False, break_on_hyphens=False)
    return [safe(part, longest=None) for part in parts]  # each begins a line


def _columns_of(text: str) -> int:
    """Return how many columns of a terminal a text takes."""
    if text.isascii():
        return len(text)
    wide = sum(unicodedata.east_asian_width(char) in "FW" for char in text)
    return len(text) + wide - sum(map(bool, map(unicodedata.combining, text)))


def markdown_table(columns: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """Return a Markdown table; cells are data, which neither breaks it nor becomes markup."""
    lines = [["---"] * len(columns), *([_cell(cell) for cell in row] for row in rows)]
    lines.insert(0, [_cell(column) for column in columns])
    return "".join(f"| {' | '.join(line)} |\n" for line in lines)


def append_summary(columns: Sequence[str], rows: Iterable[Sequence[str]]) -> None:
    """Add a table to the step summary of the CI job, if there is one."""
    append_markdown(f"\n{markdown_table(columns, rows)}")


def append_markdown(text: str, env: Mapping[str, str] = os.environ) -> None:
    """Add Markdown to the step summary of the CI job, if there is one.

    Raises:
        FileNotWrittenError: The CI's file for it cannot be written.
    """
    _append("GITHUB_STEP_SUMMARY", text, env)


def write_outputs(outputs: Mapping[str, str], env: Mapping[str, str] = os.environ) -> None:
    """Set outputs of the CI step, if there is one.

    Raises:
        FileNotWrittenError: The CI's file for them cannot be written.
    """
    for name, value in outputs.items():
        if "\n" in value or "\r" in value:
            raise ValueError(f"the output {name!r} has a line break, which would forge outputs")
    _append("GITHUB_OUTPUT", "".join(f"{name}={value}\n" for name, value in outputs.items()), env)


def _append(variable: str, text: str, env: Mapping[str, str]) -> None:
    """Append text to the file that a CI variable names, if it is set."""
    file = env.get(variable)
    if not file:
        return
    try:
        with Path(file).open("a", encoding="utf-8", errors="backslashreplace") as opened:
            opened.write(text)
    except OSError as error:
        raise FileNotWrittenError(
            f"{variable}: {file}: cannot be written: {error.strerror}; the CI names its file there,"
            f" elsewhere leave the variable unset"
        ) from None


def annotate(level: str, message: str, *, file: str | None = None, line: int | None = None) -> None:
    """Print an `error`, `warning` or `notice` that GitHub shows beside a line of a file."""
    if os.environ.get("GITHUB_ACTIONS") != "true":
        return
    place = [f"file={_property(safe(file))}"] if file else []
    place += [f"line={line}"] if line else []
    sys.stdout.write(f"::{level} {','.join(place)}::{_data(safe_lines(message))}\n")
    sys.stdout.flush()


def mask(secrets: Iterable[str], env: Mapping[str, str] = os.environ) -> None:
    """Make GitHub Actions show *** for secrets, line by line, in all further output of the job.

    Elsewhere nothing is printed: the command itself would show the secret. It goes to standard
    error, where GitHub reads commands too, so that JSON on standard output stays valid.
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
    text = safe(" ".join(text.splitlines()) or text, longest=None)
    return "".join(f"\\{char}" if char in "\\`[]<>|" else char for char in text)


def _data(text: str) -> str:
    # the workflow command syntax: these three would end or forge a command
    return text.replace("%", "%25").replace("\r", "%0D").replace("\n", "%0A")


def _property(text: str) -> str:
    return _data(text).replace(":", "%3A").replace(",", "%2C")
