"""Parse the arguments after `--` of sessions that have options."""

from __future__ import annotations

import argparse
import shlex
from collections.abc import Sequence
from typing import NoReturn

import nox

from tradai_tasks.errors import BadArgumentsError

Option = tuple[tuple[str, ...], dict[str, object]]  # names and keywords of `add_argument`


class _Parser(argparse.ArgumentParser):
    """An argument parser that raises instead of exiting the process."""

    def error(self, message: str) -> None:  # type: ignore[override]  # raises, as its base does
        """Raise for invalid arguments."""
        raise BadArgumentsError(f"{self.prog}: {message}; see: {self.prog} -- --help")


def parse(session: nox.Session, options: Sequence[Option], doc: str) -> argparse.Namespace:
    """Parse a session's arguments.

    argparse would end the whole nox run on `--help` and on an invalid argument; here `--help`
    prints and skips the session, and an invalid argument fails it.

    `options` are names and keyword arguments for `add_argument`; `doc` describes the session in its
    help.

    Raises:
        BadArgumentsError: The arguments are invalid.
    """
    parser = _Parser(prog=f"nox -s {session.name}", description=doc, add_help=False)
    parser.add_argument("-h", "--help", action="store_true", help="show this and do nothing else")
    for names, given in options:
        parser.add_argument(*names, **given)  # type: ignore[arg-type]  # checked by argparse
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
