"""Close prices and funding rates of a run's pairs, as the run leaves them in binary files."""

from __future__ import annotations

from array import array
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

import msgspec

from tradai_tasks.errors import BacktestResultError

_WIDTH = 8  # bytes of a time, and of a number


class PriceFile(msgspec.Struct, frozen=True, kw_only=True):
    """A binary file: all candle times, their closes, all settlement times, their payments."""

    pair: str
    file: str
    candles: int
    settlements: int


@dataclass(frozen=True, kw_only=True, slots=True)
class Prices:
    """The candles of one pair in the window, and its funding; times in seconds since the epoch."""

    times: Sequence[int]  # when each candle opens, ascending
    closes: Sequence[float]  # in the quote currency
    settled: Sequence[int] = ()  # when funding was settled, ascending; empty on spot markets
    payments: Sequence[float] = ()  # what a long position of one unit pays then


def read_prices(files: Iterable[PriceFile], folder: Path) -> dict[str, Prices]:
    """Read the prices of each pair; raise BacktestResultError for a missing or cut file."""
    return {one.pair: _read(one, folder / one.file) for one in files}


def _read(one: PriceFile, file: Path) -> Prices:
    content = file.read_bytes() if file.is_file() else b""
    whole = 2 * _WIDTH * (one.candles + one.settlements)
    if len(content) != whole:
        raise BacktestResultError(
            f"{one.pair}: {file.name} has {len(content)} bytes of prices, not {whole}; run it again"
        )
    columns: list[array[int] | array[float]] = []
    for kind, count in zip("qdqd", (one.candles,) * 2 + (one.settlements,) * 2, strict=True):
        column = array(kind)
        column.frombytes(content[: count * _WIDTH])
        columns.append(column)
        content = content[count * _WIDTH :]
    times, closes, settled, payments = columns
    return Prices(times=times, closes=closes, settled=settled, payments=payments)  # type: ignore[arg-type]  # by the kinds above
