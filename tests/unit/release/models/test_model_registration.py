"""Registering a release: once, whatever goes wrong on the way, and never over another's."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from tests.support.mlflow_standin import Fault, Standin, mlflow_standin
from tradai_tasks.backtest.record import BacktestRecord, GateVerdict
from tradai_tasks.errors import ConflictError, EvidenceError, ModelRegistryError
from tradai_tasks.release.clients.mlflow_api import MlflowServer, ModelVersion
from tradai_tasks.release.clients.mlflow_http import address_of, client_of
from tradai_tasks.release.engine.plan import records_of
from tradai_tasks.release.engine.step import Look, Release
from tradai_tasks.release.models.model_description import logged_params
from tradai_tasks.release.models.model_registration import AliasStep, VersionStep, is_newer
from tradai_tasks.workspace.tags import parse_tag

COMMIT, OTHER = "a" * 40, "b" * 40
IMAGE = "registry.example/momentum@sha256:" + "1" * 64
RECORD = BacktestRecord(
    strategy="momentum",
    kind="full",
    commit=COMMIT,
    lock_sha256="c" * 64,
    data_sha256="d" * 64,
    freqtrade="2026.9",
    start="2025-11-01",
    end="2026-11-01",
    pairs=("BTC/USDT:USDT", "ETH/USDT:USDT"),
    timeframe="1h",
    sharpe="closed-trades",
    metrics={"sharpe": 1.5, "profit-factor": 1.3, "max-drawdown": 0.1, "trades": 70.0},
    verdicts=(GateVerdict(metric="sharpe", value=1.5, relation=">=", threshold=1.0, passed=True),),
    passed=True,
    conditions={"fee": "0.0005", "parameter-window": "9"},
)


@pytest.fixture
def server() -> Iterator[Standin]:
    with mlflow_standin() as standin:
        yield standin


def connected(standin: Standin, env: dict[str, str] | None = None, patience: float = 20) -> Any:
    client = client_of(
        {"MLFLOW_TRACKING_URI": standin.address, **(env or {})},
        None,
        patience=patience,
        sleep=lambda _: None,
    )
    server = MlflowServer(client=client)
    return lambda: server


def released(tag: str = "momentum-v1.0.0", commit: str = COMMIT) -> Release:
    return Release(
        tag=parse_tag(tag, ["momentum"]),
        commit=commit,
        time=1_790_000_000,
        root=Path("/nowhere"),
        source="https://git.example/strategies",
    )


def version_step(standin: Standin, folder: Path, **changed: Any) -> VersionStep:
    (folder / "charts").mkdir(exist_ok=True)
    (folder / "charts" / "equity curve.png").write_bytes(b"png")
    (folder / "report.html").write_bytes(b"<p>")
    names = ("charts/equity curve.png", "report.html")
    report = {name: (folder / name).read_bytes() for name in names}
    given: dict[str, Any] = {
        "name": "momentum",
        "release": released(),
        "connect": connected(standin),
        "image": lambda known: known.get("image"),
        "backtest": lambda known: known.get("backtest"),
        "is_backtested": True,
        "report": lambda: report,
        "metadata": {"team": "quant"},
        "description": "Goes with moves",
        "experiment": "releases",
        **changed,
    }
    return VersionStep(**given)


KNOWN: Any = {"image": IMAGE, "backtest": RECORD}


def knowing(**changed: Any) -> Any:
    return {**KNOWN, **changed}


def made(standin: Standin) -> None:
    """What one whole registration leaves, and no more."""
    assert len(standin.versions("momentum")) == 1
    (version,) = standin.versions("momentum")
    tags = {one["key"]: one["value"] for one in version["tags"]}
    assert version["source"] == f"docker://{IMAGE}"
    assert tags["strategy_version"] == "1.0.0"
    assert tags["release_tag"] == "momentum-v1.0.0"
    assert tags["git_revision"] == COMMIT
    assert tags["image_digest"] == "sha256:" + "1" * 64
    assert tags["candles_sha256"] == "d" * 64
    assert tags["freqtrade_version"] == "2026.9"
    assert tags["metrics.sharpe"] == "1.5"
    assert tags["team"] == "quant"
    run = standin.runs[version["run_id"]]
    assert run["info"]["status"] == "FINISHED"
    assert run["data"]["metrics"] == RECORD.metrics
    assert run["data"]["params"] == {
        "pairs": "BTC/USDT:USDT,ETH/USDT:USDT",
        "timerange": "20251101-20261101",
        "timeframe": "1h",
        "sharpe_kind": "closed-trades",
        "candles_sha256": "d" * 64,
        "lock_sha256": "c" * 64,
        "freqtrade_version": "2026.9",
        "git_revision": COMMIT,
        "fee": "0.0005",
        "parameter-window": "9",
    }
    assert tags["gate.sharpe"] == "passed: 1.500 >= 1.000"
    assert len(standin.runs) == 1
    home = f"{run['info']['experiment_id']}/{version['run_id']}/artifacts/report"
    assert standin.artifacts == {
        f"{home}/charts/equity curve.png": b"png",
        f"{home}/report.html": b"<p>",
    }


def test_a_strategy_without_backtests_is_registered_without_figures(
    server: Standin, tmp_path: Path
) -> None:
    given = {"is_backtested": False, "report": dict}
    step = version_step(server, tmp_path, **given)
    known: Any = {"image": IMAGE}
    assert step.look(known).state == "todo"
    look = step.act(known)
    (version,) = server.versions("momentum")
    tags = {one["key"]: one["value"] for one in version["tags"]}
    assert tags["git_revision"] == COMMIT
    assert not [key for key in tags if key.startswith(("metrics.", "gate.", "candles"))]
    assert "It has no backtest" in version["description"]
    run = server.runs[version["run_id"]]
    assert run["info"]["status"] == "FINISHED"
    assert run["data"].get("metrics", {}) == {}
    assert version_step(server, tmp_path, **given).look(known) == look
    with pytest.raises(EvidenceError, match="its backtest is not known"):
        version_step(server, tmp_path).act(known)


def test_a_release_is_registered_once(server: Standin, tmp_path: Path) -> None:
    step = version_step(server, tmp_path)
    assert step.look({}).state == "todo"
    assert step.look(KNOWN).state == "todo"
    look = step.act(KNOWN)
    made(server)
    assert look.record["version"] == "1"
    assert look.note == f"version 1, docker://{IMAGE}"

    before = len(server.changes)
    again = version_step(server, tmp_path)  # another process
    assert again.look(KNOWN) == look
    assert again.look({}) == look  # also where nothing but the tag is known
    assert len(server.changes) == before


@pytest.mark.parametrize("fault", ["drop", "drop-after", 500, 503, 429])
@pytest.mark.parametrize(
    "path",
    [
        "model-versions/search",
        "experiments/get-by-name",
        "experiments/create",
        "runs/search",
        "runs/create",
        "runs/log-batch",
        "report.html",
        "runs/update",
        "registered-models/get",
        "registered-models/create",
        "model-versions/create",
    ],
)
def test_a_fault_that_passes_is_waited_for(
    server: Standin, tmp_path: Path, path: str, fault: Fault
) -> None:
    server.faults = [(path, fault), (path, fault)]
    step = version_step(server, tmp_path)
    assert step.look(KNOWN).state == "todo"
    assert step.act(KNOWN).state == "done"
    # what was made before the connection closed is found, so no second request makes it
    found = fault == "drop-after" and path.endswith("/create")
    assert len(server.faults) == found
    made(server)


@pytest.mark.parametrize("last", range(1, 13))
def test_a_registration_that_was_cut_at_any_request_is_finished(
    server: Standin, tmp_path: Path, last: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    class Killed(BaseException):
        pass

    step = version_step(server, tmp_path)
    client = step.connect().client.client
    count, send = _killer(last, Killed), client.transport.handle_request

    def killing(request: httpx.Request) -> httpx.Response:
        count(request)
        return send(request)

    monkeypatch.setattr(client.transport, "handle_request", killing)
    with pytest.raises(Killed):
        _again_and_again(step)
    again = version_step(server, tmp_path)
    if again.look(KNOWN).state == "todo":
        again.act(KNOWN)
    assert again.look(KNOWN).state == "done"
    made(server)


def _again_and_again(step: VersionStep) -> None:
    for _ in range(9):  # the highest of the numbers are not reached by one
        step.act(KNOWN)


def _killer(last: int, killed: type[BaseException]) -> Any:
    left = [last]

    def count(_: object) -> None:
        left[0] -= 1
        if left[0] < 0:
            raise killed

    return count


def test_what_is_registered_and_differs_is_an_error_that_names_both_sides(
    server: Standin, tmp_path: Path
) -> None:
    version_step(server, tmp_path).act(KNOWN)
    elsewhere = IMAGE.replace("1" * 64, "2" * 64)
    with pytest.raises(ConflictError) as caught:
        version_step(server, tmp_path).look(knowing(image=elsewhere))
    said = str(caught.value)
    assert said.startswith(
        "model momentum: version 1 is of momentum-v1.0.0 already, but its source"
    )
    assert f"docker://{IMAGE}" in said
    assert f"docker://{elsewhere}" in said
    assert "and 2 more differ" not in said

    other = version_step(server, tmp_path, release=released(commit=OTHER))
    with pytest.raises(ConflictError, match=f"git_revision is '{COMMIT}' there and '{OTHER}' here"):
        other.look({})
    figures = dataclasses.replace(
        RECORD, metrics={**RECORD.metrics, "sharpe": 2.0}, timeframe="4h", freqtrade="2027.1"
    )
    with pytest.raises(ConflictError, match="a release is never changed: release a higher"):
        version_step(server, tmp_path).look(knowing(backtest=figures))
    assert len(server.versions("momentum")) == 1


def test_two_versions_of_one_release_are_an_error(server: Standin, tmp_path: Path) -> None:
    version_step(server, tmp_path).act(KNOWN)
    (one,) = server.versions("momentum")
    server.answer("POST", "model-versions/create", {}, dict(one))
    with pytest.raises(ConflictError, match="versions 1 and 2 both are of momentum"):
        version_step(server, tmp_path).look(KNOWN)


def test_a_test_tag_may_be_registered_anew(server: Standin, tmp_path: Path) -> None:
    first = version_step(server, tmp_path, release=released("momentum-v0.0.0-test"))
    first.act(KNOWN)
    second = version_step(server, tmp_path, release=released("momentum-v0.0.0-test", commit=OTHER))
    assert second.look(KNOWN).note == "a test tag: to replace version 1"
    second.act(KNOWN)
    assert [one["version"] for one in server.versions("momentum")] == ["2"]
    assert second.look(KNOWN).state == "done"


def test_without_image_or_backtest_nothing_is_registered(server: Standin, tmp_path: Path) -> None:
    step = version_step(server, tmp_path)
    with pytest.raises(EvidenceError, match="its image is not known; run that stage first"):
        step.act({"backtest": KNOWN["backtest"]})
    with pytest.raises(EvidenceError, match="its backtest is not known; run that stage first"):
        step.act({"image": KNOWN["image"]})
    assert not server.changes


# --- the alias -----------------------------------------------------------------------------------


def alias_step(standin: Standin) -> AliasStep:
    return AliasStep(name="candidate", model="momentum", stage="mlflow", connect=connected(standin))


def register(standin: Standin, folder: Path, tag: str) -> tuple[Look, dict[str, Any]]:
    """Register a release and move the alias; return what became of that, and what is known."""
    step = version_step(standin, folder, release=released(tag))
    known = {"mlflow": records_of({"momentum": step.act(KNOWN)})}
    alias = alias_step(standin)
    look = alias.look(known)
    return (alias.act(known) if look.state == "todo" else look), known


def test_the_alias_only_moves_forward(server: Standin, tmp_path: Path) -> None:
    assert alias_step(server).look({}).note == "to be set"
    assert register(server, tmp_path, "momentum-v1.0.0")[0].note == "at version 1"
    look, _ = register(server, tmp_path, "momentum-v1.1.0-rc1")
    assert look.note == "at version 2"
    look, _ = register(server, tmp_path, "momentum-v1.0.1")
    assert look.state == "left"
    assert look.note == "stays at version 2 (1.1.0-rc1), which is newer"
    look, known = register(server, tmp_path, "momentum-v1.1.0")
    assert look.note == "at version 4"
    assert alias_step(server).look(known).state == "done"
    assert alias_step(server).look({}).note == "to be moved from version 4"
    assert server.models["momentum"]["aliases"] == {"candidate": "4"}
    with pytest.raises(EvidenceError, match="the version of momentum is not known"):
        alias_step(server).act({})


def test_what_is_no_release_is_ordered_by_its_number() -> None:
    def version(number: str, **tags: str) -> ModelVersion:
        return ModelVersion(version=number, source="s", run_id="", tags=tags)

    assert is_newer(version("10"), version("9", strategy_version="9.0.0"))
    assert not is_newer(version("9"), version("10", strategy_version="1.0.0"))
    assert is_newer(version("1", strategy_version="1.10.0"), version("2", strategy_version="1.9.0"))
    assert not is_newer(
        version("2", strategy_version="1.0.0-rc.2"), version("1", strategy_version="1.0.0")
    )


# --- the server ----------------------------------------------------------------------------------


def test_a_server_that_stays_away_fails_in_time_and_says_how_to_finish(tmp_path: Path) -> None:
    with mlflow_standin() as gone:
        pass
    step = version_step(gone, tmp_path, connect=connected(gone, patience=0.3))
    with pytest.raises(ModelRegistryError) as caught:
        step.look(KNOWN)
    said = str(caught.value)
    assert said.startswith(f"{gone.address}: cannot be reached: ")
    assert "tried for 0.3 s (mlflow.patience); once it is up, run the same again" in said


@pytest.mark.parametrize(
    ("env", "sent"),
    [
        (
            {"MLFLOW_TRACKING_USERNAME": "ci", "MLFLOW_TRACKING_PASSWORD": "s3cret"},
            "Basic Y2k6czNjcmV0",
        ),
        ({"MLFLOW_TRACKING_TOKEN": "t0ken"}, "Bearer t0ken"),
        ({"in the address": "1"}, "Basic Y2k6czNjcmV0"),
    ],
)
def test_credentials_come_from_the_environment_and_are_nowhere_else(
    server: Standin,
    tmp_path: Path,
    env: dict[str, str],
    sent: str,
    capsys: pytest.CaptureFixture[str],
) -> None:
    if "in the address" in env:
        env = {"MLFLOW_TRACKING_URI": server.address.replace("//", "//ci:s3cret@")}
    server.wants = sent
    connect = connected(server, {**env, "GITHUB_ACTIONS": "true"})
    step = version_step(server, tmp_path, connect=connect)
    assert step.look(KNOWN).state == "todo"
    assert server.authorizations == {sent}
    assert "s3cret" not in repr(step)
    assert "t0ken" not in repr(connect())
    said = capsys.readouterr().err
    assert said in {"::add-mask::s3cret\n", "::add-mask::t0ken\n"}
    server.wants = "something else"
    with pytest.raises(
        ModelRegistryError, match=r"refuses \(status 401\); set MLFLOW_TRACKING_USER"
    ):
        step.look(KNOWN)


def test_what_is_no_mlflow_server_is_said(server: Standin, tmp_path: Path) -> None:
    step = version_step(server, tmp_path)
    server.answer = lambda *_: None  # type: ignore[method-assign]
    with pytest.raises(ModelRegistryError, match="no JSON object; is that an MLflow server"):
        step.look(KNOWN)
    server.answer = lambda *_: {"model_versions": [{}]}  # type: ignore[method-assign]
    with pytest.raises(ModelRegistryError, match="its answer is not that of MLflow"):
        step.look(KNOWN)


def test_an_error_of_the_server_is_shown_with_its_code(server: Standin, tmp_path: Path) -> None:
    step = version_step(server, tmp_path)
    step.connect().ensure_experiment("releases")
    server.experiments["releases"] = "deleted"
    with pytest.raises(ModelRegistryError, match="the experiment 'releases' was deleted; restore"):
        step.act(KNOWN)
    server.experiments["releases"] = "1"
    run = step.connect().ensure_run("1", "x", {"a": "b"}, 1)
    step.connect().log(run, {}, {"pairs": "1"}, 1)
    with pytest.raises(ModelRegistryError, match="INVALID_PARAMETER_VALUE: Changing param values"):
        step.connect().log(run, {}, {"pairs": "2"}, 1)
    assert step.connect().ensure_run("1", "x", {"a": "b"}, 1) == run


def test_files_that_cannot_be_put_are_an_error(server: Standin, tmp_path: Path) -> None:
    server.artifact_root = "file:///srv/mlruns"
    with pytest.raises(ModelRegistryError, match="run the server with --serve-artifacts, or in S3"):
        version_step(server, tmp_path).act(KNOWN)
    assert not server.models


def test_files_go_to_s3_where_the_server_keeps_them_there(
    server: Standin, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    import boto3
    from moto import mock_aws

    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.setenv(name, "test")
    monkeypatch.setenv("AWS_DEFAULT_REGION", "us-east-1")
    monkeypatch.delenv("AWS_ENDPOINT_URL", raising=False)
    server.artifact_root = "s3://models/mlflow"
    with mock_aws():
        with pytest.raises(ModelRegistryError, match=r"s3://models/mlflow/1/run1.*NoSuchBucket"):
            version_step(server, tmp_path).act(KNOWN)
        s3 = boto3.client("s3")
        s3.create_bucket(Bucket="models")
        version_step(server, tmp_path).act(KNOWN)
        listed = s3.list_objects_v2(Bucket="models")["Contents"]
    assert "mlflow/1/run1/artifacts/report/report.html" in [one["Key"] for one in listed]
    assert len(server.runs) == 1


@pytest.mark.parametrize(
    ("env", "setting", "said"),
    [
        ({}, None, "no MLflow server is named; set the environment variable MLFLOW_TRACKING_URI"),
        ({"MLFLOW_TRACKING_URI": "sqlite:///x"}, None, "_URI: no web address; it must begin with"),
        ({"MLFLOW_TRACKING_URI": "mlruns"}, "https://a", "MLFLOW_TRACKING_URI: no web address"),
        ({}, "http://mlflow.example", "mlflow.tracking-uri: an http address of another machine"),
        ({"MLFLOW_TRACKING_URI": "http://"}, None, "no web address that can be read"),
    ],
)
def test_a_server_that_is_not_named_is_an_error(
    env: dict[str, str], setting: str | None, said: str
) -> None:
    with pytest.raises(ModelRegistryError, match=said):
        address_of(env, setting)


def test_the_environment_comes_before_the_settings() -> None:
    assert address_of({"MLFLOW_TRACKING_URI": "https://a"}, "https://b").url == "https://a"
    assert address_of({"MLFLOW_TRACKING_URI": ""}, "https://b").url == "https://b"
    client = client_of({}, "https://u:p@host.example/base/", patience=1)
    assert client.address == "https://host.example/base"
    assert str(client.client.base) == "https://host.example/base/"


def test_a_private_authority_is_trusted_by_its_file(tmp_path: Path) -> None:
    import certifi

    env = {"MLFLOW_TRACKING_SERVER_CERT_PATH": certifi.where()}
    assert client_of(env, "https://host.example", patience=1).address == "https://host.example"


def test_a_version_is_described_for_a_person(server: Standin, tmp_path: Path) -> None:
    register(server, tmp_path, "momentum-v1.0.0")
    later = dataclasses.replace(RECORD, metrics={**RECORD.metrics, "sharpe": 2.0}, note="a note")
    known = {**KNOWN, "backtest": later}
    version_step(server, tmp_path, release=released("momentum-v1.1.0")).act(known)
    first, second = (one["description"] for one in server.versions("momentum"))
    assert first.startswith(
        "momentum-v1.0.0: Goes with moves\n\nmomentum: full backtest, 2025-11-01"
    )
    assert "| sharpe (closed trades) | 1.500 | " in first
    assert "Since" not in first
    assert "a note." in second
    assert "Since momentum-v1.0.0: sharpe 1.5 -> 2, profit-factor 1.3 -> 1.3" in second


def test_a_long_parameter_is_cut_to_what_servers_take() -> None:
    record = dataclasses.replace(RECORD, conditions={"minimal-roi": "x" * 600})
    assert logged_params(record)["minimal-roi"] == "x" * 497 + "..."
