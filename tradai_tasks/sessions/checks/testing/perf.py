"""`perf(pkg)`: run pytest-benchmark and compare with a baseline from the same machine."""

from __future__ import annotations

import json
import os
import shutil
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import nox

from tradai_tasks.affected.revisions.commit_range import baseline_commit
from tradai_tasks.checks.perf import Comparison, compare
from tradai_tasks.checks.testing.suite_detection import has_benchmarks
from tradai_tasks.errors import CheckFailedError, ToolNotLockedError
from tradai_tasks.files.file_tree import DiskTree, join
from tradai_tasks.files.report_folder import make_report_folder
from tradai_tasks.report import append_summary, print_table
from tradai_tasks.repository import Repository
from tradai_tasks.sessions.checks.testing.test import sync_for_tests
from tradai_tasks.sessions.core.context import Context, in_ci
from tradai_tasks.sessions.core.environments.confined import withhold
from tradai_tasks.sessions.core.environments.environment import status_of
from tradai_tasks.vcs.git_environment import run_git
from tradai_tasks.workspace.discovery import Package

_COLUMNS = ("benchmark", "baseline", "now", "change", "verdict")


def perf(session: nox.Session, context: Context, package: Package) -> None:
    """Measure one package, and compare it with the baseline if there is one."""
    repository = context.repository
    name = repository.workspace.session_id(package)
    baseline, posargs = _baseline_option(session.posargs)
    withhold(session, repository)
    if "pytest-benchmark" not in sync_for_tests(session, repository, package):
        raise ToolNotLockedError(
            f"{join(package.path, 'pyproject.toml')}: pytest-benchmark is not locked for "
            f"{package.name}, yet its tests use it; add it beside pytest, then: nox -s lock"
        )
    bench = _Bench(
        session=session,
        repository=repository,
        package=package,
        folder=make_report_folder(repository.root, "perf", name),
        posargs=posargs,
    )
    now = bench.measure(repository.root, "benchmark.json")
    commit, why = None, "not compared outside CI; give a baseline with: -- --baseline REV"
    if baseline or in_ci():
        commit, why = baseline_commit(repository.root, baseline, os.environ)
    before = None
    if commit is not None:
        before, why = bench.measure_at(commit)
    _report(name, compare(before, now), repository.settings.perf.max_slowdown, why)


def _baseline_option(posargs: list[str]) -> tuple[str | None, list[str]]:
    """Split `--baseline REV` from the arguments for pytest."""
    rest = list(posargs)
    for position, word in enumerate(rest):
        if word.startswith("--baseline="):
            del rest[position]
            return word.partition("=")[2], rest
        if word == "--baseline" and position + 1 < len(rest):
            revision = rest[position + 1]
            del rest[position : position + 2]
            return revision, rest
    return None, rest


@dataclass(frozen=True, kw_only=True)
class _Bench:
    """The benchmarks of one package, measured in one session."""

    session: nox.Session
    repository: Repository
    package: Package
    folder: Path  # folder of the reports
    posargs: list[str]

    def measure(self, root: Path, output: str) -> Mapping[str, Any]:
        """Run the benchmarks of a checkout and return pytest-benchmark's report."""
        report = self.folder / output
        report.unlink(missing_ok=True)
        home = root / self.package.path
        tests = self.repository.shares[self.package].tests
        present = [
            str(Path(p).relative_to(self.package.path)) for p in tests if (root / p).exists()
        ]
        argv = ["python", "-m", "pytest", "--benchmark-only", f"--benchmark-json={report}"]
        argv += [*self.repository.settings.perf.args, *self.posargs, *present]
        with self.session.chdir(home):
            status = status_of(self.session, argv)
        if status != 0 or not report.is_file() or not report.stat().st_size:
            raise CheckFailedError(
                f"{self.package.name}: the benchmarks of {root} ended with exit status {status}; "
                f"their output is above"
            )
        document: Mapping[str, Any] = json.loads(report.read_text(encoding="utf-8"))
        return document

    def measure_at(self, commit: str) -> tuple[Mapping[str, Any] | None, str]:
        """Measure the package at a commit; return None and the reason if that is not possible."""
        package, repository = self.package, self.repository
        with _checkout(repository.root, commit) as root:
            tree = DiskTree(root)
            old_tests = [
                path for path in repository.shares[package].tests if (root / path).exists()
            ]
            if not tree.is_file(join(package.path, "pyproject.toml")) or not old_tests:
                return None, f"not compared: {package.name} is not in {commit[:12]}"
            if not has_benchmarks(tree, old_tests):
                return None, f"not compared: no benchmarks of {package.name} in {commit[:12]}"
            lock = join(package.project, "uv.lock")
            if not tree.is_file(lock):  # not committed in this repository: use today's
                shutil.copy2(repository.root / lock, root / lock)
            with self.session.chdir(root):
                # everything as of that commit, with the packages it depends on
                sync_for_tests(self.session, repository, package)
            report = self.measure(root, "baseline.json")
        return report, f"against {commit[:12]}, measured in this run"


@contextmanager
def _checkout(root: Path, commit: str) -> Iterator[Path]:
    """Yield the folder that corresponds to `root` in a temporary checkout of a commit."""
    prefix = run_git(root, "rev-parse", "--show-prefix").text.strip()
    with tempfile.TemporaryDirectory(prefix="tradai-baseline-") as scratch:
        place = Path(scratch).resolve() / "tree"
        run_git(root, "worktree", "add", "--detach", "--force", str(place), commit)
        try:
            yield place / prefix if prefix else place
        finally:
            run_git(root, "worktree", "remove", "--force", str(place))


def _report(name: str, comparisons: tuple[Comparison, ...], max_slowdown: float, why: str) -> None:
    rows = [_row(comparison, max_slowdown) for comparison in comparisons]
    print_table(f"{name}: {why}", _COLUMNS, rows)
    append_summary(_COLUMNS, rows)
    slow = [c for c in comparisons if c.slowdown is not None and c.slowdown > max_slowdown]
    if slow:
        worst = max(slow, key=lambda c: c.slowdown or 0)
        raise CheckFailedError(
            f"{name}: {len(slow)} benchmark{'s' * (len(slow) > 1)} slower than the merge base by "
            f"more than {max_slowdown:g} %; worst: {worst.name} by {worst.slowdown:.0f} %; look "
            f'closer with: nox -s "perf({name})" -- -k NAME'
        )


def _row(comparison: Comparison, max_slowdown: float) -> tuple[str, ...]:
    slowdown = comparison.slowdown
    if comparison.now is None:
        verdict = "gone"
    elif slowdown is None:
        verdict = "not compared"
    else:
        verdict = "too slow" if slowdown > max_slowdown else "ok"
    change = "-" if slowdown is None else f"{slowdown:+.1f} %"
    return (comparison.name, _time(comparison.baseline), _time(comparison.now), change, verdict)


def _time(seconds: float | None) -> str:
    if seconds is None:
        return "-"
    return f"{seconds * 1e3:.3f} ms" if seconds >= 1e-3 else f"{seconds * 1e6:.2f} us"  # noqa: PLR2004 - a millisecond
