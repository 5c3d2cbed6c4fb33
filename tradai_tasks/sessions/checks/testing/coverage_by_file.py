"""Divide the coverage of a test session by test file, and add that of replayed test files."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

import msgspec
import nox

from tradai_tasks.checks.testing.pytest_rules import Reports, coverage_config
from tradai_tasks.errors import ReplayCoverageError
from tradai_tasks.files.atomic_write import write_whole
from tradai_tasks.repository import Repository
from tradai_tasks.results import pytest_plugin
from tradai_tasks.results.kept_result import KeptResult
from tradai_tasks.results.replay import Divided, union
from tradai_tasks.sessions.core.environments.environment import status_of
from tradai_tasks.workspace.discovery import Package

_SCRIPT = Path(pytest_plugin.__file__).with_name("tradai_tasks_coverage.py")


class CoverageByFile(msgspec.Struct, frozen=True, kw_only=True):
    """What is done with the coverage of one run, by pytest's own process or after it."""

    session: nox.Session
    repository: Repository
    package: Package
    reports: Reports

    def order(self, replayed: Iterable[KeptResult] | None) -> None:
        """Write what is to be done.

        Args:
            replayed: The results of replayed test files; None if pytest-cov writes the reports.
        """
        root, reports = self.repository.root, self.reports
        config = coverage_config(self.repository.tree, self.package)
        orders = {
            "data": str(reports.coverage_data),
            "config": str(root / config) if config else None,
            "root": str(root),
            "home": str(root / self.package.path),
            "replayed": None if replayed is None else union(replayed),
            "reports": {"xml": str(reports.coverage_xml), "json": str(reports.coverage_json)},
            "answer": str(reports.divided),
        }
        write_whole(reports.coverage_orders, msgspec.json.encode(orders))

    def read(self, replayed: Iterable[KeptResult] | None) -> dict[str, Divided] | None:
        """Return what is covered by file from the root; None if that is not known.

        Raises:
            ReplayCoverageError: The coverage of what was replayed could not be added.
        """
        if not self.reports.divided.is_file():  # pytest's own process has not done it
            self.order(replayed)
            argv: list[str | Path] = ["python", _SCRIPT, self.reports.coverage_orders]
            if status_of(self.session, argv, log=False) != 0 and replayed is not None:
                name = self.session.name
                raise ReplayCoverageError(
                    f"{name}: the coverage of replayed test files could not be added; see above, "
                    f'and run everything: nox -s "{name}" -- --fresh'
                )
        self.reports.coverage_orders.unlink(missing_ok=True)
        try:
            divided = self.reports.divided.read_bytes()
            self.reports.divided.unlink()
            return msgspec.json.decode(divided, type=dict[str, Divided])
        except (OSError, msgspec.MsgspecError):
            return None
