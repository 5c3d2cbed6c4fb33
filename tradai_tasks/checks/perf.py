"""Compare two reports of pytest-benchmark."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True, kw_only=True, slots=True)
class Comparison:
    """One benchmark against its baseline; times are medians in seconds."""

    name: str
    baseline: float | None  # None if the baseline has no benchmark of that name
    now: float | None  # None if the benchmark is gone

    @property
    def slowdown(self) -> float | None:
        """Slow-down in percent, negative if it is faster; None if not compared."""
        if self.baseline is None or self.now is None or self.baseline <= 0:
            return None
        return (self.now / self.baseline - 1) * 100


def compare(baseline: Mapping[str, Any] | None, now: Mapping[str, Any]) -> tuple[Comparison, ...]:
    """Pair the benchmarks of two pytest-benchmark reports by name, sorted."""
    before = _medians(baseline) if baseline is not None else {}
    after = _medians(now)
    return tuple(
        Comparison(name=name, baseline=before.get(name), now=after.get(name))
        for name in sorted(before.keys() | after.keys())
    )


def _medians(report: Mapping[str, Any]) -> dict[str, float]:
    return {entry["fullname"]: float(entry["stats"]["median"]) for entry in report["benchmarks"]}
