"""Record of a backtest as one JSON file: the evidence that a release relies on."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any, Literal

import msgspec

from tradai_tasks.errors import BacktestRecordError
from tradai_tasks.files.path_guard import is_relative_below

RecordKind = Literal["smoke", "full"]
SharpeKind = Literal["closed-trades", "daily-balance"]

RECORD_FILE = "record.json"
_SCHEMA = 2  # of the file; raised when a key changes its meaning


@dataclass(frozen=True, kw_only=True, slots=True)
class GateVerdict:
    """One metric compared with its threshold."""

    metric: str  # "sharpe", "profit-factor", "max-drawdown", "trades"
    value: float | None  # finite; None if there is no such number, and `note` says why
    relation: Literal[">=", "<="]
    threshold: float
    passed: bool
    note: str = ""


@dataclass(frozen=True, kw_only=True, slots=True)
class BacktestRecord:
    """One backtest: its code and data, its figures, and the verdicts of the gates."""

    strategy: str  # the slug: the folder's name below strategies/
    kind: RecordKind
    commit: str  # commit of the work tree, 40 hexadecimal digits (64 in a SHA-256 repository)
    dirty: bool = False  # whether the strategy's folder differs from that commit
    lock_sha256: str  # digest of the data in the strategy's uv.lock
    data_sha256: str  # digest of all candles, mark and funding rates in the window
    markets_sha256: str = ""  # digest of the snapshot of the exchange's markets
    freqtrade: str  # freqtrade's version
    start: str  # first day, "2025-01-01", from UTC midnight
    end: str  # the window ends at UTC midnight of this day, which is not in it
    pairs: tuple[str, ...]
    timeframe: str
    sharpe: SharpeKind  # the kind of Sharpe ratio in the metric `sharpe`
    metrics: Mapping[str, float]  # finite numbers only; fractions, not percent
    verdicts: tuple[GateVerdict, ...]  # empty for a smoke backtest, which has no gates
    passed: bool
    conditions: Mapping[str, str] = field(default_factory=dict)  # fee, stake, parameters ...
    note: str = ""  # remarks for the reader: "no trade was made"
    strategy_class: str = ""  # class that freqtrade ran
    sources: Mapping[str, str] = field(
        default_factory=dict
    )  # other repositories' package -> commit
    packages: Mapping[str, str] = field(default_factory=dict)  # installed distribution -> version
    files: tuple[str, ...] = field(default=())  # files next to this record, by relative POSIX name

    @property
    def timerange(self) -> str:
        """The window in freqtrade's form: "20250101-20260101"."""
        return f"{self.start.replace('-', '')}-{self.end.replace('-', '')}"

    def as_json(self) -> str:
        """Return the record as JSON text; equal records give equal text."""
        raw = {"schema": _SCHEMA, **asdict(self)}
        return msgspec.json.format(msgspec.json.encode(raw, order="sorted"), indent=2).decode()

    @classmethod
    def from_json(cls, text: str | bytes, *, file: str = RECORD_FILE) -> BacktestRecord:
        """Read a record back.

        Raises:
            BacktestRecordError: It is not a record of a backtest, or contradicts itself.
        """
        again = "run the backtest again"
        try:
            raw: dict[str, Any] = msgspec.json.decode(text, type=dict)
            schema = raw.pop("schema", None)
            if schema != _SCHEMA:
                raise BacktestRecordError(
                    f"{file}: a backtest's record of schema {schema!r}, and this version of "
                    f"tradai-tasks reads schema {_SCHEMA}; {again}"
                )
            record = msgspec.convert(raw, cls)
        except msgspec.DecodeError as error:  # a ValidationError is one too
            raise BacktestRecordError(
                f"{file}: not the record of a backtest: {error}; {again}"
            ) from None
        fault = _fault_of(record)
        if fault:
            raise BacktestRecordError(f"{file}: {fault}; {again}")
        return record


def _fault_of(record: BacktestRecord) -> str:
    """Return how the record contradicts itself; empty if it does not."""
    wrong = [verdict.metric for verdict in record.verdicts if not _holds(verdict)]
    if wrong:
        return f"the verdict on {wrong[0]} does not follow from its value"
    if record.kind == "full" and record.passed and not record.verdicts:
        return "a full backtest passed with no gate"
    if record.passed and not all(verdict.passed for verdict in record.verdicts):
        return "it passed although a gate did not"
    outside = [name for name in record.files if not is_relative_below(name)]
    if outside:
        return f"its file {outside[0]!r} is not beside it"
    return ""


def _holds(verdict: GateVerdict) -> bool:
    """Return whether a verdict follows from its figures; one without a value must say why."""
    if verdict.value is None:
        return bool(verdict.note)
    reached = (
        verdict.value >= verdict.threshold
        if verdict.relation == ">="
        else verdict.value <= verdict.threshold
    )
    return math.isfinite(verdict.value) and (reached or not verdict.passed)


def read_record(folder: Path) -> BacktestRecord:
    """Read the record in a backtest's report folder, and check that its files are there.

    Raises:
        BacktestRecordError: It is missing or invalid, or a file that it names is missing.
    """
    file = folder / RECORD_FILE
    if not file.is_file():
        raise BacktestRecordError(f"{file}: no such file; run the backtest first")
    record = BacktestRecord.from_json(file.read_bytes(), file=str(file))
    for name in record.files:
        if not (folder / name).is_file():
            raise BacktestRecordError(
                f"{folder / name}: no such file, though {RECORD_FILE} names it; run the backtest "
                f"again"
            )
    return record
