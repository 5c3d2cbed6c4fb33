"""The strings that an expression can evaluate to, as far as the text of its file tells."""

from __future__ import annotations

import itertools
import math
import re
from collections.abc import Iterable
from typing import Any

import msgspec

# Stands for the unknown part of a text: a letter of no known name, so that a name with it is one.
HOLE = "\ua66e"
_NAMED = re.compile(r"\{\w")
_MOST_TEXTS = 1_000  # that an expression is evaluated to, put together from parts
PERCENT = re.compile(r"%(?:\(\w*\))?[-#0 +]*[\d.*]*[a-zA-Z]")  # fields of `text % values`
BRACES = re.compile(r"\{[^{}]*\}")  # fields of `text.format(values)`


class PossibleValues(msgspec.Struct):
    """The strings that an expression can be; relative names begin with a dot."""

    texts: set[str] = set()  # with `HOLE` for each part that is unknown

    @property
    def literals(self) -> set[str]:
        """The strings that are known whole."""
        return {text for text in self.texts if HOLE not in text}

    @property
    def prefixes(self) -> set[str]:
        """Packages, or a folder ("/x"), of which any module is meant: "pkg." of f"pkg.{name}"."""
        return {_package(text) for text in self.texts if HOLE in text} - {""}

    @property
    def unknown(self) -> bool:
        """Whether it can be anything else."""
        return any(HOLE in text and not _package(text) for text in self.texts)

    def add(self, other: PossibleValues) -> None:
        """Add what else the expression can be."""
        self.texts |= other.texts


def _package(text: str) -> str:
    """Return the package or folder that a text with a hole begins with; "" for none."""
    known = text.partition(HOLE)[0]
    return known if known.startswith("/") else known[: known.rfind(".") + 1]


def unknown() -> PossibleValues:
    """Return the values of an expression that can be anything."""
    return PossibleValues({HOLE})


def joined(parts: Iterable[PossibleValues]) -> PossibleValues:
    """Return the values of parts that follow one another; of too many, only what all have."""
    texts_of = [sorted(part.texts) or [HOLE] for part in parts]
    if math.prod(map(len, texts_of)) > _MOST_TEXTS:  # rather unknown than one left out
        texts_of = [texts if len(texts) == 1 else [HOLE] for texts in texts_of]
    # a folder is known by itself alone
    texts_of[1:] = [[HOLE if HOLE in t and t[0] == "/" else t for t in ts] for ts in texts_of[1:]]
    return PossibleValues({"".join(one) for one in itertools.product(*texts_of)})


def filled(text: str, fields: re.Pattern[str], values: Iterable[PossibleValues]) -> PossibleValues:
    """Return the values of a text whose fields take what is given, in turn.

    Args:
        text: The text.
        fields: `PERCENT` or `BRACES`. What has a name or a format of its own is unknown.
        values: What is given.
    """
    given = iter(values)
    pieces = fields.split(text)
    parts = [PossibleValues({pieces[0]})]
    for field, piece in zip(fields.findall(text), pieces[1:], strict=True):
        is_in_turn = "(" not in field if field[0] == "%" else not _NAMED.match(field)
        value = next(given, unknown()) if is_in_turn else unknown()
        parts += [value if field in {"%s", "{}"} else unknown(), PossibleValues({piece})]
    return joined(parts)


_SPLITS = frozenset(["partition", "rpartition", "rsplit", "split", "splitlines"])
STRING_METHODS = _SPLITS.union(
    ["casefold", "lower", "lstrip", "removeprefix", "removesuffix"],
    ["replace", "rstrip", "strip", "title", "upper"],
)


def apply_method(values: PossibleValues, method: str, arguments: list[Any]) -> PossibleValues:
    """Return what a method returns for any of some values."""
    found = PossibleValues()
    for text in values.texts:
        known = text.partition(HOLE)[0]
        try:
            made = getattr(known, method)(*arguments)
        except (TypeError, ValueError):
            return unknown()
        if HOLE not in text:
            found.texts |= {made} if isinstance(made, str) else set(made)
            continue
        is_kept = method in {"strip", "rstrip", "removesuffix"} or made == known
        found.texts |= {text} if is_kept else {text, HOLE}
    return found
