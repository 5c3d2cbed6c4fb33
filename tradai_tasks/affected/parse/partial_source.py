"""A part of a file that is parsed in place of the whole, and a request for a larger part.

While a part is evaluated it may turn out that what decides lies outside of it. Then
`MissingPartError` says what a larger part must contain.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import cached_property

import msgspec
from msgspec.structs import replace


class PartContents(msgspec.Struct, frozen=True, kw_only=True):
    """What a part contains in addition to the statements that may import by a call."""

    callers: frozenset[str] = frozenset()  # all that mentions these functions
    changes: frozenset[str] = frozenset()  # all that may add to these lists and tables
    code: bool = False  # all that has imports in strings


class MissingPartError(Exception):
    """What is looked for may be in the rest of the file."""

    def __init__(self, contents: PartContents | None) -> None:
        """Say what a larger part must contain; None where only the whole file will do."""
        super().__init__()
        self.contents = contents


class PartialSource(msgspec.Struct, frozen=True, kw_only=True, dict=True):
    """The text of a file with the rest blanked, every line in its place."""

    text: str
    contents: PartContents
    pieces: Sequence[str]  # the whole file, divided into code, token, code, token, ..., code

    @cached_property
    def strings(self) -> tuple[str, ...]:
        """The string constants of the whole file, as they are written."""
        tokens = [token for token in self.pieces[1::2] if token[0] != "#"]
        return tuple(t[3:-3] if t[:3] in {'"""', "'''"} else t[1:-1] for t in tokens)

    def require_callers(self, name: str) -> None:
        """Check that the part contains all that mentions a function.

        Raises:
            MissingPartError: It may not.
        """
        if name not in self.contents.callers:
            callers = self.contents.callers | {name}
            raise MissingPartError(replace(self.contents, callers=callers))

    def require_changes(self, name: str) -> None:
        """Check that the part contains all that adds to a list or a table.

        Raises:
            MissingPartError: It may not.
        """
        if name not in self.contents.changes:
            changes = self.contents.changes | {name}
            raise MissingPartError(replace(self.contents, changes=changes))

    def require_code(self) -> None:
        """Check that the part contains all that has imports in strings.

        Raises:
            MissingPartError: It may not.
        """
        if not self.contents.code:
            raise MissingPartError(replace(self.contents, code=True))
