"""Read the arguments that a user gives to pytest after `--`."""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

FRESH = "--fresh"  # the session's own option
# Options with which pytest leaves tests out. Those that only stop at a failure or change the order
# (-x, --maxfail, --ff, --nf) are none of them: a run that passes with them ran every test.
_NARROWING = frozenset({
    "-k", "-m", "--lf", "--last-failed", "--sw", "--stepwise", "--sw-skip", "--stepwise-skip",
    "--deselect", "--ignore", "--ignore-glob", "--pyargs",
})  # fmt: skip
# Options with which pytest reports something, and runs no test.
_INFORMING = frozenset({
    "-h", "--help", "-V", "--version", "--markers", "--fixtures", "--funcargs",
    "--fixtures-per-test", "--co", "--collect-only", "--collectonly", "--cache-show",
    "--setup-plan", "--setupplan", "--setup-only", "--setuponly",
})  # fmt: skip
# Options whose value is the next word, so that it is no path of a test.
_WITH_VALUE = frozenset({
    "-k", "-m", "-n", "-c", "-p", "-o", "-W", "-r", "--basetemp", "--capture", "--color",
    "--confcutdir", "--config-file", "--cov", "--cov-config", "--cov-context", "--cov-fail-under",
    "--cov-report", "--deselect", "--dist", "--durations", "--ignore", "--ignore-glob",
    "--import-mode", "--junit-prefix", "--junit-xml", "--junitxml", "--log-file", "--log-level",
    "--maxfail", "--numprocesses", "--override-ini", "--rootdir", "--show-capture", "--tb",
    "--timeout", "--verbosity",
})  # fmt: skip
_FLAGS = frozenset("dfhlqsvxV")  # options of one letter that take no value and can stand together


@dataclass(frozen=True, kw_only=True, slots=True)
class PytestArguments:
    """The user's arguments for a pytest run."""

    words: tuple[str, ...]  # for pytest; paths as seen from the folder that it runs in
    paths: tuple[Path, ...]  # the files and folders among them, absolute
    narrowing: tuple[str, ...]  # the words that leave tests out, paths included
    informing: str | None  # the option that only asks for information
    fresh: bool = False  # whether every test is run, whatever results are known

    @property
    def has_marker_expression(self) -> bool:
        """Whether the user selects tests by markers."""
        return any(_option(word)[0] == "-m" for word in self.narrowing)


def read_arguments(posargs: Sequence[str], *, home: Path, bases: Sequence[Path]) -> PytestArguments:
    """Read the arguments after `--`; paths may be relative to `home` or to one of `bases`."""
    words, paths, narrowing = [], [], []
    informing = None
    before = ""  # the option whose value a word is
    for word in posargs:
        if word == FRESH:
            continue
        is_value = before in _WITH_VALUE
        option, is_open = ("", False) if is_value else _option(word)
        found = None if option or is_value else _find(word, (home, *bases))
        if found is not None:
            names = word.split("::")
            paths.append(found)
            word = "::".join([path_argument(found, home), *names[1:]])  # noqa: PLW2901 - as seen from there
        if found is not None or option in _NARROWING or (is_value and before in _NARROWING):
            narrowing.append(word)
        if option in _INFORMING:
            informing = informing or option
        words.append(word)
        before = option if is_open else ""
    return PytestArguments(
        words=tuple(words),
        paths=tuple(paths),
        narrowing=tuple(narrowing),
        informing=informing,
        fresh=FRESH in posargs,
    )


def informs(args: Sequence[str]) -> str | None:
    """Return the option with which pytest reports something instead of running tests, if any."""
    return next((word for word, _ in map(_option, args) if word in _INFORMING), None)


def path_argument(path: Path, home: Path) -> str:
    """Return a path as pytest is given it in a folder, never like an option or a file of words."""
    relative = os.path.relpath(path, home)
    return f"./{relative}" if relative.startswith(("-", "@")) else relative


def _option(word: str) -> tuple[str, bool]:
    """Return the option of a word, "" if none, and whether its value may be the next word.

    `--maxfail=1` is `--maxfail`, with its value; `-xk` is `-k`, without.
    """
    if word.startswith("--"):
        option, equals, _ = word.partition("=")
        return option, not equals
    if not word.startswith("-"):
        return "", False
    letters = word[1:].lstrip("".join(_FLAGS)) or word[-1:]
    return f"-{letters[:1]}", len(letters) == 1


def _find(word: str, bases: Sequence[Path]) -> Path | None:
    path = word.partition("::")[0]
    return next((base / path for base in bases if path and (base / path).exists()), None)
