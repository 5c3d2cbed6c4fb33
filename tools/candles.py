"""Make candles from a seed: what backtests of the tests and the tour run on, with no exchange.

Hourly futures candles with mark prices and funding rates, and a snapshot of the markets, in the
layout of a candle folder. The same arguments give the same figures on every machine. Returns go on
with the given persistence, so a strategy that follows moves has an edge at 0.35 and none at 0.

It needs pandas and pyarrow: uv run --no-project --with pandas --with pyarrow tools/candles.py ...
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

PRICES = {"BTC": 95_000.0, "ETH": 3_300.0, "SOL": 190.0}
_FILTERS = {"BTC": ("0.10", "0.001"), "ETH": ("0.01", "0.001"), "SOL": ("0.001", "0.01")}
_YEAR = 8766  # hours
_VOLATILITY = 0.6  # of a year
_FUNDING = 0.0001  # every eight hours
_SEED = 7


def market(coin: str) -> dict[str, Any]:
    """Return a perpetual contract as the exchange describes it."""
    tick, step = _FILTERS[coin]
    limits = {"minQty": step, "maxQty": "100000", "stepSize": step}
    return {
        "symbol": f"{coin}USDT",
        "pair": f"{coin}USDT",
        "contractType": "PERPETUAL",
        "deliveryDate": 4133404800000,
        "onboardDate": 1569398400000,
        "status": "TRADING",
        "baseAsset": coin,
        "quoteAsset": "USDT",
        "marginAsset": "USDT",
        "pricePrecision": 2,
        "quantityPrecision": 3,
        "baseAssetPrecision": 8,
        "quotePrecision": 8,
        "filters": [
            {
                "filterType": "PRICE_FILTER",
                "minPrice": tick,
                "maxPrice": "1000000",
                "tickSize": tick,
            },
            {"filterType": "LOT_SIZE", **limits},
            {"filterType": "MARKET_LOT_SIZE", **limits},
            {"filterType": "MIN_NOTIONAL", "notional": "5"},
        ],
        "orderTypes": ["LIMIT", "MARKET", "STOP", "STOP_MARKET"],
        "timeInForce": ["GTC", "IOC", "FOK", "GTX"],
    }


def exchange_info(coins: Sequence[str] = tuple(PRICES)) -> dict[str, Any]:
    """Return the answer to `GET /fapi/v1/exchangeInfo`."""
    return {
        "timezone": "UTC",
        "serverTime": 0,
        "rateLimits": [],
        "exchangeFilters": [],
        "symbols": [market(coin) for coin in coins],
    }


def write(folder: Path, *, start: str, end: str, persistence: float) -> None:
    """Write the candles from the first day to the last, which is not in it."""
    import numpy as np  # noqa: PLC0415 - only where it runs
    import pandas as pd  # noqa: PLC0415 - as above

    futures = folder / "futures"
    futures.mkdir(parents=True, exist_ok=True)
    hours = pd.date_range(start, end, freq="1h", tz="UTC", inclusive="left")
    size = _VOLATILITY / _YEAR**0.5
    for seed, (coin, price) in enumerate(PRICES.items(), _SEED):
        random = np.random.default_rng(seed)
        moves = random.normal(0, size, len(hours))
        for n in range(1, len(hours)):
            moves[n] += persistence * moves[n - 1]
        close = price * np.exp(np.cumsum(moves))
        opened = np.concatenate([[price], close[:-1]])
        wick = np.abs(random.normal(0, size / 3, (2, len(hours))))
        frame = pd.DataFrame(
            {
                "date": hours,
                "open": opened,
                "high": np.maximum(opened, close) * (1 + wick[0]),
                "low": np.minimum(opened, close) * (1 - wick[1]),
                "close": close,
                "volume": random.lognormal(5, 1, len(hours)),
            }
        )
        name = f"{coin}_USDT_USDT-1h"
        frame.to_feather(futures / f"{name}-futures.feather", compression="lz4")
        frame.to_feather(futures / f"{name}-mark.feather", compression="lz4")
        funding = frame[["date"]][frame["date"].dt.hour % 8 == 0].reset_index(drop=True)
        funding["open"] = _FUNDING
        for column in ("high", "low", "close", "volume"):
            funding[column] = 0.0
        funding.to_feather(futures / f"{name}-funding_rate.feather", compression="lz4")
    snapshot = json.dumps(exchange_info(), indent=1)
    (folder / "markets-futures.json").write_text(snapshot, encoding="utf-8")


def main() -> None:
    """Make the candles that the arguments ask for."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder", type=Path, help="the candle folder")
    parser.add_argument("--start", required=True, help="first day, as 2025-01-01")
    parser.add_argument("--end", required=True, help="day after the last, as 2026-01-01")
    parser.add_argument("--persistence", type=float, default=0.35, help="of moves, 0 to 1")
    given = parser.parse_args()
    write(given.folder, start=given.start, end=given.end, persistence=given.persistence)


if __name__ == "__main__":
    main()
