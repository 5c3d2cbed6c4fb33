"""What an expression can be: the strings that it can yield, as far as text tells."""

from __future__ import annotations

from dataclasses import dataclass, field

__all__ = ["Values", "started", "started_by", "unknown"]


@dataclass(slots=True)
class Values:
    """The strings that an expression can be; relative names begin with a dot."""

    literals: set[str] = field(default_factory=set)
    prefixes: set[str] = field(default_factory=set)  # "pkg." of f"pkg.{name}"
    is_table: bool = False  # also any string constant of the file
    unknown: bool = False

    def add(self, other: Values) -> None:
        """Take in what else it can be."""
        self.literals |= other.literals
        self.prefixes |= other.prefixes
        self.is_table |= other.is_table
        self.unknown |= other.unknown


def unknown() -> Values:
    """Return what can be anything."""
    return Values(unknown=True)


def started(text: str) -> Values:
    """Return what begins with a text: a prefix where a package is whole in it."""
    package, dot, _ = text.rpartition(".")
    return Values(prefixes={package + dot}) if dot else unknown()


def started_by(starts: set[str], ends: set[str]) -> Values:
    """Return what begins with one of some texts and goes on with one of some prefixes."""
    found = Values()
    for start in starts:
        if start and not any(end.startswith(".") for end in ends):
            found.add(started(start))
            continue
        for end in ends or {""}:
            found.add(Values(prefixes={end}) if end.startswith("/") else started(start + end))
    return found
