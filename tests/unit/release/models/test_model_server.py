"""What MLflow's server answers, and how it is reached."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.support.mlflow_standin import Standin, mlflow_standin
from tests.support.model_registrations import KNOWN, connected, version_step
from tradai_tasks.errors import ModelRegistryError
from tradai_tasks.release.clients.mlflow_http import address_of, client_of


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
