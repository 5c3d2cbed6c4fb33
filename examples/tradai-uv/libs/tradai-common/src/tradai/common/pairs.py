"""Names of traded pairs."""

from __future__ import annotations

import re
from dataclasses import dataclass

__all__ = ["Pair"]

_TEXT = re.compile(r"(?P<base>[A-Z0-9]+)/(?P<quote>[A-Z0-9]+)(?::(?P<settle>[A-Z0-9]+))?")


@dataclass(frozen=True, slots=True, order=True)
class Pair:
    """A traded pair.

    Attributes:
        base: What is bought.
        quote: What it is priced in.
        settle: What a future pays out in; None for spot.
    """

    base: str
    quote: str
    settle: str | None = None

    @classmethod
    def parse(cls, text: str) -> Pair:
        """Read a name such as `BTC/USDT` or `BTC/USDT:USDT`.

        Raises:
            ValueError: It is no such name.
        """
        match = _TEXT.fullmatch(text)
        if match is None:
            raise ValueError(f"{text!r} is no pair; write BTC/USDT or BTC/USDT:USDT")
        return cls(match["base"], match["quote"], match["settle"])

    def __str__(self) -> str:
        """Return the name."""
        return f"{self.base}/{self.quote}" + (f":{self.settle}" if self.settle else "")

    @property
    def is_future(self) -> bool:
        """Whether it settles in a currency of its own, as futures do."""
        return self.settle is not None

    @property
    def slug(self) -> str:
        """The name with nothing that a file or an address would mind."""
        return "_".join(filter(None, (self.base, self.quote, self.settle)))
