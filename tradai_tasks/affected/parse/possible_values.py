"""The strings that an expression can evaluate to, as far as the text of its file tells."""

from __future__ import annotations

from typing import Any

import msgspec


class PossibleValues(msgspec.Struct):
    """The strings that an expression can be; relative names begin with a dot."""

    literals: set[str] = set()
    prefixes: set[str] = set()  # "pkg." of f"pkg.{name}"
    unknown: bool = False  # also anything else

    def add(self, other: PossibleValues) -> None:
        """Add what else the expression can be."""
        self.literals |= other.literals
        self.prefixes |= other.prefixes
        self.unknown |= other.unknown


def unknown() -> PossibleValues:
    """Return the values of an expression that can be anything."""
    return PossibleValues(unknown=True)


def with_prefix(text: str) -> PossibleValues:
    """Return the values that begin with a text; unknown where it holds no whole package."""
    package, dot, _ = text.rpartition(".")
    return PossibleValues(prefixes={package + dot}) if dot else unknown()


def with_prefixes(starts: set[str], prefixes: set[str]) -> PossibleValues:
    """Return the values that begin with one of some texts, followed by one of some prefixes."""
    found = PossibleValues()
    for start in starts:
        if start and not any(prefix.startswith(".") for prefix in prefixes):
            found.add(with_prefix(start))
            continue
        for prefix in prefixes or {""}:
            is_path = prefix.startswith("/")
            found.add(PossibleValues(prefixes={prefix}) if is_path else with_prefix(start + prefix))
    return found


_SPLITS = frozenset(["partition", "rpartition", "rsplit", "split", "splitlines"])
STRING_METHODS = _SPLITS.union(
    ["casefold", "format", "format_map", "lower", "lstrip", "removeprefix", "removesuffix"],
    ["replace", "rstrip", "strip", "title", "upper"],
)


def apply_method(values: PossibleValues, method: str, arguments: list[Any]) -> PossibleValues:
    """Return what a method returns for any of some values."""
    found = PossibleValues(unknown=values.unknown)
    for text in values.literals:
        if method in {"format", "format_map"}:
            found.add(
                with_prefix(text.partition("{")[0])
                if "{" in text
                else PossibleValues(literals={text})
            )
            continue
        try:
            made = getattr(text, method)(*arguments)
        except (TypeError, ValueError):
            return unknown()
        found.literals |= {made} if isinstance(made, str) else set(made)
    for prefix in values.prefixes:
        is_kept = method in {"strip", "rstrip", "removesuffix", "format"} or (
            method not in _SPLITS and getattr(prefix, method)(*arguments) == prefix
        )
        found.add(PossibleValues(prefixes={prefix}, unknown=not is_kept))
    return found
