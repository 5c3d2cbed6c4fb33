"""Judge whether a strategy sees the future, and whether two runs of it agree.

The figures come from freqtrade's `lookahead-analysis`, which runs the strategy again on candles
that end at an entry or exit, and from its `recursive-analysis`, which computes the indicators with
fewer candles before them (https://www.freqtrade.io/en/stable/lookahead-analysis/ and
recursive-analysis/).
"""

from __future__ import annotations

import json
import zipfile
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from tradai_tasks.backtest.figures.result import find_result
from tradai_tasks.backtest.run import BacktestJob
from tradai_tasks.backtest.run_findings import Analysis, RunFindings
from tradai_tasks.errors import BacktestError, BiasError, NotDeterministicError
from tradai_tasks.text import listed


def check_bias(job: BacktestJob, facts: RunFindings, analysis: str) -> str:
    """Return what an analysis found, in words, if that is no bias.

    Raises:
        BiasError: The strategy sees the future, or its indicators depend on the first candle.
        BacktestError: freqtrade came to no result.
    """
    found = [one for one in facts.analyses if one.analysis == analysis]
    where = f"{job.strategy}: {analysis}-analysis"
    if len(found) != 1 or found[0].columns is None or facts.status != 0:
        raise BacktestError(f"{where}: freqtrade came to no result that can be read; see {job.log}")
    return (
        _lookahead(where, found[0]) if analysis == "lookahead" else _recursive(job, where, found[0])
    )


def _lookahead(where: str, found: Analysis) -> str:
    if found.entries or found.exits or found.columns:
        changed = [f"{found.entries} entries and {found.exits} exits of {found.trades} trades"]
        changed = changed if found.entries or found.exits else []
        changed += [listed(found.columns)] if found.columns else []
        raise BiasError(
            f"{where}: it uses candles that a live bot does not have yet: without them "
            f"{', and '.join(changed)} differ"
        )
    if found.trades < found.least:
        raise BacktestError(
            f"{where}: {found.trades} trades are too few, it needs {found.least}; cover more "
            f"months (backtest.full-months) or pairs"
        )
    return f"no look-ahead in the signals of {found.trades} trades"


def _recursive(job: BacktestJob, where: str, found: Analysis) -> str:
    if found.columns:
        raise BiasError(
            f"{where}: it uses candles that a live bot does not have yet: without them "
            f"{listed(found.columns)} differ"
        )
    most = job.settings.max_recursive / 100
    bad = {n: v for n, v in found.variance.items() if v is None or v > most}
    if bad:
        shown = [f"{n} {'is no number' if v is None else f'{v:.3%}'}" for n, v in bad.items()]
        raise BiasError(
            f"{where}: with the {found.startup} start-up candles that it declares, indicators are "
            f"not what they are with all candles: {listed(shown)} off, and "
            f"{job.settings.max_recursive:g} % is allowed (backtest.max-recursive); raise "
            f"startup_candle_count"
        )
    worst = max((v for v in found.variance.values() if v is not None), default=0.0)
    return f"indicators settle within {found.startup} start-up candles, to {worst:.3%}"


def check_alike(job: BacktestJob) -> None:
    """Raise NotDeterministicError if the trades of the run and its twin differ.

    Raises:
        BacktestResultError: One of them has no result.
    """
    one, other = (_trades(find_result(folder)) for folder in (job.results, job.twin))
    difference = first_difference(one, other)
    if difference:
        raise NotDeterministicError(
            f"{job.strategy}: not deterministic: two runs on the same candles gave different "
            f"trades ({difference}), so its figures mean nothing; fix its seeds, and use no clock, "
            f"no random choice and no order of a set"
        )


def first_difference(one: Sequence[Mapping[str, Any]], other: Sequence[Mapping[str, Any]]) -> str:
    """Return the first difference of two lists of trades, in words; empty if there is none."""
    for number, (mine, theirs) in enumerate(zip(one, other, strict=False), start=1):
        for name in mine:
            if mine[name] != theirs.get(name):
                return f"trade {number}: {name} {mine[name]} and {theirs.get(name)}"
    return "" if len(one) == len(other) else f"{len(one)} and {len(other)} trades"


def _trades(archive: Path) -> list[dict[str, Any]]:
    with zipfile.ZipFile(archive) as opened:
        document = json.loads(opened.read(f"{archive.stem}.json"))
    (strategy,) = document["strategy"].values()
    return list(strategy["trades"])
