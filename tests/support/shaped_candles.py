"""Candles of one pair in a shape, hourly; also a script for an environment with pandas.

usage: shaped_candles.py FOLDER MODE SHAPE
"""

from __future__ import annotations

import json
import sys
from datetime import date
from pathlib import Path
from typing import Any

__all__ = ["END", "START", "closes_of", "funding_rates"]

START, END = "2024-12-01", "2026-02-01"
_COUNT = (date.fromisoformat(END) - date.fromisoformat(START)).days * 24
_HOLE = 5000  # number of the candle that "hole" does not have


def closes_of(shape: str) -> list[float]:
    """Return the close prices of all candles.

    `fall` and `hole` rise by 30 percent, then in five months fall by 60 percent, come back in two,
    and rise again; `wicks` hardly moves.
    """
    if shape == "wicks":
        return [round(100 + n % 7 * 0.1, 1) for n in range(_COUNT)]
    spans = ((100.0, 130.0, 4400), (130.0, 52.0, 3600), (52.0, 132.0, 1400), (132.0, 140.0, 1400))
    return [
        round(start + (end - start) * n / count + n % 7 * 0.03, 1)  # as the market's prices are
        for start, end, count in spans
        for n in range(count)
    ][:_COUNT]


def funding_rates(count: int) -> list[float]:
    """Return the rates of settlements every eight hours, of both signs."""
    return [0.0001 if n % 3 else -0.0002 for n in range(count)]


def main(folder: Path, mode: str, shape: str) -> None:
    """Write the candles and the snapshot of the markets."""
    import pandas as pd

    sys.path.insert(0, str(Path(__file__).parents[2] / "tools"))
    from candles import exchange_info

    hours = pd.date_range(START, END, freq="1h", tz="UTC", inclusive="left")
    closes = closes_of(shape)
    opens = [closes[0], *closes[:-1]]
    both = list(zip(opens, closes, strict=True))
    # of two candles one reaches a target, the other a stop
    up, down = (0.02, 0.02) if shape == "wicks" else (0.0, 0.0)
    tops = [max(pair) * (1 + up * (n % 2)) for n, pair in enumerate(both)]
    lows = [min(pair) * (1 - down * (n % 2 == 0)) for n, pair in enumerate(both)]
    columns = {"date": hours, "open": opens, "high": tops, "low": lows, "close": closes}
    frame = pd.DataFrame({**columns, "volume": 1000.0})
    if shape == "hole":
        frame = frame.drop(index=_HOLE).reset_index(drop=True)
    info = exchange_info(("BTC",))
    if mode == "spot":
        folder.mkdir(parents=True, exist_ok=True)
        frame.to_feather(folder / "BTC_USDT-1h.feather", compression="lz4")
        info["symbols"] = [_spot(one) for one in info["symbols"]]
    else:
        futures = folder / "futures"
        futures.mkdir(parents=True, exist_ok=True)
        name = "BTC_USDT_USDT-1h"
        frame.to_feather(futures / f"{name}-futures.feather", compression="lz4")
        frame.to_feather(futures / f"{name}-mark.feather", compression="lz4")
        funding = frame[["date"]][frame["date"].dt.hour % 8 == 0].reset_index(drop=True)
        funding["open"] = funding_rates(len(funding))
        for column in ("high", "low", "close", "volume"):
            funding[column] = 0.0
        funding.to_feather(futures / f"{name}-funding_rate.feather", compression="lz4")
    (folder / f"markets-{mode}.json").write_text(json.dumps(info), encoding="utf-8")


def _spot(market: dict[str, Any]) -> dict[str, Any]:
    names = ("symbol", "baseAsset", "quoteAsset", "filters", "orderTypes", "baseAssetPrecision")
    kept = {name: market[name] for name in names}
    spot = {"status": "TRADING", "isSpotTradingAllowed": True, "permissions": ["SPOT"]}
    return {**kept, **spot, "quotePrecision": 8, "quoteAssetPrecision": 8}


if __name__ == "__main__":
    main(Path(sys.argv[1]), sys.argv[2], sys.argv[3])
