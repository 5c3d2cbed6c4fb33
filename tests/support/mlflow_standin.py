"""A small MLflow tracking server on loopback, with faults to order: for tests of the client alone.

It keeps what it is told in memory and answers as MLflow 3.17 does, its error codes too.
"""

from __future__ import annotations

import json
import re
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any, Literal
from urllib.parse import parse_qs, unquote, urlsplit

from tests.support.loopback import QuietHandler, serving

# drop: the connection closes unanswered. drop-after: the same, after the request was carried out.
Fault = Literal["drop", "drop-after", 500, 503, 429]


class RefusedError(Exception):
    def __init__(self, code: str, message: str, status: int = 400) -> None:
        super().__init__(message)
        self.code, self.status = code, status


def missing(what: str) -> RefusedError:
    return RefusedError("RESOURCE_DOES_NOT_EXIST", f"{what} not found", 404)


@dataclass
class Standin:
    """What the server holds, and the faults that it still has to show."""

    address: str = ""
    faults: list[tuple[str, Fault]] = field(default_factory=list)  # (passage of the path, fault)
    requests: list[str] = field(default_factory=list)  # "POST runs/create", as they came
    authorizations: set[str] = field(default_factory=set)
    experiments: dict[str, str] = field(default_factory=dict)  # name -> id
    runs: dict[str, dict[str, Any]] = field(default_factory=dict)
    models: dict[str, dict[str, Any]] = field(default_factory=dict)
    artifacts: dict[str, bytes] = field(default_factory=dict)
    artifact_root: str = "mlflow-artifacts:"
    wants: str | None = None  # value of the Authorization header

    @property
    def changes(self) -> list[str]:
        """The requests that changed something."""
        reading = ("search", "get", "get-by-name", "list")
        return [r for r in self.requests if not r.startswith("GET") and not r.endswith(reading)]

    def versions(self, model: str) -> list[dict[str, Any]]:
        return list(self.models[model]["versions"].values())

    def answer(self, method: str, path: str, query: dict[str, str], body: Any) -> Any:
        name = f"{method.lower()}_{re.sub('[/-]', '_', path)}"
        return getattr(self, name)({**query, **(body or {})})

    # --- experiments and runs

    def get_experiments_get_by_name(self, given: dict[str, str]) -> Any:
        name = given["experiment_name"]
        if name not in self.experiments:
            raise missing("experiment")
        stage = "deleted" if self.experiments[name] == "deleted" else "active"
        return {"experiment": {"experiment_id": self.experiments[name], "lifecycle_stage": stage}}

    def post_experiments_create(self, given: dict[str, str]) -> Any:
        if given["name"] in self.experiments:
            raise RefusedError("RESOURCE_ALREADY_EXISTS", "exists")
        self.experiments[given["name"]] = str(len(self.experiments) + 1)
        return {"experiment_id": self.experiments[given["name"]]}

    def post_runs_search(self, given: Any) -> Any:
        found = [
            run
            for run in self.runs.values()
            if run["info"]["experiment_id"] in given["experiment_ids"]
            and _has(run["data"]["tags"], given["filter"])
        ]
        return {"runs": found} if found else {}

    def post_runs_create(self, given: Any) -> Any:
        number = f"run{len(self.runs) + 1}"
        home = f"{self.artifact_root}/{given['experiment_id']}/{number}/artifacts"
        info = {"run_id": number, "status": "RUNNING", "artifact_uri": home}
        info["experiment_id"] = given["experiment_id"]
        data: dict[str, Any] = {"tags": given["tags"], "metrics": {}, "params": {}}
        self.runs[number] = {"info": info, "data": data}
        return {"run": self.runs[number]}

    def post_runs_log_batch(self, given: Any) -> Any:
        data = self.runs[given["run_id"]]["data"]
        data["metrics"] |= {one["key"]: one["value"] for one in given["metrics"]}
        for one in given["params"]:
            if data["params"].setdefault(one["key"], one["value"]) != one["value"]:
                raise RefusedError(
                    "INVALID_PARAMETER_VALUE", "Changing param values is not allowed."
                )
        return {}

    def post_runs_update(self, given: Any) -> Any:
        self.runs[given["run_id"]]["info"]["status"] = given["status"]
        return {}

    # --- models

    def get_registered_models_get(self, given: dict[str, str]) -> Any:
        model = self._model(given["name"])
        listed = [{"alias": a, "version": v} for a, v in model["aliases"].items()]
        return {"registered_model": {"name": given["name"], "aliases": listed}}

    def post_registered_models_create(self, given: dict[str, str]) -> Any:
        if given["name"] in self.models:
            raise RefusedError("RESOURCE_ALREADY_EXISTS", "exists")
        self.models[given["name"]] = {"versions": {}, "aliases": {}, "count": 0}
        return {"registered_model": {"name": given["name"]}}

    def post_registered_models_alias(self, given: dict[str, str]) -> Any:
        self._model(given["name"])["aliases"][given["alias"]] = given["version"]
        return {}

    def get_model_versions_search(self, given: dict[str, str]) -> Any:
        name = re.match(r"name='([^']*)'", given["filter"])
        assert name
        held = self.models.get(name[1], {"versions": {}})["versions"].values()
        found = [one for one in held if _has(one["tags"], given["filter"])]
        return {"model_versions": found} if found else {}

    def get_model_versions_get(self, given: dict[str, str]) -> Any:
        versions = self._model(given["name"])["versions"]
        if given["version"] not in versions:
            raise missing("version")
        return {"model_version": versions[given["version"]]}

    def post_model_versions_create(self, given: dict[str, Any]) -> Any:
        model = self._model(given["name"])
        model["count"] += 1
        version = {k: given[k] for k in ("name", "source", "run_id", "tags", "description")}
        model["versions"][str(model["count"])] = {**version, "version": str(model["count"])}
        return {"model_version": model["versions"][str(model["count"])]}

    def delete_model_versions_delete(self, given: dict[str, str]) -> Any:
        del self._model(given["name"])["versions"][given["version"]]
        return {}

    def _model(self, name: str) -> dict[str, Any]:
        if name not in self.models:
            raise missing("model")
        return self.models[name]


@contextmanager
def mlflow_standin() -> Iterator[Standin]:
    """Serve it."""
    standin = Standin()
    lock = threading.Lock()

    class Handler(QuietHandler):
        def do_GET(self) -> None:
            parts = urlsplit(self.path)
            length = int(self.headers.get("Content-Length") or 0)
            raw = self.rfile.read(length)
            with lock:
                self._serve(parts.path, {k: v[0] for k, v in parse_qs(parts.query).items()}, raw)

        def do_POST(self) -> None:
            self.do_GET()

        def do_PUT(self) -> None:
            self.do_GET()

        def do_DELETE(self) -> None:
            self.do_GET()

        def _serve(self, path: str, query: dict[str, str], raw: bytes) -> None:
            artifact = path.partition("/api/2.0/mlflow-artifacts/artifacts/")[2]
            short = artifact or path.partition("/api/2.0/mlflow/")[2]
            standin.requests.append(f"{self.command} {short}")
            standin.authorizations.add(self.headers.get("Authorization", ""))
            fault = next((f for f in standin.faults if f[0] in short), None)
            if fault is not None:
                standin.faults.remove(fault)
                if isinstance(fault[1], int):
                    self._send(fault[1], {})
                    return
            if fault is None or fault[1] != "drop":
                status, document = self._carry_out(artifact, short, query, raw)
            if fault is None:
                self._send(status, document)
            else:
                self.close_connection = True

        def _carry_out(
            self, artifact: str, short: str, query: dict[str, str], raw: bytes
        ) -> tuple[int, Any]:
            if standin.wants not in {None, self.headers.get("Authorization")}:
                return 401, None
            if artifact:
                standin.artifacts[unquote(artifact)] = raw
                return 200, {}
            try:
                body = json.loads(raw) if raw else None
                return 200, standin.answer(self.command, short, query, body)
            except RefusedError as error:
                return error.status, {"error_code": error.code, "message": str(error)}

        def _send(self, status: int, document: Any) -> None:
            answer = b"<html>" if document is None else json.dumps(document).encode()
            self.send_response(status)
            self.send_header("Content-Length", str(len(answer)))
            self.end_headers()
            self.wfile.write(answer)

    with serving(Handler) as port:
        standin.address = f"http://127.0.0.1:{port}"
        yield standin


def _has(tags: list[dict[str, str]], wanted: str) -> bool:
    held = {one["key"]: one["value"] for one in tags}
    pairs = re.findall(r"tags\.`([^`]*)` = '([^']*)'", wanted)
    assert pairs or " and " not in wanted, wanted
    return all(held.get(key) == value for key, value in pairs)
