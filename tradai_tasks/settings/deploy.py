"""Settings of deployments: environments, their services and functions, and tag rules."""

from __future__ import annotations

from typing import Annotated, Literal

from msgspec import Meta, field

from tradai_tasks.settings.codeartifact import CodeArtifactSettings
from tradai_tasks.settings.table import Name, Table, doc

Missing = Literal["skip", "error"]
_Seconds = Annotated[float, Meta(gt=0)]


class EnvironmentSettings(Table, frozen=True, kw_only=True):
    """One environment: the cluster of its services, and its lambdas."""

    region: Annotated[Name | None, doc("AWS region; if absent, that of the usual AWS chain.")] = (
        None
    )
    cluster: Annotated[Name | None, doc("ECS cluster of the services; `deploy` needs it.")] = None
    services: Annotated[
        dict[Name, Name],
        doc("ECS service of a service, by its folder; if absent, the folder's name."),
    ] = field(default_factory=dict)
    functions: Annotated[
        dict[Name, Name], doc("Function of a lambda, by its folder; if absent, the folder's name.")
    ] = field(default_factory=dict)
    service_prefix: Annotated[
        str, doc("Put before the folder's name, for services that are not listed.")
    ] = ""
    function_prefix: Annotated[
        str, doc("Put before the folder's name, for functions that are not listed.")
    ] = ""
    codeartifact: Annotated[
        CodeArtifactSettings | None,
        doc("Where libraries are published for it; `publish.codeartifact` if absent."),
    ] = None
    missing_service: Annotated[
        Missing | None,
        doc("What an ECS service that is not there is; `error` if absent, not in dev."),
    ] = None
    missing_function: Annotated[
        Missing | None, doc("What a function that is not there is; `error` if absent, not in dev.")
    ] = None


class TagRule(Table, frozen=True, kw_only=True):
    """A rule that maps release tags to an environment; the first match counts."""

    environment: Annotated[Name, doc("The environment that they go to.")]
    kind: Annotated[
        Literal["release", "prerelease", "any"],
        doc("Versions it takes: `1.2.0` is a release, `1.2.0-rc1` a prerelease."),
    ] = "any"
    match: Annotated[Name, doc("Glob that the whole tag must match: `v1.*`.")] = "*"


class DeploySettings(Table, frozen=True, kw_only=True):
    """The sessions `deploy` and `lambdas`: environments, tag rules and timeouts."""

    tags: Annotated[
        tuple[TagRule, ...],
        doc("Where tags go. Test tags go to dev; one that no rule fits is an error."),
    ] = ()
    timeout: Annotated[
        _Seconds, doc("Seconds in which a service must run the release's image.")
    ] = 900
    function_timeout: Annotated[
        _Seconds, doc("Seconds in which a function must have taken its image.")
    ] = 300
    interval: Annotated[_Seconds, doc("Seconds between two looks at what is being waited for.")] = 5
    parallel: Annotated[
        int, Meta(ge=1, le=32), doc("Most services, or functions, that are worked on at once.")
    ] = 4
    environments: Annotated[
        dict[Name, EnvironmentSettings],
        doc("`dev`, `staging` and `prod`, which are there unasked, and others."),
    ] = field(default_factory=dict)
