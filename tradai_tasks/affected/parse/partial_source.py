"""A part of a file that is parsed in place of the whole, and a request for a larger part.

While a part is evaluated it may turn out that what decides lies outside of it. Then
`MissingPartError` says what a larger part must contain.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import cached_property

import msgspec

# What a part contains in addition to the statements that may import by a call, each with a name:
# all that mentions a function, all that may add to a list or a table, all with imports in strings.
CALLERS, CHANGES, CODE = "callers", "changes", "code"
PartContents = frozenset[tuple[str, str]]


class MissingPartError(Exception):
    """What is looked for may be in the rest of the file: `contents` is what a larger part needs.

    None where only the whole file will do.
    """

    def __init__(self, contents: PartContents | None) -> None:
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

    def require(self, what: str, name: str = "") -> None:
        """Check that the part contains something, or raise MissingPartError."""
        if (what, name) not in self.contents:
            raise MissingPartError(self.contents | {(what, name)})
