"""Script for the strategy's own environment: check the candles, then start freqtrade.

This file runs in an interpreter that has freqtrade and not this library, so it loads its siblings,
`isolated_*.py`, by their paths. It asks freqtrade what the strategy reads (pairs, timeframes,
start-up candles), compares that with the candles, copies only these into the run's own folder,
forbids connections to other machines, records child processes, and then starts freqtrade. It does
so in the same process, since importing freqtrade takes longer than everything else. A twin with
another seed of hashes may run beside it.

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
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from datetime import UTC, datetime
from importlib.metadata import distributions
from pathlib import Path
from typing import Any

__all__ = [
    "FoundSeries",
    "NeededSeries",
    "lacks",
    "main",
    "one_pair",
    "plain_pairs",
    "split_informative",
    "without_market",
]

_DAY = 86_400
_FUNDING_STEP = 8 * 3600  # seconds; no exchange settles funding less often
_SLACK = 300  # seconds; funding is settled shortly after the full hour
_PATTERN = re.compile(r"[\\^$*+?{}\[\]()|]|\.\*")  # makes a pair a regular expression
_SHOWN = 3  # gaps of a series that are shown

FUNDING = "funding_rate"
_SMOKE_PAIR = "BTC/USDT:USDT"


@dataclass(frozen=True)
class NeededSeries:
    """A candle series that the strategy reads, and the part of it that must exist."""

    pair: str
    timeframe: str
    candle: str  # "futures", "spot", "mark", "funding_rate"
    step: int  # seconds between two candles
    start: int  # seconds since the epoch; the first moment to cover
    end: int  # likewise; the end, which is not covered
    file: str  # path from the candle folder


@dataclass(frozen=True)
class FoundSeries:
    """The candles of that part in a file; times are in seconds since the epoch."""

    first: int | None = None  # None if the file has none
    last: int | None = None
    begins: int | None = None  # the first candle in the whole file
    ends: int | None = None  # the last one
    holes: list[tuple[int, int]] = field(default_factory=list)  # last before, first after
    unordered: bool = False
    empty_prices: int = 0  # candles without a price
    fault: str | None = None  # why the file cannot be read


def day(moment: int) -> str:
    """Return a moment for a message: the day, with the time unless it is midnight."""
    at = datetime.fromtimestamp(moment, tz=UTC)
    return f"{at:%Y-%m-%d}" if moment % _DAY == 0 else f"{at:%Y-%m-%d %H:%M}"


def lacks(needed: NeededSeries, seen: FoundSeries, most_missing: float) -> list[str]:
    """Return what is missing from a series, a line each; empty if it is complete.

    Args:
        needed: The series.
        seen: The candles in its file.
        most_missing: Most candles that may be missing inside, in percent of the whole; both ends
            must exist.
    """
    if seen.fault:
        return [seen.fault]
    if seen.first is None or seen.last is None:
        held = f"{day(seen.begins)} to {day(seen.ends)}" if seen.begins and seen.ends else "none"
        return [f"no candle from {day(needed.start)} to {day(needed.end)} (it holds {held})"]
    if seen.unordered:
        return ["its candles are not in the order of time, or one is there twice"]
    found = []
    step = _FUNDING_STEP + _SLACK if needed.candle == FUNDING else needed.step
    # weeks and months need not begin with the window
    reach = step if _DAY % needed.step == 0 or needed.candle == FUNDING else 2 * step
    if seen.first >= needed.start + reach:
        found.append(f"nothing from {day(needed.start)} to {day(seen.first)}")
    if seen.last + reach < needed.end:
        found.append(f"nothing from {day(seen.last + needed.step)} to {day(needed.end)}")
    wide = [(before, after) for before, after in seen.holes if after - before > step]
    gone = sum((after - before) // needed.step - 1 for before, after in wide)
    if needed.candle == FUNDING:
        gone = sum(after - before for before, after in wide) // _FUNDING_STEP
    whole = max(1, (needed.end - needed.start) // needed.step)
    if gone * 100 > most_missing * whole:
        spans = [f"{day(before + needed.step)} to {day(after)}" for before, after in wide[:_SHOWN]]
        more = f" and {len(wide) - _SHOWN} more holes" if len(wide) > _SHOWN else ""
        found.append(f"nothing from {', '.join(spans)}{more}")
    if seen.empty_prices:
        found.append(f"{seen.empty_prices} candles without a price")
    return found


def split_informative(wanted: Iterable[str], pairs: Sequence[str]) -> list[tuple[str, str]]:
    """Return (pair, timeframe) from settings such as `4h` and `BTC/USDT:USDT 1d`."""
    found = []
    for entry in wanted:
        pair, _, timeframe = entry.strip().rpartition(" ")
        found += [(one, timeframe) for one in ([pair.strip()] if pair else pairs)]
    return found


def without_market(snapshot: Mapping[str, Any], pairs: Iterable[str]) -> list[str]:
    """Return the pairs that are missing from a snapshot of the markets."""
    known = {(one["baseAsset"], one["quoteAsset"]) for one in snapshot["symbols"]}
    return [pair for pair in pairs if tuple(pair.partition(":")[0].split("/")) not in known]


def plain_pairs(pairs: Any) -> list[str]:
    """Return the pairs of a configuration, which must be named one by one.

    Raises:
        ValueError: There are none, one is a pattern, or one is a duplicate.
    """
    named = [str(pair) for pair in pairs or []]
    if not named:
        raise ValueError("the configuration has no exchange.pair_whitelist")
    for pair in named:
        if _PATTERN.search(pair):
            raise ValueError(f"the pair {pair!r} is a pattern")
        if named.count(pair) > 1:
            raise ValueError(f"the pair {pair!r} is there twice")
    return named


def one_pair(pairs: Sequence[str]) -> tuple[str]:
    """Return the pair of a smoke backtest that names none: bitcoin's, or else the first."""
    return (_SMOKE_PAIR if _SMOKE_PAIR in pairs else pairs[0],)


# --- below: runs only in an environment with freqtrade, where coverage is not measured -----------


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
        pairs = plain_pairs(raw.get("exchange", {}).get("pair_whitelist"))
        document["exchange"]["pair_whitelist"] = one_pair(pairs)
    overlay.write_text(json.dumps(document, indent=1), encoding="utf-8")
    parsed = Arguments(list(order["argv"])).get_parsed_arg()
    config = setup_utils_configuration(parsed, RunMode.BACKTEST)
    return raw, config, StrategyResolver.load_strategy(config)


def _part(name: str) -> Any:  # pragma: no cover - as above
    """Load a module beside this one, which cannot be imported by its name here."""
    file = Path(__file__).with_name(f"{name}.py")
    spec = importlib.util.spec_from_file_location(file.stem, file)
    if spec is None or spec.loader is None:
        raise ImportError(str(file))
    module = importlib.util.module_from_spec(spec)
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
        return NeededSeries(
            pair, timeframe, str(candle.value), step, start - ahead * step, end, file.as_posix()
        )

    found = [needed(pair, timeframe, usual, startup) for pair in pairs]
    further = [(p, t, usual) for p, t in split_informative(order["informative"], pairs)]
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
    _part("isolated_guard").forbid(facts["blocked"], facts["children"], twin_argv, save)
    findings = _part("isolated_findings")
    raw, config, strategy = _strategy(order, facts, save)
    pairs = plain_pairs(config["exchange"].get("pair_whitelist"))
    facts.update(
        strategy=strategy.get_strategy_name(),
        timeframe=config["timeframe"],
        startup=strategy.startup_candle_count,
        pairs=pairs,
        conditions=findings.conditions(
            raw, strategy, protections=config.get("enable_protections", False)
        ),
    )
    allowed = order["allowed_overrides"]  # None: all
    refused = [] if allowed is None else sorted({*facts["conditions"]["overrides"]} - {*allowed})
    facts["refused_overrides"] = refused
    store = Path(order["store"]) / facts["exchange"]
    snapshot = store / f"markets-{facts['mode']}.json"
    facts["snapshot"] = str(snapshot)
    if snapshot.is_file():
        document = json.loads(snapshot.read_text(encoding="utf-8"))
        facts["without_market"] = without_market(document, pairs)
    save()
    needed = _series(order, config, strategy, pairs)
    digest = hashlib.sha256()
    copy = Path(order["copy"]) if order["copy"] else None
    seen = [FoundSeries(**findings.look(store, one, digest, copy)) for one in needed]
    facts["data_sha256"] = digest.hexdigest()
    facts["series"] = [
        {**asdict(one), "lacks": lacks(one, held, order["most_missing"])}
        for one, held in zip(needed, seen, strict=True)
    ]
    facts["step"] = next(one.step for one in needed if one.timeframe == config["timeframe"])
    save()
    whole = facts.get("without_market") == [] and not any(one["lacks"] for one in facts["series"])
    if not (order["go"] and whole and not refused):
        return
    facts["prices"] = findings.write_prices(needed, config, copy, int(order["start"]))
    facts["left_open"] = []
    if not order["command"]:
        findings.watch_left_open(facts["left_open"])
    facts["stage"] = "run"
    save()
    _start(order, facts, twin_argv)


def _start(  # pragma: no cover - needs freqtrade
    order: Mapping[str, Any], facts: dict[str, Any], twin_argv: list[str]
) -> None:
    """Run freqtrade: another command, or a backtest, with a twin if the order has one."""
    from freqtrade.main import main as freqtrade  # noqa: PLC0415 - only here

    if order.get("command"):
        more = _part("isolated_commands")
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

    _part("isolated_guard").forbid([], [], [], lambda: None)
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
