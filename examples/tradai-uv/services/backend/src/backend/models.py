"""What travels in requests and answers."""

from __future__ import annotations

from pydantic import BaseModel, Field

__all__ = ["CandleBatch", "CandleRows", "Health", "Saved"]

Row = tuple[int, float, float, float, float, float]
MAX_ROWS = 5000


class Health(BaseModel):
    """That the service is up."""

    status: str = "ok"
    version: str
    time: str = Field(description="The server's time, ISO 8601 in UTC.")


class CandleBatch(BaseModel):
    """Candles of one pair to be kept."""

    pair: str = Field(examples=["BTC/USDT:USDT"])
    timeframe: str = Field(examples=["1m"])
    rows: list[Row] = Field(
        max_length=MAX_ROWS, description="[milliseconds, open, high, low, close, volume]"
    )


class Saved(BaseModel):
    """How many candles were kept."""

    saved: int


class CandleRows(BaseModel):
    """Candles of one pair, oldest first."""

    pair: str
    timeframe: str
    rows: list[Row]
