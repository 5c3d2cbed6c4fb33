"""Part of `run.py`: what a run leaves beside freqtrade's result, prices and its conditions."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

# keys that change a backtest and not a live bot, and what a live bot has in their place
_FLATTERING = {
    ("fee",): "the fees of the exchange",
    ("position_stacking",): "one position for a pair",
    ("futures_funding_rate",): "the funding rates of the exchange",
    ("exchange", "ccxt_config", "fees"): "the fees of the exchange",
    ("exchange", "ccxt_sync_config", "fees"): "the fees of the exchange",
    ("exchange", "ccxt_async_config", "fees"): "the fees of the exchange",
    ("exchange", "_ft_has_params"): "what the exchange can do",
}
_PLACES = ("config_files", "original_config", "user_data_dir", "datadir")
_FUNDING = "funding_rate"


def flattering(config: Mapping[str, Any]) -> dict[str, str]:
    """Return the keys of a configuration that can flatter a backtest, with what each sets.

    A wallet with other currencies than the stake's is one: their price would count as a profit.
    """
    found = {}
    for path, instead in _FLATTERING.items():
        value: Any = config
        for key in path:
            value = value.get(key) if isinstance(value, Mapping) else None
        if value is not None and value is not False:
            found[".".join(path)] = f"{json.dumps(value)}, where a live bot has {instead}"
    wallet = config.get("dry_run_wallet")
    if isinstance(wallet, Mapping) and set(wallet) - {config.get("stake_currency")}:
        found["dry_run_wallet"] = f"{json.dumps(wallet)}, more than the stake currency"
    return found


def conditions(raw: Mapping[str, Any], strategy: Any, *, protections: bool) -> dict[str, Any]:
    """Return the configuration, the parameters and the protections of a strategy."""
    named = getattr(strategy, "enumerate_parameters", dict)
    return {
        "config": {key: value for key, value in raw.items() if key not in _PLACES},
        "parameters": {str(name): _plain(one.value) for name, one in named()},
        "protections": [str(one.get("method", one)) for one in strategy.protections or []],
        "protections_run": protections,
        "overrides": flattering(raw),
    }


def _plain(value: Any) -> Any:
    """Return a value as JSON has it; numpy's numbers are not."""
    return json.loads(json.dumps(value, default=lambda one: one.item()))


# --- below: runs only in an environment with freqtrade, where coverage is not measured -----------


def look(  # pragma: no cover - needs pandas
    store: Path, needed: Any, digest: Any, copy: Path | None
) -> dict[str, Any]:
    """Read the needed part of a file, add it to the digest, copy it, and return what it holds."""
    import numpy as np  # noqa: PLC0415 - only here
    import pandas as pd  # noqa: PLC0415 - only here

    file = store / needed.file
    if not file.is_file():
        return {"fault": "no file of that name"}
    try:
        frame = pd.read_feather(file)
        seconds = frame["date"].astype("datetime64[s, UTC]").astype("int64").to_numpy()
        columns = ["open", "high", "low", "close", "volume"]
        if needed.candle == _FUNDING:  # older files have the rate in the column `open`
            columns = ["funding_rate" if "funding_rate" in frame.columns else "open"]
        values = frame[columns].to_numpy(dtype="<f8")
    except Exception as error:  # pandas raises errors of many types
        return {"fault": f"the file cannot be read: {(str(error).splitlines() or ['?'])[0]}"}
    begins, ends = (int(seconds[0]), int(seconds[-1])) if len(seconds) else (None, None)
    inside = (seconds >= needed.start) & (seconds < needed.end)
    times = seconds[inside]
    if not len(times):
        return {"begins": begins, "ends": ends}
    steps = np.diff(times)
    wide = np.flatnonzero(steps > needed.step)
    # a rate may be 0 or negative
    prices = values[inside][:, :4]
    bad = ~np.isfinite(prices) if needed.candle == _FUNDING else ~(prices > 0)
    digest.update(f"{needed.pair}|{needed.timeframe}|{needed.candle}|{len(times)}\n".encode())
    digest.update(times.astype("<i8").tobytes())
    digest.update(values[inside].tobytes())
    if copy is not None:
        target = copy / needed.file
        target.parent.mkdir(parents=True, exist_ok=True)
        part = frame[inside].reset_index(drop=True)
        part.to_feather(target, compression="lz4", compression_level=9)
    return {
        "first": int(times[0]),
        "last": int(times[-1]),
        "begins": begins,
        "ends": ends,
        "holes": [(int(times[n]), int(times[n + 1])) for n in wide],
        "unordered": bool((steps <= 0).any()),
        "empty_prices": int(bad.any(axis=1).sum()),
    }


def write_prices(  # pragma: no cover - needs pandas
    needed: Iterable[Any], config: Mapping[str, Any], data: Path, start: int
) -> list[dict[str, Any]]:
    """Write the close prices and funding payments of each pair that is traded.

    The files are written beside the folder `data` of candles; `start` is in seconds since the
    epoch.
    """
    import pandas as pd  # noqa: PLC0415 - only here
    from freqtrade.exchange import Exchange  # noqa: PLC0415 - only here

    def seconds(frame: Any) -> Any:
        return frame["date"].astype("datetime64[s, UTC]").astype("int64").to_numpy()

    usual = str(getattr(config.get("candle_type_def"), "value", "spot"))
    frames = {(one.pair, one.timeframe, one.candle): data / one.file for one in needed}
    found = []
    pairs = config["exchange"]["pair_whitelist"]
    for n, pair in enumerate(pairs):
        candles = pd.read_feather(frames[pair, config["timeframe"], usual])
        candles = candles[seconds(candles) >= start]
        columns = [seconds(candles), candles["close"].to_numpy(dtype="float64")]
        marks = [file for (one, _, kind), file in frames.items() if (one, kind) == (pair, "mark")]
        rates = [f for (one, _, kind), f in frames.items() if (one, kind) == (pair, "funding_rate")]
        if marks and rates:
            paid = Exchange.combine_funding_and_mark(
                pd.read_feather(rates[0]),
                pd.read_feather(marks[0]),
                config.get("futures_funding_rate"),
            )
            payment = (paid["open_fund"] * paid["open_mark"]).to_numpy(dtype="float64")
            columns += [seconds(paid), payment]
        file = data.parent / f"prices-{n}.bin"
        file.write_bytes(b"".join(column.tobytes() for column in columns))
        settlements = len(columns[2]) if len(columns) > 2 else 0  # noqa: PLR2004 - two columns each
        found.append(
            {"pair": pair, "file": file.name, "candles": len(candles), "settlements": settlements}
        )
    return found


def watch_left_open(found: list[str]) -> None:  # pragma: no cover - needs freqtrade
    """Have freqtrade add the pairs of positions that it could not close at the end.

    It closes them at the open of the last candle, by an order that may not be filled (a price
    between two ticks, say), and leaves such a trade out of its result without a word.
    """
    from freqtrade.optimize.backtesting import Backtesting  # noqa: PLC0415 - only here
    from freqtrade.persistence import LocalTrade  # noqa: PLC0415 - only here

    close = Backtesting.handle_left_open

    def handle(self: Any, *args: Any, **named: Any) -> None:
        close(self, *args, **named)
        found.extend(trade.pair for trade in LocalTrade.bt_trades_open)

    Backtesting.handle_left_open = handle
