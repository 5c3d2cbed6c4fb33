"""Map a release tag to a deployment environment such as `dev`, `staging` or `prod`."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from fnmatch import fnmatchcase
from typing import Literal

import msgspec

from tradai_tasks.errors import BadArgumentsError, SettingsError, UnmappedTagError
from tradai_tasks.settings.deploy import DeploySettings, EnvironmentSettings, Missing, TagRule
from tradai_tasks.settings.publish import PublishSettings
from tradai_tasks.text import similar
from tradai_tasks.workspace.tags import ReleaseTag

BUILT_IN = ("dev", "staging", "prod")
_FOR_TESTS = "dev"


@dataclass(frozen=True, kw_only=True, slots=True)
class Environment:
    """One deployment environment, as the settings describe it."""

    name: str
    settings: EnvironmentSettings

    @property
    def region(self) -> str | None:
        """AWS region; None for that of the usual AWS chain."""
        return self.settings.region

    @property
    def cluster(self) -> str:
        """The ECS cluster; raises SettingsError if none is set."""
        if self.settings.cluster is None:
            raise SettingsError(
                f"deploy.environments.{self.name}.cluster: not set; name the ECS cluster of "
                f"{self.name} there"
            )
        return self.settings.cluster

    def published(self, settings: PublishSettings) -> PublishSettings:
        """Return the publish settings: with its own CodeArtifact repository, if it has one."""
        if self.settings.codeartifact is None:
            return settings
        return msgspec.structs.replace(
            settings, codeartifact=self.settings.codeartifact, index=None
        )

    def service(self, name: str) -> str:
        """Return the ECS service of a service, by the name of its folder."""
        return self.settings.services.get(name, f"{self.settings.service_prefix}{name}")

    def function(self, name: str) -> str:
        """Return the function of a lambda, by the name of its folder."""
        return self.settings.functions.get(name, f"{self.settings.function_prefix}{name}")

    def missing(self, what: Literal["service", "function"]) -> Missing:
        """Return how a missing service or function is treated: `skip` or `error`."""
        chosen = (
            self.settings.missing_service if what == "service" else self.settings.missing_function
        )
        return chosen or ("skip" if self.name == "dev" else "error")


def environments(settings: DeploySettings) -> tuple[str, ...]:
    """Return the names of all environments."""
    return tuple(dict.fromkeys([*BUILT_IN, *settings.environments]))


def is_deployed(settings: DeploySettings) -> bool:
    """Return whether a release goes to an environment: the settings name one, or a rule."""
    return bool(settings.environments or settings.tags)


def released_to(settings: DeploySettings, otherwise: str) -> tuple[str, ...]:
    """Return every environment that a release may stand in; one name where nothing is deployed."""
    return environments(settings) if is_deployed(settings) else (otherwise,)


def unmapped_kinds(settings: DeploySettings) -> tuple[str, ...]:
    """Return the kinds of versions, `release` or `prerelease`, that no rule takes."""
    return tuple(
        kind
        for kind in ("release", "prerelease")
        if not any(rule.kind in {"any", kind} for rule in settings.tags)
    )


def environment_named(name: str, settings: DeploySettings) -> Environment:
    """Return an environment by its name; raise BadArgumentsError if there is none."""
    known = environments(settings)
    if name not in known:
        hint = similar(name, known) or f"known are {', '.join(known)}"
        raise BadArgumentsError(
            f"environment {name!r}: there is none; {hint} (others by deploy.environments.<name>)"
        )
    return Environment(name=name, settings=settings.environments.get(name) or EnvironmentSettings())


def environment_to_publish_for(
    tag: ReleaseTag | None, settings: DeploySettings, *, override: str | None = None
) -> Environment | None:
    """Return the environment to publish libraries for; None if all share one index.

    Raises:
        BadArgumentsError: There is no environment of the name asked for.
        SettingsError: A rule names an environment that is not there.
        UnmappedTagError: Environments have indexes of their own, and no rule fits the tag.
    """
    if override is None and all(one.codeartifact is None for one in settings.environments.values()):
        return None
    if tag is not None:
        return environment_of(tag, settings, override=override)
    return None if override is None else environment_named(override, settings)


def environment_of(
    tag: ReleaseTag, settings: DeploySettings, *, override: str | None = None
) -> Environment:
    """Return the environment that a release is deployed to.

    A test tag goes to `dev`, whatever is asked for and whatever the rules say. Any other goes where
    it is asked to, else where the first rule that fits it says.

    Raises:
        UnmappedTagError: No rule fits, and nothing was asked for.
        BadArgumentsError: There is no environment of the name asked for.
        SettingsError: A rule names an environment that is not there.
    """
    _check_rules(settings)
    wanted = None if override is None else environment_named(override, settings)
    if tag.is_test:
        return environment_named(_FOR_TESTS, settings)
    if wanted is not None:
        return wanted
    for rule in settings.tags:
        if _fits(tag, rule):
            return environment_named(rule.environment, settings)
    raise UnmappedTagError(f"tag {tag}: no rule says to which environment it goes; {_hint(tag)}")


def check_names(
    settings: DeploySettings, *, services: Collection[str], functions: Collection[str]
) -> None:
    """Raise SettingsError for services or functions in the settings that are missing, or twice."""
    for name, table in settings.environments.items():
        environment = Environment(name=name, settings=table)
        where = f"deploy.environments.{name}"
        for key, given, known, named in (
            ("services", table.services, services, environment.service),
            ("functions", table.functions, functions, environment.function),
        ):
            for one in given:
                if one not in known:
                    hint = similar(one, known) or _listed(known)
                    kind = "lambda" if key == "functions" else "service"
                    raise SettingsError(f"{where}.{key}.{one}: there is no such {kind}; {hint}")
            taken: dict[str, str] = {}
            for one in known:
                twin = taken.setdefault(named(one), one)
                if twin != one:
                    raise SettingsError(
                        f"{where}.{key}: {twin} and {one} would both be {named(one)!r}; rename one"
                    )


def _listed(known: Collection[str]) -> str:
    return f"there are {', '.join(sorted(known))}" if known else "there are none"


def _fits(tag: ReleaseTag, rule: TagRule) -> bool:
    kind = "prerelease" if tag.is_prerelease else "release"
    return rule.kind in {"any", kind} and fnmatchcase(tag.text, rule.match)


def _check_rules(settings: DeploySettings) -> None:
    known = environments(settings)
    for number, rule in enumerate(settings.tags):
        if rule.environment not in known:
            raise SettingsError(
                f"deploy.tags[{number}].environment: {rule.environment!r} is no environment; "
                f"known are {', '.join(known)}; add others as deploy.environments.<name>"
            )


def _hint(tag: ReleaseTag) -> str:
    kind = "prerelease" if tag.is_prerelease else "release"
    return (
        f'add one to deploy.tags, such as {{ kind = "{kind}", environment = "staging" }}, or name '
        f"it once: --environment staging"
    )
