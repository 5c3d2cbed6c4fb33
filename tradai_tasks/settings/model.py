"""The typed model of `[tool.tradai-tasks]`: every setting, its meaning, unit, range and default.

The table in the docs, the JSON schema for editors and the validation all come from these classes.
`settings.load` reads and validates the files.
"""

from __future__ import annotations

from datetime import date
from typing import Annotated, Literal

from msgspec import Meta, field

from tradai_tasks.settings.backtest import BacktestSettings, StrategyBacktestSettings
from tradai_tasks.settings.deploy import DeploySettings
from tradai_tasks.settings.devcontainer import DevcontainerSettings
from tradai_tasks.settings.docs import DocsSettings
from tradai_tasks.settings.images import ImagesSettings
from tradai_tasks.settings.infra import InfraSettings
from tradai_tasks.settings.publish import PublishSettings
from tradai_tasks.settings.release import MlflowSettings, ReleaseSettings
from tradai_tasks.settings.results import ResultsSettings
from tradai_tasks.settings.table import (
    Level,
    Marker,
    MetadataKey,
    Name,
    ObjectPath,
    Percent,
    PythonVersion,
    RepositoryKind,
    Table,
    doc,
    whole,
)
from tradai_tasks.settings.workflows import WorkflowsSettings


class ProtocolPair(Table, frozen=True, kw_only=True):
    """A class and the Protocol that it is checked against, both as `module:Name`."""

    class_: Annotated[
        ObjectPath, doc("Class that must satisfy the Protocol, as `module:Name`.")
    ] = field(name="class")
    protocol: Annotated[ObjectPath, doc("The Protocol, as `module:Name`.")]


class PackageSettings(Table, frozen=True, kw_only=True):
    """Settings of one package: `packages.<name>`, or the table in its own pyproject.toml."""

    test: Annotated[bool, doc("Whether it has a test session; false where it has no tests.")] = True
    floor: Annotated[
        Percent | None, doc("Coverage floor in percent; `test.floor` when absent.")
    ] = None
    groups: Annotated[
        tuple[Name, ...] | None,
        doc("Dependency groups or extras with its test tools; `test.groups` if absent."),
    ] = None
    protocols: Annotated[
        tuple[ProtocolPair, ...],
        doc("Classes and the Protocols they must satisfy, judged by the type checker."),
    ] = ()
    also_affected_by: Annotated[
        tuple[Name, ...],
        doc("Globs from the workspace root of further files that affect the package."),
    ] = ()
    backtest: StrategyBacktestSettings = field(default_factory=StrategyBacktestSettings)
    metadata: Annotated[
        dict[MetadataKey, str],
        doc("Further tags of a strategy's model versions, besides `mlflow.metadata`."),
    ] = field(default_factory=dict)


class TestSettings(Table, frozen=True, kw_only=True):
    """The sessions `test(pkg)`."""

    __test__ = False  # keep pytest from collecting it

    floor: Annotated[
        Percent | None,
        doc("Coverage floor in percent; if absent 60, 80 in a strategies repository."),
    ] = None
    require: Annotated[
        bool | None,
        doc(
            "Whether a package without tests fails its session, instead of being named "
            "by `check`; if absent where `kind` is set or there are strategies, services or "
            "lambdas, and where no package has tests."
        ),
    ] = None
    groups: Annotated[
        tuple[Name, ...],
        doc("Names of dependency groups and extras looked for, first in the package."),
    ] = ("test", "tests", "dev")
    args: Annotated[tuple[str, ...], doc("Further arguments for pytest.")] = ()


class LintSettings(Table, frozen=True, kw_only=True):
    """The session `lint`."""

    format: Annotated[
        bool, doc("Whether the format is checked; false where another tool formats.")
    ] = True
    ignore: Annotated[
        tuple[Annotated[str, whole(r"(?:[^:\x00-\x1f]+:)?[A-Z]+[0-9]*")], ...],
        doc(
            "Rules of ruff that do not fail `lint`, besides those that its own "
            "configuration ignores: `F401` everywhere, `src/a.py:F401` in one file."
        ),
    ] = ()
    commands: Annotated[
        tuple[Annotated[tuple[Name, ...], Meta(min_length=1)], ...],
        doc(
            "Further commands, each a list of words, run with all packages installed; "
            "one that fails, fails `lint`."
        ),
    ] = ()
    groups: Annotated[
        tuple[Name, ...], doc("Root dependency groups that `lint.commands` need.")
    ] = ("lint", "dev")


class TypecheckSettings(Table, frozen=True, kw_only=True):
    """The session `typecheck`."""

    checker: Annotated[
        Literal["mypy", "pyright", "basedpyright", "ty", "pyrefly"] | None,
        doc("The type checker; if absent the one that is configured or locked, else mypy."),
    ] = None
    strict: Annotated[
        bool | None, doc("Whether it is strict; if absent, in a strategies repository only.")
    ] = None
    tests: Annotated[bool, doc("Whether tests are type-checked too.")] = False
    groups: Annotated[
        tuple[Name, ...], doc("Dependency groups with stubs and plugins, where they exist.")
    ] = ("typecheck", "typing", "mypy", "dev", "test", "tests")
    args: Annotated[tuple[str, ...], doc("Further arguments for the checker.")] = ()


class IgnoredAdvisory(Table, frozen=True, kw_only=True):
    """An advisory that is accepted, for a reason and optionally until a date."""

    id: Annotated[
        str,
        Meta(min_length=3, description="Its id or an alias: `CVE-...`, `GHSA-...`, `PYSEC-...`."),
    ]
    reason: Annotated[str, Meta(min_length=1, description="Why it is accepted.")]
    until: Annotated[
        date | None, doc("Last day on which it is ignored; later it fails the session.")
    ] = None


class NotAudited(Table, frozen=True, kw_only=True):
    """A locked package that is accepted although the advisory service does not know it."""

    name: Annotated[str, Meta(min_length=1, description="The distribution's name.")]
    reason: Annotated[str, Meta(min_length=1, description="Why it is accepted.")]
    until: Annotated[
        date | None, doc("Last day on which it is accepted; later it fails the session.")
    ] = None


class SecuritySettings(Table, frozen=True, kw_only=True):
    """The session `security`."""

    severity: Annotated[
        Level, doc("Least severity of a bandit finding that fails the session.")
    ] = "low"
    confidence: Annotated[
        Level, doc("Least confidence of a bandit finding that fails the session.")
    ] = "medium"
    service_url: Annotated[
        Annotated[str, whole(r"https?://\S+")] | None,
        doc("Address of an OSV service to ask instead of the public index's advisories."),
    ] = None
    ignore: Annotated[
        tuple[IgnoredAdvisory, ...], doc("Advisories that do not fail the session.")
    ] = ()
    not_audited: Annotated[
        tuple[NotAudited, ...], doc("Packages that may go without an audit.")
    ] = ()


class PerfSettings(Table, frozen=True, kw_only=True):
    """The sessions `perf(pkg)`."""

    max_slowdown: Annotated[
        float,
        Meta(gt=0, le=10_000),
        doc("Slow-down against the merge base, in percent, past which a run fails."),
    ] = 25.0
    args: Annotated[tuple[str, ...], doc("Further arguments for pytest.")] = ()


class ContractSettings(Table, frozen=True, kw_only=True):
    """The session `contract`."""

    marker: Annotated[Marker, doc("pytest marker of the contract tests.")] = "contract"
    paths: Annotated[
        tuple[Name, ...], doc("Where the tests are; by default every package's tests and `tests/`.")
    ] = ()
    compose_file: Annotated[
        Name | None,
        doc("Compose file brought up for the tests; a usual name at the root if absent."),
    ] = None
    timeout: Annotated[int, Meta(gt=0), doc("Seconds within which the services must be up.")] = 300


class IntegrationSettings(Table, frozen=True, kw_only=True):
    """The session `integration`."""

    marker: Annotated[Marker, doc("pytest marker of the integration tests.")] = "integration"
    paths: Annotated[
        tuple[Name, ...], doc("Where the tests are; by default every package's tests and `tests/`.")
    ] = ()


class UncheckedFiles(Table, frozen=True, kw_only=True):
    """Python files that no session needs to check, for a reason."""

    paths: Annotated[
        tuple[Name, ...],
        Meta(
            min_length=1,
            description="Globs of whole paths from the workspace root; `**` matches any folders.",
        ),
    ]
    reason: Annotated[str, Meta(min_length=1, description="Why they may go unchecked.")]


class AffectedSettings(Table, frozen=True, kw_only=True):
    """The sessions `changes` and `affected`."""

    ignore: Annotated[
        tuple[Name, ...], doc("Globs from the workspace root of files that affect nothing.")
    ] = ()
    rules_off: Annotated[
        tuple[Name, ...], doc("Names of kinds of edges (docs/affected.md) that are not looked for.")
    ] = ()
    max_jobs: Annotated[
        int,
        Meta(ge=1, le=256),
        doc("Most jobs in the CI matrix; more packages than that share jobs."),
    ] = 64
    durations: Annotated[
        tuple[Name, ...],
        doc("Globs of files from `nox --report`, whose durations balance shared jobs."),
    ] = ()


class Settings(Table, frozen=True, kw_only=True):
    """`[tool.tradai-tasks]` of the root pyproject.toml, or the whole of tradai-tasks.toml."""

    kind: Annotated[
        RepositoryKind | None, doc("What the repository is; inferred from its folders if absent.")
    ] = None
    python: Annotated[
        PythonVersion | Annotated[tuple[PythonVersion, ...], Meta(min_length=1)] | None,
        doc(
            "Python of the sessions. A list runs tests on each, as `test-3.11(pkg)`; "
            "if absent, `.python-version`, the one that runs nox, or one that all packages allow."
        ),
    ] = None
    members: Annotated[
        tuple[Name, ...],
        doc("Globs of independent projects, for a repository with no uv workspace."),
    ] = ()
    unchecked: Annotated[
        tuple[UncheckedFiles, ...],
        doc("Python files that no session needs to check; shown every time."),
    ] = ()
    test: TestSettings = field(default_factory=TestSettings)
    lint: LintSettings = field(default_factory=LintSettings)
    typecheck: TypecheckSettings = field(default_factory=TypecheckSettings)
    security: SecuritySettings = field(default_factory=SecuritySettings)
    perf: PerfSettings = field(default_factory=PerfSettings)
    contract: ContractSettings = field(default_factory=ContractSettings)
    integration: IntegrationSettings = field(default_factory=IntegrationSettings)
    affected: AffectedSettings = field(default_factory=AffectedSettings)
    backtest: BacktestSettings = field(default_factory=BacktestSettings)
    deploy: DeploySettings = field(default_factory=DeploySettings)
    devcontainer: DevcontainerSettings = field(default_factory=DevcontainerSettings)
    docs: DocsSettings = field(default_factory=DocsSettings)
    infra: InfraSettings = field(default_factory=InfraSettings)
    images: ImagesSettings = field(default_factory=ImagesSettings)
    publish: PublishSettings = field(default_factory=PublishSettings)
    workflows: WorkflowsSettings = field(default_factory=WorkflowsSettings)
    release: ReleaseSettings = field(default_factory=ReleaseSettings)
    results: ResultsSettings = field(default_factory=ResultsSettings)
    mlflow: MlflowSettings = field(default_factory=MlflowSettings)
    packages: Annotated[
        dict[Name, PackageSettings], doc("Settings of single packages, by name.")
    ] = field(default_factory=dict)
