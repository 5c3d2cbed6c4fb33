"""Script for the strategy's own environment: check the candles, then start freqtrade.

This file runs in an interpreter that has freqtrade and not this library, so it loads the other
files of its folder by their paths, and they import no sibling. It asks freqtrade what the strategy
reads (pairs, timeframes, start-up candles), compares that with the candles, copies only these into
the run's own folder, forbids connections to other machines, records child processes, and then
starts freqtrade in the same process. A twin with another seed of hashes may run beside it.

A JSON file with the order names another one, in which the findings are written.
"""

from __future__ import annotations

import hashlib
import importlib.util
import json
import os
import re
import subprocess
import sys
import traceback
from collections.abc import Callable, Mapping
from dataclasses import asdict
from functools import cache
from importlib.metadata import distributions
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from tradai_tasks.backtest.isolated.series import NeededSeries


def _add_site(order: Mapping[str, Any]) -> None:  # pragma: no cover - as above
    """Import the packages of the order's folder, here and in child processes."""
    if order["site"]:
        installed = next(n for n, path in enumerate(sys.path) if path.endswith("site-packages"))
        sys.path.insert(installed, order["site"])
        os.environ["PYTHONPATH"] = order["site"]


def _strategy(  # pragma: no cover - needs freqtrade
    order: Mapping[str, Any], facts: dict[str, Any], save: Callable[[], None]
) -> tuple[dict[str, Any], dict[str, Any], Any]:
    """Return the configuration as its files have it, freqtrade's own, and the strategy."""
    from freqtrade.commands import Arguments  # noqa: PLC0415 - only here
    from freqtrade.configuration import setup_utils_configuration  # noqa: PLC0415 - only here
    from freqtrade.configuration.load_config import load_from_files  # noqa: PLC0415 - only here
    from freqtrade.enums import RunMode  # noqa: PLC0415 - only here
    from freqtrade.resolvers import StrategyResolver  # noqa: PLC0415 - only here

    raw = load_from_files([order["config"]])
    facts["exchange"] = str(raw.get("exchange", {}).get("name", "")).lower()
    facts["mode"] = str(raw.get("trading_mode") or "spot")
    save()
    where = f"{facts['exchange']} {facts['mode']}"
    if where not in order["ccxt"]:
        raise ValueError(f"no backtests on {where}; there are: {', '.join(order['ccxt'])}")
    overlay = Path(order["overlay"])
    document = json.loads(overlay.read_text(encoding="utf-8"))
    document["exchange"]["ccxt_config"] = order["ccxt"][where]
    document["exchange"]["ccxt_async_config"] = order["ccxt"][where]
    if order["one_pair"]:
        series = _part("series")
        pairs = series.plain_pairs(raw.get("exchange", {}).get("pair_whitelist"))
        document["exchange"]["pair_whitelist"] = series.one_pair(pairs)
    overlay.write_text(json.dumps(document, indent=1), encoding="utf-8")
    parsed = Arguments(list(order["argv"])).get_parsed_arg()
    config = setup_utils_configuration(parsed, RunMode.BACKTEST)
    return raw, config, StrategyResolver.load_strategy(config)


@cache
def _part(name: str) -> Any:  # pragma: no cover - as above
    """Load a module beside this one, which cannot be imported by its name here."""
    file = Path(__file__).with_name(f"{name}.py")
    spec = importlib.util.spec_from_file_location(f"tradai_tasks_{name}", file)
    if spec is None or spec.loader is None:
        raise ImportError(str(file))
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module  # its dataclasses look it up
    spec.loader.exec_module(module)
    return module


class _Pairs:  # pragma: no cover - needs freqtrade
    """Replacement of freqtrade's pairlists, with the two methods that a strategy calls."""

    def __init__(self, whitelist: list[str]) -> None:
        self.whitelist = whitelist
        self.blacklist: list[str] = []


def _series(  # pragma: no cover - needs freqtrade
    order: Mapping[str, Any], config: dict[str, Any], strategy: Any, pairs: list[str]
) -> list[NeededSeries]:
    """Return all series that the strategy reads."""
    from freqtrade.data.dataprovider import DataProvider  # noqa: PLC0415 - only here
    from freqtrade.data.history import get_datahandler  # noqa: PLC0415 - only here
    from freqtrade.enums import CandleType  # noqa: PLC0415 - only here
    from freqtrade.exchange import timeframe_to_seconds  # noqa: PLC0415 - only here
    from freqtrade.resolvers import ExchangeResolver  # noqa: PLC0415 - only here

    series = _part("series")
    exchange = ExchangeResolver.load_exchange(config, validate=False)
    informative = strategy._ft_informative  # noqa: SLF001 - freqtrade has no public name for it
    if any(data.asset and "{" in data.asset for data, _ in informative):
        exchange.reload_markets(force=True, load_leverage_tiers=False)
    strategy.dp = DataProvider(config, exchange, _Pairs(pairs))
    config["startup_candle_count"] = strategy.startup_candle_count
    handler = get_datahandler(Path(), "feather")
    start, end = int(order["start"]), int(order["end"])
    usual = config.get("candle_type_def", CandleType.SPOT)
    timeframe = config["timeframe"]
    startup = strategy.dp.get_required_startup(timeframe)

    def needed(pair: str, timeframe: str, candle: Any, ahead: int) -> NeededSeries:
        step = timeframe_to_seconds(timeframe)
        # freqtrade's name of the file, for which there is no public function
        file = handler._pair_data_filename(Path(), pair, timeframe, candle)  # noqa: SLF001
        made: NeededSeries = series.NeededSeries(
            pair, timeframe, str(candle.value), step, start - ahead * step, end, file.as_posix()
        )
        return made

    found = [needed(pair, timeframe, usual, startup) for pair in pairs]
    further = [(p, t, usual) for p, t in series.split_informative(order["informative"], pairs)]
    for pair, other, candle in [*strategy.gather_informative_pairs(), *further]:
        ahead = strategy.dp.get_required_startup(other)
        found.append(needed(pair, other, candle or usual, ahead))
    for pair in pairs:
        if config.get("timeframe_detail"):
            found.append(needed(pair, config["timeframe_detail"], usual, 0))
        if config.get("trading_mode") == "futures":
            mark = CandleType.from_string(exchange.get_option("mark_ohlcv_price"))
            found.append(needed(pair, exchange.get_option("mark_ohlcv_timeframe"), mark, 0))
            funding = exchange.get_option("funding_fee_timeframe")
            found.append(needed(pair, funding, CandleType.FUNDING_RATE, 0))
    merged: dict[str, NeededSeries] = {}
    for one in found:  # the same file may be needed twice: the longer part counts
        if one.file not in merged or one.start < merged[one.file].start:
            merged[one.file] = one
    return sorted(merged.values(), key=lambda one: (one.pair, one.file))


def _run(  # pragma: no cover - needs freqtrade
    order: Mapping[str, Any], facts: dict[str, Any], save: Callable[[], None]
) -> None:
    """Check the candles, and run freqtrade if the order says so."""
    from freqtrade import __version__  # noqa: PLC0415 - only here

    facts["freqtrade"] = __version__
    facts["packages"] = dict(
        sorted((re.sub(r"[-_.]+", "-", one.name).lower(), one.version) for one in distributions())
    )
    twin_argv = [sys.executable, "-P", "-s", __file__, order["path"], "twin"]
    _part("guard").forbid(facts["blocked"], facts["children"], twin_argv, save)
    findings = _part("findings")
    raw, config, strategy = _strategy(order, facts, save)
    pairs = _part("series").plain_pairs(config["exchange"].get("pair_whitelist"))
    facts.update(
        strategy=strategy.get_strategy_name(),
        timeframe=config["timeframe"],
        startup=strategy.startup_candle_count,
        pairs=pairs,
        conditions=findings.conditions(
            raw, strategy, protections=config.get("enable_protections", False)
        ),
    )
    refused = _overrides(order, facts)
    store = _snapshot(order, facts)
    save()
    copy = Path(order["copy"]) if order["copy"] else None
    needed = _series(order, config, strategy, pairs)
    whole = _look(order, facts, needed, (store, copy), findings)
    save()
    if not (order["go"] and whole and not refused):
        return
    facts["prices"] = findings.write_prices(needed, config, copy, int(order["start"]))
    facts["left_open"] = []
    if not order["command"]:
        findings.watch_left_open(facts["left_open"])
    facts["stage"] = "run"
    save()
    _start(order, facts, twin_argv)


def _overrides(  # pragma: no cover - needs freqtrade
    order: Mapping[str, Any], facts: dict[str, Any]
) -> list[str]:
    """Return the overrides that flatter the backtest and are not allowed."""
    allowed = order["allowed_overrides"]  # None: all
    refused = [] if allowed is None else sorted({*facts["conditions"]["overrides"]} - {*allowed})
    facts["refused_overrides"] = refused
    return refused


def _snapshot(  # pragma: no cover - needs freqtrade
    order: Mapping[str, Any], facts: dict[str, Any]
) -> Path:
    """Look for the pairs in the snapshot of the markets; return the exchange's folder."""
    store = Path(order["store"], facts["exchange"])
    snapshot = store / f"markets-{facts['mode']}.json"
    facts["snapshot"] = str(snapshot)
    if snapshot.is_file():
        document = json.loads(snapshot.read_text(encoding="utf-8"))
        facts["without_market"] = _part("series").without_market(document, facts["pairs"])
    return store


def _look(  # pragma: no cover - needs freqtrade
    order: Mapping[str, Any],
    facts: dict[str, Any],
    needed: list[NeededSeries],
    folders: tuple[Path, Path | None],
    findings: Any,
) -> bool:
    """Look at the candles of all series, copy them, and return whether all is there."""
    digest = hashlib.sha256()
    store, copy = folders
    series = _part("series")
    seen = [series.FoundSeries(**findings.look(store, one, digest, copy)) for one in needed]
    facts["data_sha256"] = digest.hexdigest()
    facts["series"] = [
        {**asdict(one), "missing": series.missing_parts(one, held, order["most_missing"])}
        for one, held in zip(needed, seen, strict=True)
    ]
    facts["step"] = next(one.step for one in needed if one.timeframe == facts["timeframe"])
    return facts.get("without_market") == [] and not any(one["missing"] for one in facts["series"])


def _start(  # pragma: no cover - needs freqtrade
    order: Mapping[str, Any], facts: dict[str, Any], twin_argv: list[str]
) -> None:
    """Run freqtrade: another command, or a backtest, with a twin if the order has one."""
    from freqtrade.main import main as freqtrade  # noqa: PLC0415 - only here

    if order.get("command"):
        more = _part("commands")
        more.capture(facts["analyses"])
        command = order["command"]
        known = more.options_of(command[0])
        if not known:
            raise ValueError(f"freqtrade has no command {command[0]!r}")
        freqtrade(more.arguments(command, known, order["options"], order["last"]))
    if not order["twin"]:
        freqtrade(list(order["argv"]))
    env = {**os.environ, "PYTHONHASHSEED": "1"}
    with Path(order["twin_log"]).open("wb") as said:
        started = subprocess.Popen(twin_argv, stdout=said, stderr=subprocess.STDOUT, env=env)  # nosec B603 - no shell
    try:
        freqtrade(list(order["argv"]))
    finally:
        started.wait()


def twin(path: str) -> None:  # pragma: no cover - needs freqtrade
    """Run freqtrade as the order's twin: its candles are there already."""
    order = json.loads(Path(path).read_text(encoding="utf-8"))
    _add_site(order)
    from freqtrade.main import main as freqtrade  # noqa: PLC0415 - only here

    _part("guard").forbid([], [], [], lambda: None)
    freqtrade(list(order["twin"]))


def main(path: str) -> None:  # pragma: no cover - needs freqtrade
    """Execute the order in a JSON file."""
    order = json.loads(Path(path).read_text(encoding="utf-8"))
    order["path"] = path
    _add_site(order)
    facts: dict[str, Any] = {"stage": "look", "error": None, "blocked": [], "children": []}
    facts["analyses"] = []

    def save() -> None:
        Path(order["facts"]).write_text(json.dumps(facts), encoding="utf-8")

    save()
    try:
        _run(order, facts, save)
    except BaseException as error:
        if not isinstance(error, SystemExit):
            traceback.print_exc()
            facts["error"] = str(error) or type(error).__name__
        elif facts["stage"] == "run":
            facts["status"] = error.code if isinstance(error.code, int) else int(bool(error.code))
        save()
        raise


if __name__ == "__main__":  # pragma: no cover - needs freqtrade
    (twin if sys.argv[2:] == ["twin"] else main)(sys.argv[1])
