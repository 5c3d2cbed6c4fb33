"""Parse the arguments after `--` of sessions that have options."""

from __future__ import annotations

import argparse
import shlex
from collections.abc import Sequence
from typing import Any, NamedTuple, NoReturn

import nox

from tradai_tasks.errors import BadArgumentsError


class Option(NamedTuple):
    """An option, or an argument by position, with the keyword arguments of `add_argument`."""

    name: str
    given: dict[str, Any]


def option(name: str, text: str, **given: Any) -> Option:
    """Return an option with a value; `text` is its help."""
    return Option(name, {"help": text, **given})


def flag(name: str, text: str) -> Option:
    """Return an option without a value."""
    return option(name, text, action="store_true")


def repeated(name: str, text: str, **given: Any) -> Option:
    """Return an option that may be given several times; its value is a list."""
    return option(name, text, action="append", default=[], **given)


class _Parser(argparse.ArgumentParser):
    """An argument parser that raises instead of exiting the process."""

    def error(self, message: str) -> None:  # type: ignore[override]  # raises, as its base does
        """Raise for invalid arguments."""
        raise BadArgumentsError(f"{self.prog}: {message}; see: {self.prog} -- --help")


def parse(session: nox.Session, options: Sequence[Option], doc: str = "") -> argparse.Namespace:
    """Parse a session's arguments.

    argparse would end the whole nox run on `--help` and on an invalid argument; here `--help`
    prints and skips the session, and an invalid argument fails it. `--help` shows `doc`, or what
    `nox -l` says of the session.

    Raises:
        BadArgumentsError: The arguments are invalid.
    """
    doc = doc or session._runner.description or ""  # noqa: SLF001 - nox has no public name for it
    parser = _Parser(prog=f"nox -s {session.name}", description=doc, add_help=False)
    parser.add_argument("-h", "--help", action="store_true", help="show this and do nothing else")
    for name, given in options:
        parser.add_argument(name, **given)
    if asks_help(session):
        print(parser.format_help())
        session.skip("only its help was asked for")
    return parser.parse_args(session.posargs)


def asks_help(session: nox.Session) -> bool:
    """Return whether `-- --help` was given."""
    return bool({"-h", "--help"} & set(session.posargs))


def skip_for_help(session: nox.Session, takes: str) -> NoReturn:
    """Print what a session takes after `--` and skip it."""
    print(f"usage: nox -s {shlex.quote(session.name)} -- [ARGUMENTS]\n\narguments: {takes}")
    session.skip("only its help was asked for")
