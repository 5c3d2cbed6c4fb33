"""Find the record of the previous release of a strategy, to compare a backtest with."""

from __future__ import annotations

from pathlib import Path

from tradai_tasks.backtest.record import RECORD_FILE, BacktestRecord, read_record
from tradai_tasks.errors import BacktestRecordError
from tradai_tasks.workspace.tags import is_semver, parse_semver

_STAGE = "backtest-full"


def record_at(place: Path) -> BacktestRecord:
    """Read a record by its file, or by the folder that it is in.

    Raises:
        BacktestRecordError: It is missing or invalid.
    """
    if place.is_dir():
        return read_record(place)
    if not place.is_file():
        raise BacktestRecordError(f"{place}: no such file; name a {RECORD_FILE} of a backtest")
    return BacktestRecord.from_json(place.read_bytes(), file=str(place))


def previous_record(releases: Path, slug: str, commit: str) -> tuple[BacktestRecord | None, str]:
    """Return the record of the newest release at another commit, and why it cannot be used.

    `releases` has a folder of evidence for each tag; `commit` is the one that is tested now.
    """
    prefix = f"{slug}-v"
    found = [
        (parse_semver(folder.name.removeprefix(prefix)), folder / _STAGE)
        for folder in sorted(releases.glob(f"{prefix}*"))
        if is_semver(folder.name.removeprefix(prefix)) and (folder / _STAGE / RECORD_FILE).is_file()
    ]
    for _, folder in sorted(found, reverse=True):
        try:
            record = record_at(folder / RECORD_FILE)
        except BacktestRecordError as error:
            return None, f"not compared with the previous release: {error}"
        if record.commit != commit:
            return record, ""
    return None, ""
