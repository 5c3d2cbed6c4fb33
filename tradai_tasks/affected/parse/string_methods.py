"""Apply methods of strings to the possible values of an expression."""

from __future__ import annotations

from typing import Any

from tradai_tasks.affected.parse.possible_values import PossibleValues, unknown, with_prefix

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
