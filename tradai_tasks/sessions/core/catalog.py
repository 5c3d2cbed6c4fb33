"""Catalog of every session: its name, its description and where its function is.

Bodies are loaded when a session runs, so that `nox -l` stays close to plain nox.
"""

from __future__ import annotations

from typing import Literal

import msgspec

__all__ = ["CATALOG", "CatalogEntry", "Need"]

# what a session needs the repository to have: see `fitting`
Need = Literal[
    "benchmarks", "contract", "devcontainer", "images", "integration", "lambdas", "pages",
    "platform", "services", "site", "stacks", "strategies",
]  # fmt: skip


class CatalogEntry(msgspec.Struct, frozen=True, kw_only=True):
    """One session, or one for each package."""

    name: str
    body: str  # "module:function" below tradai_tasks.sessions
    doc: str
    # which packages get one: None is a single session; `tested` those with code or tests,
    # `benchmarked` those with benchmarks; `strategies` all in a strategies repository and a single
    # session elsewhere, `backtested` the strategies with backtests
    each: Literal["none", "tested", "benchmarked", "strategies", "backtested"] = "none"
    needs: Need | None = None  # what the repository must have for it
    every_python: bool = False  # one session for each Python of the settings
    isolated: bool = True  # has an environment of its own
    installs: bool = True  # installs packages, so that their requires-python counts
    prepares: bool = False  # has something to install although it has no environment of its own
    parallel: bool = True  # may run in parallel with others under -j


CATALOG = (
    CatalogEntry(
        name="fmt",
        body="checks.lint:fmt",
        doc="Format the code and apply automatic fixes: ruff.",
        each="strategies",
        installs=False,
    ),
    CatalogEntry(
        name="lint",
        body="checks.lint:lint",
        doc="Lint and check the format: ruff.",
        each="strategies",
        installs=False,  # unless the settings name further commands
    ),
    CatalogEntry(
        name="typecheck",
        body="checks.typecheck:typecheck",
        doc="Type-check, and check that classes satisfy their Protocols: mypy.",
        each="strategies",
    ),
    CatalogEntry(
        name="test",
        body="checks.test:test",
        doc="Test one package against its coverage floor: pytest.",
        each="tested",
        every_python=True,
    ),
    CatalogEntry(
        name="security",
        body="checks.security:security",
        doc="Scan the sources and the locked packages for vulnerabilities: bandit, pip-audit.",
    ),
    CatalogEntry(
        name="inventory",
        body="checks.inventory:inventory",
        doc="Show what each Python file is and which sessions look at it; fail if none does.",
        isolated=False,
    ),
    CatalogEntry(
        name="lock",
        body="checks.lock:lock",
        doc="Update every lock file; with `-- --check`, fail if one is stale: uv.",
        isolated=False,
        parallel=False,
    ),
    CatalogEntry(
        name="bump",
        body="release.bump:bump",
        doc="Raise a package's version, commit it and, with `--tag`, tag it for release.",
        isolated=False,
        parallel=False,
    ),
    CatalogEntry(
        name="doctor",
        body="ci.doctor:doctor",
        doc="Check ahead of time for what would fail, and say how to fix it.",
        isolated=False,
    ),
    CatalogEntry(
        name="infra",
        body="ci.infra:infra",
        doc="Preview the Pulumi stacks, or update one, and count what changes.",
        needs="stacks",
        isolated=False,
        prepares=True,
        parallel=False,
    ),
    CatalogEntry(
        name="docs",
        body="checks.docs:docs",
        doc="Build the documentation with warnings as errors; deploy it with `-- --deploy`.",
        needs="site",
    ),
    CatalogEntry(
        name="docs-freshness",
        body="checks.docs_freshness:docs_freshness",
        doc="Find what pages name that no longer exists: files, sessions, settings, links.",
        needs="pages",
        isolated=False,
    ),
    CatalogEntry(
        name="devcontainer",
        body="checks.devcontainer:devcontainer",
        doc="Build the development container, test in it and push it: devcontainer CLI.",
        needs="devcontainer",
        isolated=False,
        parallel=False,
    ),
    CatalogEntry(
        name="changes",
        body="ci.changes:changes",
        doc="Report what a change affects and why, and write the CI matrix for it.",
        isolated=False,
    ),
    CatalogEntry(
        name="affected",
        body="ci.changes:affected",
        doc="Lint, type-check and run the tests that a change affects.",
        isolated=False,
        parallel=False,  # it runs sessions in parallel itself
    ),
    CatalogEntry(
        name="perf",
        body="checks.perf:perf",
        doc="Benchmark one package, in CI against its merge base: pytest-benchmark.",
        each="benchmarked",
        needs="benchmarks",
        parallel=False,  # two benchmarks at once would measure each other
    ),
    CatalogEntry(
        name="contract",
        body="checks.marked_tests:contract",
        doc="Run the contract tests with the services of the compose file.",
        needs="contract",
        parallel=False,
    ),
    CatalogEntry(
        name="integration",
        body="checks.marked_tests:integration",
        doc="Run the integration tests.",
        needs="integration",
        parallel=False,
    ),
    CatalogEntry(
        name="tag",
        body="ci.tag:tag",
        doc="Report which release a CI event asks for, checked against the repository.",
        isolated=False,
    ),
    CatalogEntry(
        name="gate",
        body="ci.gate:gate",
        doc="Judge the results of all jobs of a workflow, for branch protection to require.",
        isolated=False,
    ),
    CatalogEntry(
        name="workflows",
        body="ci.workflows:write_workflows",
        doc="Write the workflow files that fit; with `-- --check`, fail if one has drifted.",
        isolated=False,
        parallel=False,
    ),
    CatalogEntry(
        name="backtest-data",
        body="release.backtest_data:data",
        doc="Fetch the candles of one strategy's backtests and the exchange's markets.",
        each="backtested",
        needs="strategies",
        isolated=False,  # all of a strategy share an environment of their own
        prepares=True,
        parallel=False,  # strategies share the folder of candles
    ),
    CatalogEntry(
        name="backtest-smoke",
        body="release.backtest:smoke",
        doc="Run a short backtest of one strategy on one pair: freqtrade.",
        each="backtested",
        needs="strategies",
        isolated=False,
        prepares=True,
    ),
    CatalogEntry(
        name="backtest-full",
        body="release.backtest:full",
        doc="Run the full backtest of one strategy and judge it by the gates: freqtrade.",
        each="backtested",
        needs="strategies",
        isolated=False,
        prepares=True,
    ),
    CatalogEntry(
        name="lookahead",
        body="release.bias:lookahead",
        doc="Check that one strategy does not see the future: freqtrade lookahead-analysis.",
        each="backtested",
        needs="strategies",
        isolated=False,
        prepares=True,
    ),
    CatalogEntry(
        name="recursive",
        body="release.bias:recursive",
        doc="Check that one strategy's indicators settle in time: freqtrade recursive-analysis.",
        each="backtested",
        needs="strategies",
        isolated=False,
        prepares=True,
    ),
    CatalogEntry(
        name="freqtrade",
        body="release.bias:freqtrade",
        doc="Run any command of freqtrade with one strategy, hermetically.",
        each="backtested",
        needs="strategies",
        isolated=False,
        prepares=True,
    ),
    CatalogEntry(
        name="images",
        body="release.images:images",
        doc="Build and push the images of a release that are missing from the registry.",
        needs="images",
        isolated=False,
        parallel=False,
    ),
    CatalogEntry(
        name="lambdas",
        body="release.deploy:lambdas",
        doc="Build the images of lambdas on their base, and update their functions.",
        needs="lambdas",
        isolated=False,
        parallel=False,
    ),
    CatalogEntry(
        name="deploy",
        body="release.deploy:deploy",
        doc="Deploy a release to an environment's ECS services, and verify every task's image.",
        needs="services",
        isolated=False,
        parallel=False,
    ),
    CatalogEntry(
        name="release",
        body="release.release:release",
        doc="Release what a tag names, doing only what is missing.",
        isolated=False,
        parallel=False,  # it runs sessions itself
    ),
    CatalogEntry(
        name="mlflow-register",
        body="release.release:mlflow_register",
        doc="Register a strategy's release in MLflow, from the evidence of earlier stages.",
        needs="strategies",
        isolated=False,
    ),
    CatalogEntry(
        name="build",
        body="release.publish:build",
        doc="Build the libraries that are published, reproducibly: uv build, twine check.",
        needs="platform",
        isolated=False,
    ),
    CatalogEntry(
        name="publish",
        body="release.publish:publish",
        doc="Publish the libraries: upload what is missing from the index, and nothing else.",
        needs="platform",
        isolated=False,
        parallel=False,
    ),
    CatalogEntry(
        name="codeartifact-login",
        body="release.codeartifact_login:login",
        doc="Get a token for AWS CodeArtifact and write it where pip, uv and twine read it.",
        isolated=False,
        parallel=False,
    ),
)
