"""Catalog of every session: its name, its description and where its function is.

Bodies are loaded when a session runs, so that `nox -l` stays close to plain nox.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Literal

import msgspec

from tradai_tasks.repository import Repository
from tradai_tasks.sessions.core.registry import fitting
from tradai_tasks.sessions.core.registry.fitting import Fit
from tradai_tasks.settings.model import Settings

# packages: of its own, with packages installed, so that their requires-python counts. tools: of
# its own, with tools alone. prepared: none that nox makes, but `--install-only` has something to
# do: its body must call `end_of_install`. none: nothing is ever installed.
Environment = Literal["packages", "tools", "prepared", "none"]

AGGREGATES = ("check", "ci", "ratchet")  # sessions that only run others: see `aggregate`


class CatalogEntry(msgspec.Struct, frozen=True, kw_only=True):
    """One session, or one for each package."""

    name: str
    body: str  # "module:function" below tradai_tasks.sessions
    doc: str
    fits: Callable[[Repository], Fit] = fitting.everywhere  # which packages have one, or why none
    environment: Environment | Callable[[Settings], Environment] = "none"
    every_python: bool = False  # one session for each Python of the settings
    parallel: bool = True  # may run in parallel with others under -j

    def environment_for(self, settings: Settings) -> Environment:
        """Return the environment that it has under given settings."""
        return self.environment if isinstance(self.environment, str) else self.environment(settings)


def fitting_names(repository: Repository) -> frozenset[str]:
    """Return the names of the catalog's sessions for such a repository, without packages."""
    return frozenset(entry.name for entry in CATALOG if entry.fits(repository).is_of_kind)


def _of_lint(settings: Settings) -> Environment:
    return "packages" if settings.lint.commands else "tools"


CATALOG = (
    CatalogEntry(
        name="fmt",
        body="checks.lint:fmt",
        doc="Format the code and apply automatic fixes: ruff.",
        fits=fitting.each_strategy,
        environment="tools",
    ),
    CatalogEntry(
        name="lint",
        body="checks.lint:lint",
        doc="Lint and check the format: ruff.",
        fits=fitting.each_strategy,
        environment=_of_lint,
    ),
    CatalogEntry(
        name="typecheck",
        body="checks.typecheck:typecheck",
        doc="Type-check, and check that classes satisfy their Protocols.",
        fits=fitting.each_strategy,
        environment="packages",
    ),
    CatalogEntry(
        name="test",
        body="checks.testing.test:test",
        doc="Test one package against its coverage floor: pytest.",
        fits=fitting.tested,
        every_python=True,
        environment="packages",
    ),
    CatalogEntry(
        name="security",
        body="checks.security:security",
        doc="Scan the sources and the locked packages for vulnerabilities: bandit, pip-audit.",
        environment="packages",
    ),
    CatalogEntry(
        name="inventory",
        body="checks.inventory:inventory",
        doc="Show what each Python file is and which sessions look at it; fail if none does.",
    ),
    CatalogEntry(
        name="results",
        body="checks.results:results",
        doc="Show which results of test files are kept, and why others were run.",
    ),
    CatalogEntry(
        name="lock",
        body="checks.lock:lock",
        doc="Update every lock file; with `-- --check`, fail if one is stale: uv.",
        parallel=False,
    ),
    CatalogEntry(
        name="bump",
        body="release.bump:bump",
        doc="Raise a package's version, commit it and, with `--tag`, tag it for release.",
        parallel=False,
    ),
    CatalogEntry(
        name="doctor",
        body="ci.doctor:doctor",
        doc="Check ahead of time for what would fail, and say how to fix it.",
    ),
    CatalogEntry(
        name="infra",
        body="ci.infra:infra",
        doc="Preview the Pulumi stacks, or update one, and count what changes.",
        fits=fitting.stacks,
        environment="prepared",
        parallel=False,
    ),
    CatalogEntry(
        name="docs",
        body="checks.docs:docs",
        doc="Build the documentation with warnings as errors; deploy it with `-- --deploy`.",
        fits=fitting.site,
        environment="packages",
    ),
    CatalogEntry(
        name="docs-freshness",
        body="checks.docs_freshness:docs_freshness",
        doc="Find what pages name that no longer exists: files, sessions, settings, links.",
        fits=fitting.pages,
    ),
    CatalogEntry(
        name="devcontainer",
        body="checks.devcontainer:devcontainer",
        doc="Build the development container, test in it and push it: devcontainer CLI.",
        fits=fitting.with_devcontainer,
        parallel=False,
    ),
    CatalogEntry(
        name="changes",
        body="ci.changes:changes",
        doc="Report what a change affects and why, and write the CI matrix for it.",
    ),
    CatalogEntry(
        name="affected",
        body="ci.changes:affected",
        doc="Lint, type-check and run the tests that a change affects.",
        parallel=False,  # it runs sessions in parallel itself
    ),
    CatalogEntry(
        name="perf",
        body="checks.testing.perf:perf",
        doc="Benchmark one package, in CI against its merge base: pytest-benchmark.",
        fits=fitting.benchmarked,
        parallel=False,  # two benchmarks at once would measure each other
        environment="packages",
    ),
    CatalogEntry(
        name="contract",
        body="checks.testing.marked_tests:contract",
        doc="Run the contract tests with the services of the compose file.",
        fits=fitting.contract,
        parallel=False,
        environment="packages",
    ),
    CatalogEntry(
        name="integration",
        body="checks.testing.marked_tests:integration",
        doc="Run the integration tests.",
        fits=fitting.integration,
        parallel=False,
        environment="packages",
    ),
    CatalogEntry(
        name="tag",
        body="ci.tag:tag",
        doc="Report which release a CI event asks for, checked against the repository.",
    ),
    CatalogEntry(
        name="gate",
        body="ci.gate:gate",
        doc="Judge the results of all jobs of a workflow, for branch protection to require.",
    ),
    CatalogEntry(
        name="workflows",
        body="ci.workflows:write_workflows",
        doc="Write the workflow files that fit; with `-- --check`, fail if one has drifted.",
        parallel=False,
    ),
    CatalogEntry(
        name="backtest-data",
        body="release.backtest_data:data",
        doc="Fetch the candles of one strategy's backtests and the exchange's markets.",
        fits=fitting.backtested,
        environment="prepared",  # all of a strategy share an environment of their own
        parallel=False,  # strategies share the folder of candles
    ),
    CatalogEntry(
        name="backtest-smoke",
        body="release.backtest:smoke",
        doc="Run a short backtest of one strategy on one pair: freqtrade.",
        fits=fitting.backtested,
        environment="prepared",
    ),
    CatalogEntry(
        name="backtest-full",
        body="release.backtest:full",
        doc="Run the full backtest of one strategy and judge it by the gates: freqtrade.",
        fits=fitting.backtested,
        environment="prepared",
    ),
    CatalogEntry(
        name="lookahead",
        body="release.bias:lookahead",
        doc="Check that one strategy does not see the future: freqtrade lookahead-analysis.",
        fits=fitting.backtested,
        environment="prepared",
    ),
    CatalogEntry(
        name="recursive",
        body="release.bias:recursive",
        doc="Check that one strategy's indicators settle in time: freqtrade recursive-analysis.",
        fits=fitting.backtested,
        environment="prepared",
    ),
    CatalogEntry(
        name="freqtrade",
        body="release.bias:freqtrade",
        doc="Run any command of freqtrade with one strategy, hermetically.",
        fits=fitting.backtested,
        environment="prepared",
    ),
    CatalogEntry(
        name="images",
        body="release.images:images",
        doc="Build and push the images of a release that are missing from the registry.",
        fits=fitting.images,
        parallel=False,
    ),
    CatalogEntry(
        name="lambdas",
        body="release.deploy:lambdas",
        doc="Build the images of lambdas on their base, and update their functions.",
        fits=fitting.lambdas,
        parallel=False,
    ),
    CatalogEntry(
        name="deploy",
        body="release.deploy:deploy",
        doc="Deploy a release to an environment's ECS services, and verify every task's image.",
        fits=fitting.services,
        parallel=False,
    ),
    CatalogEntry(
        name="release",
        body="release.release:release",
        doc="Release what a tag names, doing only what is missing.",
        parallel=False,  # it runs sessions itself
    ),
    CatalogEntry(
        name="mlflow-register",
        body="release.release:mlflow_register",
        doc="Register a strategy's release in MLflow, from the evidence of earlier stages.",
        fits=fitting.strategies,
    ),
    CatalogEntry(
        name="build",
        body="release.publish:build",
        doc="Build the libraries that are published, reproducibly: uv build, twine check.",
        fits=fitting.platforms,
    ),
    CatalogEntry(
        name="publish",
        body="release.publish:publish",
        doc="Publish the libraries: upload what is missing from the index, and nothing else.",
        fits=fitting.platforms,
        parallel=False,
    ),
    CatalogEntry(
        name="codeartifact-login",
        body="release.codeartifact_login:login",
        doc="Get a token for AWS CodeArtifact and write it where pip, uv and twine read it.",
        parallel=False,
    ),
)
