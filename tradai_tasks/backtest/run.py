"""Prepare one run of freqtrade, and check what it reported."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import chain
from pathlib import Path
from typing import Any

import msgspec

from tradai_tasks.backtest.config_secrets import config_files, secrets_of_config
from tradai_tasks.backtest.isolated import run as inside
from tradai_tasks.backtest.isolated.series import one_pair
from tradai_tasks.backtest.markets import Markets, ccxt_configs
from tradai_tasks.backtest.record import RecordKind
from tradai_tasks.backtest.run_findings import RunFindings
from tradai_tasks.backtest.time_range import Window
from tradai_tasks.environment_allowance import Allowance, masked
from tradai_tasks.errors import BacktestError, CandlesError, NotHermeticError
from tradai_tasks.files.atomic_write import write_whole
from tradai_tasks.settings.backtest import BacktestSettings

_SHOWN = 40  # incomplete series that are shown one by one
_LOG_LINE = re.compile(
    r"^\d{4}-\d\d-\d\d [\d:,]+ - (?P<where>\S+) - (?P<level>[A-Z]+) - (?P<what>.*)"
)
# freqtrade's warning, after which it goes on, that requested candles do not exist
_UNDECLARED = re.compile(r"(?:No data found for \(|No history for )(?P<what>[^)\n]*?)(?:\)| found)")
_USAGE = re.compile(r"^freqtrade(?: \S+)?: error: ", re.MULTILINE)  # argparse's, of options
_LEFT_OUT = re.compile(r"Pair (?P<pair>\S+) is not [^.]*\. ?Removing it from whitelist")


@dataclass(frozen=True, kw_only=True, slots=True)
class BacktestJob:
    """A backtest to run."""

    strategy: str  # the slug
    kind: RecordKind
    settings: BacktestSettings
    window: Window
    home: Path  # the strategy's folder, where freqtrade runs
    command: tuple[str, ...] = ()  # another command of freqtrade, with further arguments
    site: Path | None = None  # folder of packages that are not in the environment
    repeats: bool = False  # whether a twin runs the same backtest at the same time
    folder: Path  # this run's own folder
    store: Path  # the folder of all candles, with a folder for each exchange

    @property
    def pairs(self) -> tuple[str, ...] | None:
        """Pairs from the settings; None if they are in the strategy's configuration."""
        if self.kind == "full":
            return self.settings.pairs
        if self.settings.smoke_pair is not None:
            return (self.settings.smoke_pair,)
        return one_pair(self.settings.pairs) if self.settings.pairs else None

    @property
    def session(self) -> str:
        """The session that fetches its candles."""
        return f'nox -s "backtest-data({self.strategy})"'

    @property
    def log(self) -> Path:
        """The file for freqtrade's output."""
        return self.folder / "freqtrade.log"

    @property
    def results(self) -> Path:
        """The folder for the result, empty before the run."""
        return self.folder / "work" / "results"

    @property
    def facts(self) -> Path:
        """The file for the findings of the run."""
        return self.folder / "work" / "facts.json"

    @property
    def order(self) -> Path:
        """The file with the order for the run."""
        return self.folder / "work" / "order.json"

    @property
    def twin(self) -> Path:
        """The folder of the twin's result, empty before the run."""
        return self.folder / "work" / "twin"

    def options(self, *, twin: bool = False) -> list[list[str]]:
        """Return the options of freqtrade's commands, with their values."""
        work = self.folder / "work"
        userdir = work / ("twin_user_data" if twin else "user_data")
        found = [["--config", self.settings.config], ["--config", str(work / "overlay.json")]]
        found += [["--userdir", str(userdir)], ["--datadir", str(work / "data")]]
        found += [["--timerange", self.window.timerange], ["--no-color"]]
        if self.settings.timeframe:
            found.append(["--timeframe", self.settings.timeframe])
        if self.settings.strategy_class:
            found.append(["--strategy", self.settings.strategy_class])
        return found

    def argv(self, *, twin: bool = False) -> list[str]:
        """Return freqtrade's arguments for a backtest."""
        argv = ["backtesting", *chain.from_iterable(self.options(twin=twin))]
        argv += ["--backtest-directory", str(self.twin if twin else self.results)]
        return [*argv, "--cache", "none", "--export", "trades"]

    def overlay(self) -> dict[str, Any]:
        """Return the configuration that overrides the strategy's."""
        exchange: dict[str, Any] = {"key": "", "secret": "", "password": "", "uid": ""}  # nosec B105 - none
        if self.pairs is not None:
            exchange["pair_whitelist"] = list(self.pairs)
        return {
            "dry_run": True,
            "exchange": exchange,
            # other methods ask the exchange for today's most traded pairs
            "pairlists": [{"method": "StaticPairList"}],
            "dataformat_ohlcv": "feather",
            "enable_protections": self.settings.protections,
        }

    def arguments(self) -> list[str]:
        """Return the arguments for the Python of the strategy's environment."""
        # -P: else this library's modules would come first on freqtrade's import path
        return ["-P", "-s", str(Path(inside.__file__)), str(self.order)]

    def prepare(self, markets: Markets, *, go: bool) -> None:
        """Write the order and create the folders; without `go` it only asks what would be read."""
        work = self.folder / "work"
        for folder in (self.results, self.twin, work / "data", work / "user_data"):
            folder.mkdir(parents=True)
        (work / "twin_user_data").mkdir()
        start, end = self.window.seconds
        order = {
            "site": str(self.site) if self.site else None,
            "argv": self.argv(),
            "twin": self.argv(twin=True) if self.repeats else None,
            "twin_log": str(work / "twin.log"),
            "command": list(self.command),
            "options": self.options(),
            "last": ["--config", str(work / "overlay.json")],
            "config": self.settings.config,
            "overlay": str(work / "overlay.json"),
            "ccxt": ccxt_configs(markets.address),
            "store": str(self.store),
            "copy": str(work / "data") if go else None,
            "facts": str(self.facts),
            "start": start,
            "end": end,
            "one_pair": self.kind == "smoke" and self.pairs is None,
            "informative": list(self.settings.informative),
            "most_missing": self.settings.max_missing,
            # nothing but a full backtest judges figures
            "allowed_overrides": [*self.settings.allow_overrides]
            if self.kind == "full" and not self.command
            else None,
            "go": go,
        }
        (work / "overlay.json").write_text(json.dumps(self.overlay()), encoding="utf-8")
        self.order.write_text(json.dumps(order, indent=1), encoding="utf-8")


def environment(env: Mapping[str, str], allowance: Allowance) -> dict[str, str | None]:
    """Return the changes of a run's environment variables; None removes one.

    freqtrade reads settings from variables, and a proxy would intercept the market server.
    """
    dropped = ("FREQTRADE", "PYTHON")
    gone: dict[str, str | None] = dict.fromkeys(allowance.withheld(env))
    gone |= {
        name: None
        for name in env
        if name.startswith(dropped) or name.lower() in {"http_proxy", "https_proxy", "all_proxy"}
    }
    return {**gone, "PYTHONHASHSEED": "0", "PYTHONUNBUFFERED": "1", "TZ": "UTC", "COLUMNS": "1000"}


def read_facts(job: BacktestJob) -> RunFindings:
    """Read the findings of a run; raise BacktestError if freqtrade is missing or broken."""
    try:
        return msgspec.json.decode(job.facts.read_bytes(), type=RunFindings)
    except (OSError, msgspec.DecodeError):
        raise BacktestError(
            f"{job.strategy}: freqtrade did not start: {last_words(_log(job))}; see {job.log}"
        ) from None


def check_children(job: BacktestJob, findings: RunFindings, why_not: str) -> None:
    """Raise NotHermeticError if a run started a process that could have reached a network.

    `why_not` says why it was not in a network namespace; empty if it was.
    """
    if why_not and findings.children:
        raise NotHermeticError(
            f"{job.strategy}: it started {', '.join(findings.children[:_SHOWN])}, and what another "
            f"process reads cannot be kept to the candles here: no network namespace ({why_not}); "
            f"start no process, or run it on Linux with user namespaces"
        )


def conclude(job: BacktestJob, findings: RunFindings, markets: Markets) -> RunFindings:
    """Return what a run found, if that is everything it needs and it requested nothing else.

    Raises:
        NotHermeticError: It tried to reach another machine, or requested more than the markets.
        CandlesError: Candles or the snapshot are missing.
        BacktestError: freqtrade refused the configuration or the strategy.
    """
    unasked = not findings.blocked and not markets.refused
    if unasked and (markets.missing or (findings.snapshot and findings.without_market is None)):
        missing = markets.missing[0] if markets.missing else findings.snapshot
        raise CandlesError(
            f"{job.strategy}: {missing}: no snapshot of the exchange's markets; fetch it with: "
            f"{job.session}"
        )
    check_requests(job, findings, markets)
    if findings.without_market:
        raise CandlesError(
            f"{job.strategy}: {', '.join(findings.without_market)}: not in {findings.snapshot}, so "
            f"not traded on the exchange, or later than the snapshot; fetch a new one with: "
            f"{job.session} -- --refresh"
        )
    if findings.refused_overrides:
        said = [
            f"{key} is {findings.conditions.overrides[key]}" for key in findings.refused_overrides
        ]
        raise BacktestError(
            f"{job.strategy}: {job.settings.config} flatters the backtest: {'; '.join(said)}; take "
            f"it out, or name it in the setting backtest.allow-overrides"
        )
    check_candles(job, findings, f"fetch them with: {job.session}")
    if findings.left_open:
        raise BacktestError(
            f"{job.strategy}: {', '.join(findings.left_open)}: a position is open at the end, and "
            f"freqtrade could not close it at the last candle's open price, so its result leaves "
            f"the position out; end the window on another day (backtest.end), or fetch the candles "
            f"again"
        )
    _check_read(job, findings, _log(job))
    return findings


def _check_read(job: BacktestJob, findings: RunFindings, log: str) -> None:
    """Raise CandlesError unless freqtrade read the declared candles, and those of every pair."""
    # an analysis looks at parts of a series too, in which there may be no candle
    whole = {f"{one.pair}, {one.candle}, {one.timeframe}" for one in findings.series}
    found = {match["what"] for match in _UNDECLARED.finditer(log)}
    undeclared = sorted(found - whole if job.command else found)
    if undeclared:
        raise CandlesError(
            f"{job.strategy}: it read candles that it does not declare ({'; '.join(undeclared)}); "
            f"return them from informative_pairs(), or name them in the setting "
            f"backtest.informative"
        )
    left_out = sorted({found["pair"] for found in _LEFT_OUT.finditer(log)})
    if left_out:
        raise CandlesError(
            f"{job.strategy}: freqtrade left out {', '.join(left_out)}, which the snapshot has "
            f"as not traded; fetch a new one with: {job.session} -- --refresh"
        )


def check_requests(job: BacktestJob, findings: RunFindings, markets: Markets) -> None:
    """Check that freqtrade accepted configuration and strategy, and requested nothing else.

    Raises:
        NotHermeticError: It tried to reach another machine, or requested more than the markets.
        BacktestError: It refused the configuration or the strategy.
    """
    outside = [*findings.blocked, *dict.fromkeys(markets.refused)]
    if outside:
        raise NotHermeticError(
            f"{job.strategy}: it wanted {', '.join(outside[:_SHOWN])}; a backtest reads its "
            f"candles and the snapshot of the markets, nothing else; see {job.log}"
        )
    if findings.error:
        raise BacktestError(
            f"{job.strategy}: freqtrade refused: {last_words(_log(job), findings.error)}; see "
            f"{job.log}"
        )


def check_candles(job: BacktestJob, findings: RunFindings, advice: str) -> None:
    """Raise CandlesError, with a line for each series, if candles are missing."""
    missing = [one for one in findings.series if one.missing]
    if not missing:
        return
    share = f"{len(missing)} of {len(findings.series)} series"
    lines = [f"{job.strategy}: {share} have missing candles; {advice}"]
    for one in missing[:_SHOWN]:
        where = f"{one.pair} {one.timeframe} {one.candle}"
        lines.append(f"  {where}: {'; '.join(one.missing)} ({one.file})")
    if len(missing) > _SHOWN:
        lines.append(f"  and {len(missing) - _SHOWN} more")
    raise CandlesError(*lines)


def mask_log(job: BacktestJob) -> None:
    """Take the secrets of the strategy's configuration out of the log."""

    def read(path: str) -> bytes | None:
        file = job.home / path
        return file.read_bytes() if file.is_file() else None

    try:
        documents = config_files(job.settings.config, read).values()
    except BacktestError:
        return  # freqtrade could not read it either, and says why
    text = _log(job)
    plain = masked(text, (one for document in documents for one in secrets_of_config(document)))
    if plain != text:
        write_whole(job.log, plain.encode())


def has_failed(facts: RunFindings, log: str) -> bool:
    """Return whether a command of freqtrade failed: it ends with 0 on many faults."""
    found = (_LOG_LINE.match(line) for line in log.splitlines())
    return (
        facts.status != 0
        or any(one and one["level"] in {"ERROR", "CRITICAL"} for one in found)
        or _USAGE.search(log) is not None
    )


def last_words(log: str, error: str = "") -> str:
    """Return why freqtrade failed, on one line: its last errors, else its last line."""
    said = []
    for line in log.splitlines():
        found = _LOG_LINE.match(line)
        if found is None:
            continue
        # freqtrade only warns about a strategy with an error in its code
        if found["level"] in {"ERROR", "CRITICAL"} or "Could not import" in found["what"]:
            said.append(found["what"])
    if error:
        said.append(" ".join(error.split()))
    lines = [line.strip() for line in log.splitlines() if line.strip() and "━" not in line]
    words: Sequence[str] = list(dict.fromkeys(said))[-2:] or lines[-1:] or ["it printed nothing"]
    return ": ".join(words).rstrip(".")


def _log(job: BacktestJob) -> str:
    return job.log.read_text(encoding="utf-8", errors="replace") if job.log.is_file() else ""
