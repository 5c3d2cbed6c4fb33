"""A part of a file that is read in place of the whole, for as long as nothing else is asked for."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cached_property

__all__ = ["Asked", "MissingPartError", "Part"]


@dataclass(frozen=True, kw_only=True)
class Asked:
    """What a part holds beside what may import."""

    callers: frozenset[str] = frozenset()  # all that mentions these names
    changed: frozenset[str] = frozenset()  # all that may put something into these
    is_code: bool = False  # all that holds imports as text


class MissingPartError(Exception):
    """What is asked of a part may stand in the rest of its file."""

    def __init__(self, asked: Asked | None) -> None:
        """Say what a larger part must hold; None where only the whole will do."""
        super().__init__()
        self.asked = asked


@dataclass(frozen=True, kw_only=True)
class Part:
    """The text of a file, what decides nothing blanked, every line in its place."""

    text: str
    asked: Asked
    pieces: Sequence[str]  # the whole file, divided into code, token, code, token, ..., code

    @cached_property
    def strings(self) -> tuple[str, ...]:
        """The string constants of the whole file, as they are written."""
        tokens = [token for token in self.pieces[1::2] if token[0] != "#"]
        return tuple(t[3:-3] if t[:3] in {'"""', "'''"} else t[1:-1] for t in tokens)

    def need_callers(self, name: str) -> None:
        """Say that all that mentions a name must be here.

        Raises:
            MissingPartError: Some may not be.
        """
        if name not in self.asked.callers:
            raise MissingPartError(replace(self.asked, callers=self.asked.callers | {name}))

    def need_changes(self, name: str) -> None:
        """Say that all that puts something into a list or a table must be here.

        Raises:
            MissingPartError: Some may not be.
        """
        if name not in self.asked.changed:
            raise MissingPartError(replace(self.asked, changed=self.asked.changed | {name}))

    def need_code(self) -> None:
        """Say that all must be here that holds imports as text.

        Raises:
            MissingPartError: Some may not be.
        """
        if not self.asked.is_code:
            raise MissingPartError(replace(self.asked, is_code=True))
