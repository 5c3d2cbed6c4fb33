from decimal import Decimal

import pytest

from tradai.common.money import CurrencyMismatchError, Money, floor_to_step


def usdt(amount: str) -> Money:
    return Money(Decimal(amount), "USDT")


def test_arithmetic_keeps_every_digit() -> None:
    assert usdt("0.1") + usdt("0.2") == usdt("0.3")
    assert usdt("1") - usdt("0.001") == usdt("0.999")
    assert usdt("2.5") * Decimal("0.0005") == usdt("0.00125")


def test_currencies_do_not_mix() -> None:
    with pytest.raises(CurrencyMismatchError, match="USDT and BTC"):
        usdt("1") + Money(Decimal(1), "BTC")


@pytest.mark.parametrize(
    ("amount", "rounded"), [("0.125", "0.12"), ("0.135", "0.14"), ("-0.125", "-0.12")]
)
def test_rounding_is_half_to_even(amount: str, rounded: str) -> None:
    assert str(usdt(amount)) == f"{rounded} USDT"


def test_an_unknown_currency_has_six_places() -> None:
    assert str(Money(Decimal(1), "SOL")) == "1.000000 SOL"


def test_shares_add_up() -> None:
    shares = usdt("100").split(3)
    assert [str(share.amount) for share in shares] == ["33.34", "33.33", "33.33"]
    with pytest.raises(ValueError, match="at least 1"):
        usdt("1").split(0)


@pytest.mark.parametrize(
    ("value", "step", "floored"),
    [("1.2345", "0.001", "1.234"), ("7", "5", "5"), ("0.0009", "0.001", "0.000")],
)
def test_quantities_are_cut_to_the_step(value: str, step: str, floored: str) -> None:
    assert floor_to_step(Decimal(value), Decimal(step)) == Decimal(floored)


def test_a_step_must_be_positive() -> None:
    with pytest.raises(ValueError, match="positive"):
        floor_to_step(Decimal(1), Decimal(0))
