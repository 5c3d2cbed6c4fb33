"""Shorten what `nox -j` prints: a line for a session that succeeds, everything of one that fails.

nox prints the output of a parallel session at its end. Here it is cut to the session's summary and
its warnings; in GitHub Actions the rest is folded, as is the output of sessions that run in turn.
"""

from __future__ import annotations

import logging
import os
import re
import shlex
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any, TypeVar

import nox
from nox import _options
from nox.sessions import Result, Status, _duration_str

from tradai_tasks.report import say
from tradai_tasks.text import safe

WARNING = "warning: "  # before each warning that a session logs
_SUMMARY = "summary: "
_MOST = 50  # findings that are shown
_Line = TypeVar("_Line")
_COLOUR = re.compile(r"\x1b\[[0-9;]*m")
_KEPT = re.compile(
    rf"^nox > (?:\[[^\]]*\] )?(?:{_SUMMARY}(?P<summary>.*)|(?P<warning>{WARNING}.*))", re.MULTILINE
)


def conclude(session: nox.Session, text: str) -> None:
    """Log what a session came to, in a few words: counts and figures."""
    session.log(f"{_SUMMARY}{text}")


def first_of(session: nox.Session, found: Sequence[_Line]) -> Sequence[_Line]:
    """Return the first of many findings, all under `--verbose`, and log how to see the others."""
    if len(found) <= _MOST or session._runner.global_config.verbose:  # noqa: SLF001 - nox tells it nowhere else
        return found
    again = f"nox -v -s {shlex.quote(session.name)}"
    session.log(f"the first {_MOST} of {len(found)} lines are shown; all of them: {again}")
    return found[:_MOST]


class _Kept(logging.Handler):
    """Keeps the summary and the warnings that a session logs."""

    def __init__(self) -> None:
        super().__init__()
        self.lines: list[str] = []

    def emit(self, record: logging.LogRecord) -> None:
        """Keep the message if it is one of them."""
        if found := _KEPT.match(f"nox > {record.getMessage()}"):
            self.lines.append(found["summary"] or f"  {found['warning']}")


@contextmanager
def folded(session: nox.Session) -> Iterator[None]:
    """Fold what a session prints in GitHub Actions, and repeat its summary and warnings below.

    In a parallel run the parent does this.
    """
    if os.environ.get("GITHUB_ACTIONS") != "true" or session.parallel:
        yield
        return
    kept = _Kept()
    log = logging.getLogger("nox")
    log.addHandler(kept)
    name = safe(session.name)
    print(f"::group::all output of {name}", flush=True)
    try:
        yield
    finally:
        log.removeHandler(kept)
        print("::endgroup::", flush=True)
        say(*(line if line.startswith(" ") else f"{name}: {line}" for line in kept.lines))


def shorten_output(options: _options.NoxConfig | None) -> None:
    """Shorten the output of sessions that succeed, unless nox runs with `--verbose`."""
    if options is None or options.verbose or options.list_sessions or options.parallel in {None, 1}:
        return
    from nox import _parallel  # noqa: PLC0415 - takes its time to load

    whole = _parallel._Reporter._emit_block  # noqa: SLF001 - nox has no public way
    if hasattr(whole, "__wrapped__"):
        return

    def emit(self: Any, name: str, result: Result, output: str) -> None:
        if result.status is Status.SUCCESS:
            self._write(short_block(name, _duration_str(result.duration, "{time}"), output))
            self.stream.flush()
        else:
            whole(self, name, result, output)

    emit.__wrapped__ = whole  # type: ignore[attr-defined]  # noxfiles may be loaded twice
    _parallel._Reporter._emit_block = emit  # type: ignore[method-assign]  # noqa: SLF001 - as above


def short_block(name: str, duration: str, output: str) -> str:
    """Return the lines that stand for the output of a session that succeeded."""
    kept = [*_KEPT.finditer(_COLOUR.sub("", output))]
    parts = [found["summary"] for found in kept if found["summary"]]
    head = "; ".join([*parts, *([duration] if duration else [])])
    lines = [f"{name}: {head}" if head else f"{name}: success"]
    lines += [f"  {found['warning']}" for found in kept if found["warning"]]
    lines = [safe(line, longest=None) for line in lines]
    if os.environ.get("GITHUB_ACTIONS") == "true" and output:
        ending = "" if output.endswith("\n") else "\n"
        lines += [f"::group::all output of {safe(name)}", f"{output}{ending}::endgroup::"]
    return "".join(f"{line}\n" for line in lines)
