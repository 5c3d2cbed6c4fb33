"""MLflow REST API client with the calls that a release needs, each safe to repeat.

MLflow itself is not imported: its client takes seconds to load. Where MLflow has no idempotent
call, a method looks first and creates what is missing, and the pair is retried together.

Source: https://mlflow.org/docs/latest/rest-api.html
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any
from urllib.parse import unquote, urlsplit

from tradai_tasks.errors import AwsError, ModelRegistryError
from tradai_tasks.release.clients.aws import Aws
from tradai_tasks.release.clients.mlflow_http import AnsweredError, MlflowClient

_IN_A_BATCH = 100  # params or tags that one log-batch request may have


@dataclass(frozen=True, kw_only=True, slots=True)
class ModelVersion:
    """One version of a registered model."""

    version: str  # MLflow's own number
    source: str
    run_id: str
    tags: Mapping[str, str]


@dataclass(frozen=True, kw_only=True, slots=True)
class Run:
    """A run of an experiment, which holds metrics, parameters and files."""

    run_id: str
    status: str  # "RUNNING", "FINISHED"
    artifacts: str  # address that its files are kept under


@dataclass(frozen=True, kw_only=True)
class MlflowServer:
    """One MLflow server."""

    client: MlflowClient

    # --- runs ------------------------------------------------------------------------------------

    def ensure_experiment(self, name: str) -> str:
        """Return an experiment's id; create the experiment if it does not exist."""

        def ensure() -> str:
            found = self._find_experiment(name)
            if found is None:
                found = self._post("experiments/create", name=name)["experiment_id"]
            return str(found)

        return self.client.retried(ensure)

    def ensure_run(self, experiment: str, name: str, tags: Mapping[str, str], start: int) -> Run:
        """Return the run that has all of some tags; create it if it does not exist.

        `tags` identify the run; `start` is in milliseconds since the epoch.
        """

        def ensure() -> Run:
            found = self._find_run(experiment, tags)
            if found is not None:
                return found
            made = self._post(
                "runs/create",
                experiment_id=experiment,
                run_name=name,
                start_time=start,
                tags=_pairs(tags),
            )
            return _run(made["run"])

        return self.client.retried(ensure)

    def log(
        self, run: Run, metrics: Mapping[str, float], params: Mapping[str, str], moment: int
    ) -> None:
        """Set metrics and parameters of a run; idempotent.

        `params` cannot change later. `moment` is in milliseconds since the epoch: MLflow treats the
        same value at the same moment as one measurement.
        """
        measured = [
            {"key": key, "value": value, "timestamp": moment, "step": 0}
            for key, value in metrics.items()
        ]
        listed = _pairs(params)
        for at in range(0, max(len(measured), len(listed), 1), _IN_A_BATCH):
            batch = slice(at, at + _IN_A_BATCH)
            body = {"metrics": measured[batch], "params": listed[batch]}
            self.client.retried(partial(self._post, "runs/log-batch", run_id=run.run_id, **body))

    def upload(self, run: Run, folder: str, files: Mapping[str, bytes]) -> None:
        """Put files into a run's artifacts, by relative POSIX name below a folder of them."""
        place = urlsplit(run.artifacts)
        base = "/".join(filter(None, [unquote(place.path).strip("/"), folder]))
        for name, content in files.items():
            path = f"{base}/{name}"
            if place.scheme == "mlflow-artifacts":
                self.client.retried(partial(self.client.put, path, content))
            elif place.scheme == "s3":
                _put_into_s3(place.netloc, path, content)
            else:
                raise ModelRegistryError(
                    f"{self.client.address}: keeps files of runs at {run.artifacts!r}, where they "
                    f"cannot be put from here; run the server with --serve-artifacts, or in S3"
                )

    def finish(self, run: Run, end: int) -> None:
        """Mark a run as finished; `end` is in milliseconds since the epoch."""
        self.client.retried(
            lambda: self._post("runs/update", run_id=run.run_id, status="FINISHED", end_time=end)
        )

    # --- models ----------------------------------------------------------------------------------

    def ensure_model(self, name: str, description: str) -> None:
        """Create a registered model if it does not exist."""

        def ensure() -> None:
            if self._find("registered-models/get", name=name) is None:
                self._post("registered-models/create", name=name, description=description)

        self.client.retried(ensure)

    def aliases(self, name: str) -> dict[str, str]:
        """Return the versions that a model's aliases point at; none if there is no model."""
        found = self.client.retried(lambda: self._find("registered-models/get", name=name))
        listed = (found or {}).get("registered_model", {}).get("aliases", [])
        return {str(one["alias"]): str(one["version"]) for one in listed}

    def find_versions(self, name: str, tags: Mapping[str, str]) -> list[ModelVersion]:
        """Return the versions of a model that have all of some tags, the oldest first."""
        return self.client.retried(lambda: self._find_versions(name, tags))

    def version(self, name: str, version: str) -> ModelVersion | None:
        """Return one version of a model."""
        found = self.client.retried(
            lambda: self._find("model-versions/get", name=name, version=version)
        )
        return None if found is None else _version(found["model_version"])

    def ensure_version(  # noqa: PLR0913 - the fields of a version
        self,
        name: str,
        known_by: Mapping[str, str],
        *,
        source: str,
        run: Run,
        tags: Mapping[str, str],
        description: str,
    ) -> ModelVersion:
        """Return the version that has all of some tags; create it if it does not exist."""

        def ensure() -> ModelVersion:
            found = self._find_versions(name, known_by)
            if found:
                return found[0]
            made = self._post(
                "model-versions/create",
                name=name,
                source=source,
                run_id=run.run_id,
                tags=_pairs({**known_by, **tags}),
                description=description,
            )
            return _version(made["model_version"])

        return self.client.retried(ensure)

    def delete_version(self, name: str, version: str) -> None:
        """Delete a version of a model."""

        def delete() -> None:
            if self._find("model-versions/get", name=name, version=version) is not None:
                self.client.answer(
                    "DELETE", "model-versions/delete", {"name": name, "version": version}
                )

        self.client.retried(delete)

    def set_alias(self, name: str, alias: str, version: str) -> None:
        """Point an alias at a version."""
        self.client.retried(
            lambda: self._post("registered-models/alias", name=name, alias=alias, version=version)
        )

    # --- within `retried` ------------------------------------------------------------------------

    def _find_experiment(self, name: str) -> str | None:
        found = self._find("experiments/get-by-name", experiment_name=name)
        if found is None:
            return None
        experiment = found["experiment"]
        if experiment.get("lifecycle_stage") == "deleted":
            raise ModelRegistryError(
                f"{self.client.address}: the experiment {name!r} was deleted; restore it, or name "
                f"another in the setting mlflow.experiment"
            )
        return str(experiment["experiment_id"])

    def _find_run(self, experiment: str, tags: Mapping[str, str]) -> Run | None:
        found = self._post(
            "runs/search",
            experiment_ids=[experiment],
            filter=_having(tags),
            order_by=["attributes.start_time ASC"],
            max_results=1,
        )
        runs = [_run(one) for one in found.get("runs", [])]
        return runs[0] if runs else None

    def _find_versions(self, name: str, tags: Mapping[str, str]) -> list[ModelVersion]:
        query = {"filter": " and ".join(filter(None, [f"name='{name}'", _having(tags)]))}
        found = self.client.answer("GET", "model-versions/search", query)
        versions = [_version(one) for one in found.get("model_versions", [])]
        return sorted(versions, key=lambda one: int(one.version))

    def _find(self, path: str, **query: str) -> dict[str, Any] | None:
        try:
            return self.client.answer("GET", path, query)
        except AnsweredError as error:
            if error.code == "RESOURCE_DOES_NOT_EXIST":
                return None
            raise

    def _post(self, path: str, **body: Any) -> dict[str, Any]:
        return self.client.answer("POST", path, body)


def _put_into_s3(bucket: str, key: str, content: bytes) -> None:
    try:
        Aws().call("s3", "put_object", Bucket=bucket, Key=key, Body=content)
    except AwsError as error:
        raise ModelRegistryError(
            f"s3://{bucket}/{key}: cannot be written: {error}; fix that and run the same again"
        ) from None


def _having(tags: Mapping[str, str]) -> str:
    return " and ".join(f"tags.`{key}` = '{value}'" for key, value in tags.items())


def _pairs(texts: Mapping[str, str]) -> list[dict[str, str]]:
    return [{"key": key, "value": value} for key, value in texts.items()]


def _texts(pairs: Sequence[Mapping[str, Any]]) -> dict[str, str]:
    return {str(one["key"]): str(one.get("value", "")) for one in pairs}


def _run(raw: Mapping[str, Any]) -> Run:
    info = raw["info"]
    return Run(
        run_id=str(info["run_id"]),
        status=str(info["status"]),
        artifacts=str(info.get("artifact_uri", "")),
    )


def _version(raw: Mapping[str, Any]) -> ModelVersion:
    return ModelVersion(
        version=str(raw["version"]),
        source=str(raw["source"]),
        run_id=str(raw.get("run_id", "")),
        tags=_texts(raw.get("tags", [])),
    )
