from datetime import UTC, datetime

import pytest

from tradai.data.candles import Candle, CandleError

AT = datetime(2026, 1, 1, tzinfo=UTC)


def test_rows_are_read_and_written() -> None:
    row = [1767225600000, 10.0, 12.0, 9.0, 11.0, 5.0]
    candle = Candle.from_row(row)
    assert candle == Candle(AT, 10.0, 12.0, 9.0, 11.0, 5.0)
    assert candle.to_row() == row


@pytest.mark.parametrize(
    "numbers",
    [
        (10.0, 12.0, 10.5, 11.0, 5.0),
        (10.0, 10.5, 9.0, 11.0, 5.0),
        (10.0, 12.0, 0.0, 11.0, 5.0),
        (10.0, 12.0, 9.0, 11.0, -1.0),
        (float("nan"), 12.0, 9.0, 11.0, 5.0),
        (10.0, float("inf"), 9.0, 11.0, 5.0),
        (10.0, 12.0, 9.0, 11.0, float("nan")),
    ],
)
def test_impossible_numbers_are_refused(numbers: tuple[float, float, float, float, float]) -> None:
    with pytest.raises(CandleError, match="2026-01-01"):
        Candle(AT, *numbers)


def test_rows_have_six_columns() -> None:
    with pytest.raises(CandleError, match="6 columns, not 2"):
        Candle.from_row([1, 2])
