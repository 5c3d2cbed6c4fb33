"""The perf session's decisions: which tests are benchmarks, and how two runs compare."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from tradai_tasks.tree import Tree, join

__all__ = ["Comparison", "compare", "has_benchmarks"]

_FIXTURE = re.compile(rb"def\s+test\w*\s*\([^)]*\bbenchmark\b", re.DOTALL)


@dataclass(frozen=True, kw_only=True, slots=True)
class Comparison:
    """One benchmark against its baseline; times are medians in seconds."""

    name: str
    baseline: float | None  # None where the baseline has no benchmark of that name
    now: float | None  # None where the benchmark is gone

    @property
    def slowdown(self) -> float | None:
        """Slow-down in percent, negative where it is faster; None where not compared."""
        if self.baseline is None or self.now is None or self.baseline <= 0:
            return None
        return (self.now / self.baseline - 1) * 100


def has_benchmarks(tree: Tree, tests: Iterable[str]) -> bool:
    """Tell whether any test file has a test that takes the `benchmark` fixture."""
    return any(_FIXTURE.search(tree.read(file)) for path in tests for file in _files(tree, path))


def _files(tree: Tree, path: str) -> Iterable[str]:
    if path.endswith(".py"):
        yield path
        return
    for name in tree.files(path):
        if name.endswith(".py"):
            yield join(path, name)
    for name in tree.folders(path):
        yield from _files(tree, join(path, name))


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
