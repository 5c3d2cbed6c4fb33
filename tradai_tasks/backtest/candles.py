"""Fetch candles and market snapshots into the folder that backtests read."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterable
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from tradai_tasks.backtest.isolated.series import without_market
from tradai_tasks.backtest.markets import Api, ccxt_configs
from tradai_tasks.backtest.run import BacktestJob
from tradai_tasks.backtest.run_findings import RunFindings
from tradai_tasks.errors import CandlesError, SettingsError
from tradai_tasks.files.atomic_write import write_whole
from tradai_tasks.http_client.client import HttpClient
from tradai_tasks.http_client.limits import MEGABYTE, AnswerError, Limits
from tradai_tasks.http_client.retry import TransientError, raise_transient, retried

_TRIES = 3
_SNAPSHOT = Limits(idle=60.0, whole=180.0, most=64 * MEGABYTE)  # the largest have some ten MB
_S3 = re.compile(r"^s3://(?P<bucket>[a-z0-9][a-z0-9.-]{1,61}[a-z0-9])(?:/(?P<prefix>.*))?\Z")


@dataclass(frozen=True, kw_only=True, slots=True)
class Source:
    """A source of candles: the exchange, a folder or a bucket."""

    kind: Literal["download", "folder", "s3"]
    folder: Path | None = None
    bucket: str = ""
    prefix: str = ""  # without a final slash

    def __str__(self) -> str:
        """Return its name in messages."""
        if self.kind == "s3":
            return f"s3://{self.bucket}/{self.prefix}".rstrip("/")
        return "the exchange" if self.folder is None else str(self.folder)

    def key(self, name: str) -> str:
        """Return the key of a file in the bucket."""
        return f"{self.prefix}/{name}" if self.prefix else name


def parse_source(text: str, root: Path) -> Source:
    """Parse the setting `source`: `download`, a folder from the root, or `s3://bucket/prefix`.

    Raises:
        SettingsError: It is none of these.
    """
    if text == "download":
        return Source(kind="download")
    if "://" in text:
        found = _S3.match(text)
        if found is None:
            raise SettingsError(
                f"backtest.source: {text!r}: write `download`, a folder, or `s3://bucket/prefix`"
            )
        prefix = (found["prefix"] or "").strip("/")
        return Source(kind="s3", bucket=found["bucket"], prefix=prefix)
    folder = root / Path(text).expanduser()
    if not folder.is_dir():
        raise SettingsError(f"backtest.source: {folder}: no such folder")
    return Source(kind="folder", folder=folder)


@dataclass(frozen=True, kw_only=True, slots=True)
class Brought:
    """The result of copying files from a source."""

    changed: tuple[str, ...]
    same: tuple[str, ...]
    absent: tuple[str, ...]  # files that the source does not have


def bring(names: Iterable[str], get: Callable[[str], bytes | None], target: Path) -> Brought:
    """Copy files whose content differs, by POSIX paths that source and target share."""
    changed, same, absent = [], [], []
    for name in names:
        content = get(name)
        file = target / name
        if content is None:
            absent.append(name)
        elif file.is_file() and file.read_bytes() == content:
            same.append(name)
        else:
            replace(file, content)
            changed.append(name)
    return Brought(changed=tuple(changed), same=tuple(same), absent=tuple(absent))


def replace(file: Path, content: bytes) -> None:
    """Write a file atomically."""
    file.parent.mkdir(parents=True, exist_ok=True)
    write_whole(file, content)


def candles_fault(store: Path, slug: str) -> str:
    """Return that a folder has no candles at all, and how to fetch them; empty if it has some."""
    if next(store.rglob("*.feather"), None) is not None:
        return ""
    return f'no candles in {store}; fetch them with: nox -s "backtest-data({slug})"'


def check_snapshot(content: bytes, where: str, pairs: Iterable[str]) -> None:
    """Raise CandlesError unless a snapshot has the markets of all pairs."""
    try:
        document = json.loads(content)
        missing = without_market(document, pairs)
        empty = not document["symbols"]
    except (ValueError, KeyError, TypeError):
        raise CandlesError(
            f"{where}: no description of an exchange's markets; it has no list of `symbols`"
        ) from None
    if empty or missing:
        raise CandlesError(f"{where}: it does not have {', '.join(missing) or 'any market'}")


def fetch_snapshot(api: Api, address: str | None) -> bytes:
    """Ask an exchange, or `address`, for its markets; raise CandlesError if it has none."""
    url = f"{address or api.host}{api.path}"
    try:
        return retried(lambda: _fetched(url), tries=_TRIES)
    except (AnswerError, TransientError) as error:
        raise CandlesError(
            f"{url}: {error}; the exchange may refuse this machine's address: bring candles from "
            f"a folder or a bucket by the setting backtest.source"
        ) from None


def _fetched(url: str) -> bytes:
    with closing(HttpClient(url, limits=_SNAPSHOT)) as client:
        answer = client.request("GET", url)
    status = f"status {answer.status_code} {answer.reason_phrase}".rstrip()
    raise_transient(answer, status)
    if not answer.is_success:
        raise AnswerError(status)
    return bytes(answer.content)


def download_overlay(job: BacktestJob, findings: RunFindings) -> dict[str, Any]:
    """Return the configuration that overrides the strategy's for a download."""
    overlay = job.overlay()
    if job.settings.api_url is not None:
        configs = ccxt_configs(job.settings.api_url)[f"{findings.exchange} {findings.mode}"]
        overlay["exchange"]["ccxt_config"] = configs
        overlay["exchange"]["ccxt_async_config"] = configs
        overlay["exchange"]["only_from_ccxt"] = True  # and not from the exchange's archive
    return overlay


def download_argv(
    job: BacktestJob,
    findings: RunFindings,
    overlay: Path,
    *,
    prepend: bool = False,
    erase: bool = False,
) -> list[str]:
    """Return the freqtrade command that downloads all candles that a strategy reads.

    `overlay` is the file of `download_overlay`. `prepend` adds candles before the existing ones;
    `erase` deletes those.
    """
    first = min(one.start for one in findings.series)
    plain = [one for one in findings.series if one.candle in {"futures", "spot"}]
    argv = ["freqtrade", "download-data", "--config", job.settings.config]
    argv += ["--config", str(overlay), "--userdir", str(job.folder / "work" / "user_data")]
    argv += ["--datadir", str(job.store / findings.exchange), "--data-format-ohlcv", "feather"]
    argv += ["--trading-mode", findings.mode, "--no-color"]
    argv += ["--pairs", *dict.fromkeys(one.pair for one in plain)]
    argv += ["--timeframes", *dict.fromkeys(one.timeframe for one in plain)]
    argv += ["--timerange", f"{first // 86_400 * 86_400}-"]
    argv += ["--prepend"] if prepend else []
    return [*argv, "--erase"] if erase else argv
