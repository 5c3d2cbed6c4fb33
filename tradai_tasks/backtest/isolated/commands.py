"""Part of `run.py`: other commands of freqtrade than `backtesting`, and their findings.

The results of `lookahead-analysis` and `recursive-analysis` are taken from freqtrade's own objects:
what it prints is a table for people.
"""

from __future__ import annotations

import logging
import math
import re
from collections.abc import Iterable, Sequence
from typing import Any

_FOUND = re.compile(r"=> found lookahead in indicator (?P<name>.+)")
_NONE = "No lookahead bias on indicators found."


def arguments(
    command: Sequence[str], known: Iterable[str], ours: Iterable[Sequence[str]], last: Sequence[str]
) -> list[str]:
    """Return the arguments of a command: ours where it knows them and none is given.

    `last` is an option with the value that must win, so it comes last.
    """
    names = set(known)
    given = {word.partition("=")[0] for word in command[1:] if word.startswith("-")}
    given |= {long for short, long in (("-c", "--config"), ("-s", "--strategy")) if short in given}
    found = list(command[:1])
    for option in ours:
        if option[0] in names and (option[0] not in given or option[0] == "--config"):
            found += option
    found += command[1:]
    return found + (list(last) if last[0] in names else [])


def columns_with_lookahead(said: Iterable[str]) -> list[str] | None:
    """Return the columns in which freqtrade's log found look-ahead; None if it says neither."""
    lines = list(said)
    named = [found["name"] for found in map(_FOUND.fullmatch, lines) if found]
    return named if bool(named) != (_NONE in lines) else None


# --- below: runs only in an environment with freqtrade, where coverage is not measured -----------


def options_of(command: str) -> list[str]:  # pragma: no cover - needs freqtrade
    """Return the options that a command of freqtrade knows; none if there is no such command."""
    from freqtrade.commands import Arguments  # noqa: PLC0415 - only here

    parser = Arguments([command])
    parser._build_subcommands()  # noqa: SLF001 - freqtrade has no public name for it
    for action in parser.parser._actions:  # noqa: SLF001 - nor has argparse
        choices = getattr(action, "choices", None)
        if isinstance(choices, dict) and command in choices:
            return list(choices[command]._option_string_actions)  # noqa: SLF001 - as above
    return []


def capture(found: list[dict[str, Any]]) -> None:  # pragma: no cover - needs freqtrade
    """Have freqtrade's analyses add their results to a list."""
    from freqtrade.optimize.analysis.lookahead import LookaheadAnalysis  # noqa: PLC0415 - only here
    from freqtrade.optimize.analysis.recursive import RecursiveAnalysis  # noqa: PLC0415 - only here

    look, recur = LookaheadAnalysis.start, RecursiveAnalysis.start

    def lookahead(self: Any, *args: Any) -> None:
        look(self, *args)
        seen = self.current_analysis
        found.append(
            {
                "analysis": "lookahead",
                "trades": int(seen.total_signals),
                "least": int(self.minimum_trade_amount),
                "entries": int(seen.false_entry_signals),
                "exits": int(seen.false_exit_signals),
                "columns": [str(name) for name in seen.false_indicators],
            }
        )

    def recursive(self: Any, *args: Any) -> None:
        said: list[str] = []
        handler = logging.Handler(logging.INFO)
        handler.emit = lambda record: said.append(record.getMessage())  # type: ignore[method-assign]  # shorter than a class
        logger = logging.getLogger("freqtrade.optimize.analysis.recursive")
        logger.addHandler(handler)
        try:
            recur(self, *args)
        finally:
            logger.removeHandler(handler)
        own = self._strat_scc
        variance = {}
        for name, values in self.dict_recursive.items():
            if own in values:
                value = values[own]
                variance[str(name)] = abs(value) if math.isfinite(value) else None
        found.append(
            {
                "analysis": "recursive",
                "startup": int(own),
                "columns": columns_with_lookahead(said),
                "variance": variance,
            }
        )

    LookaheadAnalysis.start, RecursiveAnalysis.start = lookahead, recursive
