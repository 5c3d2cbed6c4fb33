"""Register a release in MLflow: a model version and an alias for the newest one.

Metrics, parameters and the report's files are stored in a run of an experiment, which the version
names as its source; the most important of them are also tags of the version.
"""

from __future__ import annotations

import functools
import hashlib
import json
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from tradai_tasks.backtest.record import BacktestRecord
from tradai_tasks.errors import ConflictError, EvidenceError
from tradai_tasks.release.clients.mlflow_api import MlflowServer, ModelVersion
from tradai_tasks.release.engine.step import Known, Look, Release
from tradai_tasks.release.models.model_description import describe, gate_tags, logged_params
from tradai_tasks.workspace.tags import is_semver, parse_semver

VERSION_TAG = "strategy_version"  # tag that identifies the model version of a release
_RUN_TAG, _PRINT_TAG = "release_tag", "release_fingerprint"
_REPORT = "report"  # folder in a run's artifacts
_SHOWN = 3  # differences shown in a message


@dataclass(frozen=True, kw_only=True, slots=True)
class Registration:
    """All values that a release registers; computing them again gives the same."""

    model: str  # name of the registered model: the strategy's slug
    version: str  # semantic version of the strategy
    source: str  # docker://<image by digest>
    tags: Mapping[str, str]
    metrics: Mapping[str, float]
    params: Mapping[str, str]

    @property
    def fingerprint(self) -> str:
        """Digest of all values, which identifies a run that an earlier attempt started."""
        parts = [self.model, self.version, self.source]
        parts += [json.dumps(dict(one), sort_keys=True) for one in (self.tags, self.params)]
        parts += [json.dumps(dict(self.metrics), sort_keys=True)]
        return hashlib.sha256("\n".join(parts).encode()).hexdigest()


def registration(
    release: Release, image: str, record: BacktestRecord | None, metadata: Mapping[str, str]
) -> Registration:
    """Compute the values that a release registers.

    `image` is by its digest, `registry/name@sha256:...`; `record` is None of a strategy without
    backtests. The release's own tags win over those of `metadata`.
    """
    slug = str(release.tag.slug)
    measured, params = ({}, {}) if record is None else _measured(record)
    tags = {
        **metadata,
        **measured,
        "strategy": slug,
        VERSION_TAG: release.tag.version,
        "release_tag": release.tag.text,
        "git_revision": release.commit,
        "image": image,
        "image_digest": image.rpartition("@")[2],
        **({"git_repository": release.source} if release.source else {}),
    }
    return Registration(
        model=slug,
        version=release.tag.version,
        source=f"docker://{image}",
        tags=tags,
        metrics={} if record is None else dict(record.metrics),
        params=params,
    )


def _measured(record: BacktestRecord) -> tuple[dict[str, str], dict[str, str]]:
    """Return the tags and parameters that come from a backtest."""
    params = {
        "pairs": ",".join(record.pairs),
        "timerange": record.timerange,
        "timeframe": record.timeframe,
        "sharpe_kind": record.sharpe,
    }
    tags = {
        **params,
        "candles_sha256": record.data_sha256,
        "lock_sha256": record.lock_sha256,
        "freqtrade_version": record.freqtrade,
        **gate_tags(record),
        **{f"metrics.{name}": f"{value:.10g}" for name, value in record.metrics.items()},
        **{f"source.{name}": commit for name, commit in record.sources.items()},
    }
    return tags, {**logged_params(record), **params}


def differences(found: ModelVersion, wanted: Mapping[str, str], source: str | None) -> list[str]:
    """Return the differences between a registered version and a release, with both values."""
    differ = [
        f"{key} is {found.tags.get(key)!r} there and {value!r} here"
        for key, value in wanted.items()
        if found.tags.get(key) != value
    ]
    if source is not None and found.source != source:
        differ.insert(0, f"its source is {found.source!r} there and {source!r} here")
    return differ


def is_newer(one: ModelVersion, other: ModelVersion) -> bool:
    """Return whether a version is of a later release, or else was registered later."""
    first, second = one.tags.get(VERSION_TAG, ""), other.tags.get(VERSION_TAG, "")
    if is_semver(first) and is_semver(second):
        return parse_semver(first) > parse_semver(second)
    return int(one.version) > int(other.version)


@dataclass(frozen=True, kw_only=True)
class VersionStep:
    """Release step for the model version of a release."""

    name: str  # name of the registered model
    release: Release
    connect: Callable[[], MlflowServer] = field(repr=False)  # called when first needed
    image: Callable[[Known], str | None]  # the image by digest; None if it is not pushed yet
    backtest: Callable[[Known], BacktestRecord | None]  # None if it has not run yet
    is_backtested: bool  # whether it has backtests at all
    report: Callable[[], Mapping[str, bytes]]  # files of the backtest's report, by name
    metadata: Mapping[str, str]
    description: str
    experiment: str  # name of the experiment

    def look(self, known: Known) -> Look:
        """Ask MLflow for the version of this release; that of a test tag is replaced.

        Raises:
            ConflictError: It differs, or there are several.
            ModelRegistryError: The server cannot be reached.
        """
        found = self.connect().find_versions(self.name, self._known_by)
        image, record = self.image(known), self.backtest(known)
        if image is not None and (record is not None or not self.is_backtested):
            wanted = registration(self.release, image, record, self.metadata)
            stale = [(one, differences(one, wanted.tags, wanted.source)) for one in found]
        else:  # compared with the values known so far
            source = None if image is None else f"docker://{image}"
            revision = {"git_revision": self.release.commit}
            stale = [(one, differences(one, revision, source)) for one in found]
        if self.release.tag.is_test:
            return self._look_at_test(stale)
        for version, differ in stale:
            if differ:
                raise ConflictError(self._conflict(version, differ))
        if len(found) > 1:
            numbers = " and ".join(one.version for one in found)
            raise ConflictError(
                f"model {self.name}: versions {numbers} both are of {self.release.tag}; delete all "
                f"but one"
            )
        return _registered(found[0]) if found else Look(state="todo", note="to be registered")

    def act(self, known: Known) -> Look:
        """Register the version: first the run with its files, then the version that names it.

        Raises:
            EvidenceError: The image or the backtest is not known.
            ModelRegistryError: The server cannot be reached, or refuses the request.
        """
        image, record = self.image(known), self.backtest(known)
        if image is None or (record is None and self.is_backtested):
            missing = "image" if image is None else "backtest"
            raise EvidenceError(
                f"model {self.name}: its {missing} is not known; run that stage first"
            )
        wanted = registration(self.release, image, record, self.metadata)
        server = self.connect()
        # identifies a run that an earlier attempt started, which is then finished
        known_by = {_RUN_TAG: self.release.tag.text, _PRINT_TAG: wanted.fingerprint}
        experiment = server.ensure_experiment(self.experiment)
        run = server.ensure_run(experiment, self.release.tag.text, known_by, _now())
        if run.status != "FINISHED":
            server.log(run, wanted.metrics, wanted.params, self.release.time * 1000)
            server.upload(run, _REPORT, self.report())
            server.finish(run, _now())
        server.ensure_model(self.name, self.description)
        made_by = {**self._known_by, _PRINT_TAG: wanted.fingerprint}
        version = server.ensure_version(
            self.name,
            made_by,
            source=wanted.source,
            run=run,
            tags=wanted.tags,
            description=describe(
                self.release.tag.text, self.description, record, self._before(server, image)
            ),
        )
        if self.release.tag.is_test:
            for other in server.find_versions(self.name, self._known_by):
                if other.version != version.version:
                    server.delete_version(self.name, other.version)
        return _registered(version)

    @property
    def _known_by(self) -> dict[str, str]:
        return {VERSION_TAG: self.release.tag.version}

    def _before(self, server: MlflowServer, image: str) -> Mapping[str, str] | None:
        """Return the tags of the newest version that is not newer than this release."""
        mine = ModelVersion(version="0", source=image, run_id="", tags=self._known_by)
        earlier = [
            one
            for one in server.find_versions(self.name, {})
            if one.tags.get(VERSION_TAG) != self.release.tag.version and not is_newer(one, mine)
        ]
        newest = (
            functools.reduce(lambda a, b: b if is_newer(b, a) else a, earlier) if earlier else None
        )
        return None if newest is None else newest.tags

    def _look_at_test(self, stale: list[tuple[ModelVersion, list[str]]]) -> Look:
        """Decide about the version of a test tag, which may be replaced."""
        good = [version for version, differ in stale if not differ]
        if good and len(stale) == 1:
            return _registered(good[0])
        if not stale:
            return Look(state="todo", note="to be registered")
        numbers = ", ".join(version.version for version, _ in stale)
        return Look(state="todo", note=f"a test tag: to replace version {numbers}")

    def _conflict(self, version: ModelVersion, differ: list[str]) -> str:
        more = f", and {len(differ) - _SHOWN} more differ" if len(differ) > _SHOWN else ""
        return (
            f"model {self.name}: version {version.version} is of {self.release.tag} already, but "
            f"{'; '.join(differ[:_SHOWN])}{more}; a release is never changed: release a higher "
            f"version, or delete that one if it was made by mistake"
        )


@dataclass(frozen=True, kw_only=True)
class AliasStep:
    """Release step for the alias of the newest release, which only moves forward."""

    name: str  # the alias
    model: str
    stage: str  # stage whose step `model` has created the version
    connect: Callable[[], MlflowServer] = field(repr=False)

    def look(self, known: Known) -> Look:
        """Ask MLflow which version the alias points at.

        Raises:
            ModelRegistryError: The server cannot be reached.
        """
        server = self.connect()
        held = server.aliases(self.model).get(self.name)
        ours = known.get(self.stage, {}).get(self.model, {}).get("version")
        if held is None:
            return Look(state="todo", note="to be set")
        if held == ours:
            return Look(state="done", note=f"at version {held}", record={"version": held})
        there = server.version(self.model, held)
        mine = None if ours is None else server.version(self.model, str(ours))
        if there is not None and mine is not None and is_newer(there, mine):
            release = there.tags.get(VERSION_TAG)
            shown = f"version {held} ({release})" if release else f"version {held}"
            return Look(
                state="left", note=f"stays at {shown}, which is newer", record={"version": held}
            )
        return Look(state="todo", note=f"to be moved from version {held}")

    def act(self, known: Known) -> Look:
        """Point the alias at the release's version; raise EvidenceError if that is not known.

        Raises:
            ModelRegistryError: The server cannot be reached, or refuses the request.
        """
        ours = known.get(self.stage, {}).get(self.model, {}).get("version")
        if ours is None:
            raise EvidenceError(f"alias {self.name}: the version of {self.model} is not known")
        self.connect().set_alias(self.model, self.name, str(ours))
        return Look(state="done", note=f"at version {ours}", record={"version": str(ours)})


def _now() -> int:
    """Return the current time in milliseconds since the epoch, as MLflow uses."""
    return int(time.time() * 1000)


def _registered(version: ModelVersion) -> Look:
    return Look(
        state="done",
        note=f"version {version.version}, {version.source}",
        record={"version": version.version, "source": version.source, "run": version.run_id},
    )
