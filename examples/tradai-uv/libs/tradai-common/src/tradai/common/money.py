"""Exact amounts: binary floats never touch what is paid."""

from __future__ import annotations

from dataclasses import dataclass
from decimal import ROUND_DOWN, ROUND_HALF_EVEN, Decimal

__all__ = ["CurrencyMismatchError", "Money", "floor_to_step"]

_PLACES = {"BTC": 8, "ETH": 8, "USDT": 2, "USD": 2, "EUR": 2}
_DEFAULT_PLACES = 6


class CurrencyMismatchError(ValueError):
    """Two amounts of different currencies were put together."""


@dataclass(frozen=True, slots=True, order=False)
class Money:
    """An amount of a currency.

    Attributes:
        amount: Units of the currency, unrounded.
        currency: Its code, such as `USDT`.
    """

    amount: Decimal
    currency: str

    def __add__(self, other: Money) -> Money:
        """Add two amounts of one currency."""
        self._check(other)
        return Money(self.amount + other.amount, self.currency)

    def __sub__(self, other: Money) -> Money:
        """Subtract an amount of the same currency."""
        self._check(other)
        return Money(self.amount - other.amount, self.currency)

    def __mul__(self, factor: Decimal | int) -> Money:
        """Scale the amount."""
        return Money(self.amount * factor, self.currency)

    def __str__(self) -> str:
        """Return the rounded amount and the currency, as in `12.50 USDT`."""
        return f"{self.rounded().amount} {self.currency}"

    def rounded(self) -> Money:
        """Round to the currency's own places, half to even, so that errors do not add up."""
        exponent = Decimal(1).scaleb(-_PLACES.get(self.currency, _DEFAULT_PLACES))
        return Money(self.amount.quantize(exponent, rounding=ROUND_HALF_EVEN), self.currency)

    def split(self, parts: int) -> list[Money]:
        """Split into shares that add up to the rounded amount; the first ones get the rest.

        Raises:
            ValueError: `parts` is below 1.
        """
        if parts < 1:
            raise ValueError(f"parts must be at least 1, not {parts}")
        unit = Decimal(1).scaleb(-_PLACES.get(self.currency, _DEFAULT_PLACES))
        units, rest = divmod(int(self.rounded().amount / unit), parts)
        return [Money((units + (share < rest)) * unit, self.currency) for share in range(parts)]

    def _check(self, other: Money) -> None:
        if self.currency != other.currency:
            raise CurrencyMismatchError(f"{self.currency} and {other.currency} do not add up")


def floor_to_step(value: Decimal, step: Decimal) -> Decimal:
    """Return the largest multiple of an exchange's step size that is not above the value.

    Raises:
        ValueError: The step is not positive.
    """
    if step <= 0:
        raise ValueError(f"step must be positive, not {step}")
    return (value / step).to_integral_value(rounding=ROUND_DOWN) * step
