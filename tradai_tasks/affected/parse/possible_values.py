"""The strings that an expression can evaluate to, as far as the text of its file tells."""

from __future__ import annotations

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
