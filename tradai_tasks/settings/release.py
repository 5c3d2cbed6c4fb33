"""Settings of a release: main branch, parallel gates and the model registry."""

from __future__ import annotations

from typing import Annotated, Literal

from msgspec import Meta, field

from tradai_tasks.settings.table import (
    MetadataKey,
    Name,
    Table,
    VariablePattern,
    WebAddress,
    doc,
    whole,
)

# MLflow reserves `latest` and names such as `v1`.
_Alias = Annotated[str, whole(r"(?!latest$|v[0-9]+$)[A-Za-z_][A-Za-z0-9_-]*", max_length=255)]


class ReleaseSettings(Table, frozen=True, kw_only=True):
    """The session `release`, and the sessions for its single stages."""

    branch: Annotated[
        Name | None,
        doc(
            "Branch that a released commit must be on; the remote's default branch "
            "if absent, else `main` or `master`."
        ),
    ] = None
    version_from: Annotated[
        Name | None,
        doc(
            "Package whose version a platform's tag must have; if absent, the root "
            "project where it is a package, else versions only have to rise along the main branch."
        ),
    ] = None
    version_jumps: Annotated[
        tuple[Name, ...],
        doc(
            "Tags of a platform whose major version may rise by more than one, such as `v2026.1.0`."
        ),
    ] = ()
    gates: Annotated[
        Annotated[tuple[Literal["lint", "typecheck", "security", "test"], ...], Meta(min_length=1)],
        doc("Sessions that must pass before anything of a platform is released."),
    ] = ("lint", "typecheck", "security", "test")  # the longest last
    gate_environment: Annotated[
        tuple[VariablePattern, ...],
        doc(
            "Environment variables that gates, builds, backtests and mkdocs are given "
            "beyond the base list, since they run the repository's own code; * stands for any "
            "characters, as in `MY_TESTS_*`."
        ),
    ] = ()
    jobs: Annotated[
        Annotated[int, Meta(ge=1, le=64)] | None,
        doc("Most gates and builds at once; the number of CPUs if absent."),
    ] = None


class MlflowSettings(Table, frozen=True, kw_only=True):
    """The model registry: the last stage of a strategy's release, and `mlflow-register`."""

    tracking_uri: Annotated[
        WebAddress | None,
        doc(
            "Address of the MLflow server, without credentials; the environment "
            "variable MLFLOW_TRACKING_URI, where set, comes first."
        ),
    ] = None
    experiment: Annotated[Name, doc("Experiment with a run for each release.")] = (
        "strategy-releases"
    )
    alias: Annotated[_Alias, doc("Alias that points at the newest release's model version.")] = (
        "candidate"
    )
    patience: Annotated[
        float,
        Meta(ge=0, le=3600),
        doc("Seconds for which a server that fails or cannot be reached is retried."),
    ] = 60
    metadata: Annotated[dict[MetadataKey, str], doc("Further tags of every model version.")] = (
        field(default_factory=dict)
    )
