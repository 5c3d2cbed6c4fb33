"""Make candles of one pair in a shape, hourly: a script for an environment with pandas.

usage: shaped_candles.py FOLDER MODE SHAPE
"""

from __future__ import annotations

import json
import sys
from pathlib import Path

START, END = "2024-12-01", "2026-02-01"


def prices(shape: str, count: int) -> tuple[list[float], float]:
    """Return close prices, and the size of the wicks as a fraction."""
    if shape == "fall":  # level, five months down by 60 percent, and up again
        level, half = count // 3, (count - count // 3) // 2
        down = [100 - 60 * n / half for n in range(half)]
        return [100.0 + n % 3 * 0.5 for n in range(level)] + down + down[::-1], 0.002
    if shape == "wicks":  # hardly moves, with wicks that reach every stop and every target
        return [100 + n % 7 * 0.01 + (n % 24) * 0.02 for n in range(count)], 0.02
    raise SystemExit(f"no shape {shape}")


def main(folder: Path, mode: str, shape: str) -> None:
    """Write the candles and the snapshot of the markets."""
    import pandas as pd

    sys.path.insert(0, str(Path(__file__).parents[2] / "tools"))
    from candles import exchange_info

    hours = pd.date_range(START, END, freq="1h", tz="UTC", inclusive="left")
    closes, wick = prices(shape, len(hours))
    closes += closes[-1:] * (len(hours) - len(closes))
    opens = [closes[0], *closes[:-1]]
    tops = [max(pair) * (1 + wick) for pair in zip(opens, closes, strict=True)]
    lows = [min(pair) * (1 - wick) for pair in zip(opens, closes, strict=True)]
    columns = {"date": hours, "open": opens, "high": tops, "low": lows, "close": closes}
    frame = pd.DataFrame({**columns, "volume": 1000.0})
    info = exchange_info(("BTC",))
    if mode == "spot":
        folder.mkdir(parents=True, exist_ok=True)
        frame.to_feather(folder / "BTC_USDT-1h.feather", compression="lz4")
        spot = {"status": "TRADING", "isSpotTradingAllowed": True, "permissions": ["SPOT"]}
        names = ("symbol", "baseAsset", "quoteAsset", "filters", "orderTypes", "timeInForce")
        info["symbols"] = [
            {**{name: one[name] for name in names}, **spot} for one in info["symbols"]
        ]
    else:
        futures = folder / "futures"
        futures.mkdir(parents=True, exist_ok=True)
        name = "BTC_USDT_USDT-1h"
        frame.to_feather(futures / f"{name}-futures.feather", compression="lz4")
        frame.to_feather(futures / f"{name}-mark.feather", compression="lz4")
        funding = frame[["date"]][frame["date"].dt.hour % 8 == 0].reset_index(drop=True)
        funding["open"] = [0.0001 if n % 3 else -0.0002 for n in range(len(funding))]
        for column in ("high", "low", "close", "volume"):
            funding[column] = 0.0
        funding.to_feather(futures / f"{name}-funding_rate.feather", compression="lz4")
    (folder / f"markets-{mode}.json").write_text(json.dumps(info), encoding="utf-8")


if __name__ == "__main__":
    main(Path(sys.argv[1]), sys.argv[2], sys.argv[3])
