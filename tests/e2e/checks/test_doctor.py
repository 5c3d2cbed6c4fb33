"""The doctor on real parts: moto, a loopback ECS, a real registry, a fake Pulumi, a made-up MLflow.

`pulumi` is an executable of ours on PATH that prints what the real one prints: the real one is not
to be had everywhere.
"""

from __future__ import annotations

import json
import os
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import boto3
import httpx
import pytest

from tests.support.codeartifact import codeartifact
from tests.support.ecs import Service, ecs_server
from tests.support.inprocess import InProcess, Ran, run
from tests.support.loopback import QuietHandler, serving
from tests.support.moto_server import ACCOUNT, moto
from tests.support.registry import PASSWORD, USER, proxy, registry

__all__ = ["run"]

PLATFORM = {
    "pyproject.toml": """
        [tool.uv.workspace]
        members = ["services/*"]
        [tool.tradai-tasks.deploy.environments.prod]
        cluster = "main"
        services = { backend = "backend-api" }
        [tool.tradai-tasks.deploy.environments.dev]
        cluster = "small"
    """,
    "services/backend/pyproject.toml": '[project]\nname = "backend"\nversion = "1"\n',
    "services/backend/Dockerfile": "FROM scratch\n",
    "lambdas/gaps/Dockerfile": 'FROM x\nCMD ["handler.run"]\n',
    "lambdas/gaps/handler.py": "def run(event, context): ...\n",
    "infra/Pulumi.yaml": "name: x\n",
    "infra/Pulumi.dev.yaml": "",
}
STRATEGY = {
    "strategies/fast/pyproject.toml": '[project]\nname = "fast"\nversion = "1"\n',
    "strategies/fast/fast.py": "",
}


def findings(ran: Ran) -> dict[str, dict[str, Any]]:
    document = json.loads(ran.out)
    assert document["healthy"] == (ran.status == 0)
    assert "Traceback" not in ran.log
    assert "botocore" not in ran.log
    return {one["check"]: one for one in document["checks"]}


@pytest.fixture
def aws(monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    with moto(monkeypatch) as url:
        httpx.post(f"{url}/moto-api/reset")  # its state is the process's
        yield url


def pulumi(folder: Path, text: str, *, status: int = 0) -> str:
    """Put a fake `pulumi` first on a PATH and return that."""
    folder.mkdir()
    program = folder / "pulumi"
    program.write_text(f"#!/bin/sh\ncat <<'END'\n{text}\nEND\nexit {status}\n")
    program.chmod(0o755)
    return f"{folder}{os.pathsep}{os.environ['PATH']}"


def test_a_platform_where_all_is_well(
    run: InProcess, aws: str, tmp_path_factory: pytest.TempPathFactory
) -> None:
    place = tmp_path_factory.mktemp("registry")
    role = boto3.client("iam").create_role(
        RoleName="r", AssumeRolePolicyDocument="{}", Path="/"
    )["Role"]["Arn"]  # fmt: skip
    boto3.client("lambda").create_function(
        FunctionName="gaps", PackageType="Image", Code={"ImageUri": "x/gaps:1"}, Role=role
    )
    with ecs_server() as ecs, registry(place) as host, proxy(host) as seen:
        ecs.add("main", Service(name="backend-api", image="x"))
        ecs.clusters["small"] = {}
        env = {
            "AWS_ENDPOINT_URL_ECS": ecs.url,
            "ECR_REGISTRY": seen.host,
            "REGISTRY_USERNAME": USER,
            "REGISTRY_PASSWORD": PASSWORD,
            "PATH": pulumi(place / "bin", '[{"name": "dev", "updateInProgress": false}]'),
        }
        ran = run.files(PLATFORM)(
            "-s", "doctor", "--", "--json", "--skip", "locks", "--skip", "engine",
            "--timeout", "120", env=env,
        )  # fmt: skip
        found = findings(ran)
        assert {name: one["state"] for name, one in found.items()} == {
            "inventory": "ok",
            "lambdas": "ok",
            "aws": "ok",
            "registry": "ok",
            "codeartifact": "n/a",
            "services": "ok",
            "functions": "ok",
            "mlflow": "n/a",
            "candles": "n/a",
            "pulumi": "ok",
            "secrets": "n/a",
            "tags": "n/a",
            "keys": "n/a",
            "concessions": "ok",
        }
        assert f"arn:aws:sts::{ACCOUNT}" in found["aws"]["what"]
        assert found["registry"]["what"] == f"2 images can be pushed to {seen.host}"
        # what it began, it gave up: nothing is left in the registry
        assert [one[0] for one in seen.writes()].count("DELETE") == 2
        assert found["services"]["what"] == "1 found in prod, dev, 1 missing and skipped"
        assert found["functions"]["what"] == "2 found in prod, dev"
        assert PASSWORD not in ran.out + ran.log


def test_a_platform_where_nothing_is(
    run: InProcess, aws: str, tmp_path_factory: pytest.TempPathFactory
) -> None:
    place = tmp_path_factory.mktemp("registry")
    with ecs_server() as ecs, registry(place) as host, proxy(host) as seen:
        seen.read_only = True
        ecs.clusters["small"] = {}
        env = {
            "AWS_ENDPOINT_URL_ECS": ecs.url,
            "AWS_ACCOUNT_ID": "999999999999",
            "ECR_REGISTRY": seen.host,
            "REGISTRY_USERNAME": USER,
            "REGISTRY_PASSWORD": PASSWORD,
            "PATH": pulumi(place / "bin", '[{"name": "dev", "updateInProgress": true}]'),
        }
        (run.home / "lambdas/bare").mkdir(parents=True)
        ran = run.files(PLATFORM)(
            "-s", "doctor", "--", "--json", "--skip", "engine", "--timeout", "120", env=env
        )
        found = findings(ran)
        faults = {name: one["what"] for name, one in found.items() if one["state"] == "fault"}
        assert set(faults) == {
            "locks", "lambdas", "aws", "registry", "services", "functions", "pulumi",
        }  # fmt: skip
        assert all(found[name]["remedy"] for name in faults)
        assert faults["lambdas"] == "lambdas/bare: no Dockerfile, so it is never built"
        assert f"signed in to account {ACCOUNT}" in faults["aws"]
        assert "push denied" in faults["registry"]
        assert faults["services"] == "prod: no cluster 'main'"
        assert faults["functions"] == "prod: no function 'gaps'"
        assert faults["pulumi"] == "infra: stack dev: locked by an update"
        assert (
            f"doctor: 7 of {len(found)} checks found a fault: locks, lambdas, aws, registry, "
            "services, functions, pulumi; each remedy is above"
        ) in " ".join(ran.log.split())
        ecs.clusters["main"] = {}
        again = run("-s", "doctor", "--", "--json", "--only", "services", env=env)
        assert findings(again)["services"]["what"] == (
            "prod: cluster main has no service 'backend-api'"
        )


def test_ecr_repositories_and_what_the_role_may_not_do(
    run: InProcess, aws: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    env = {"ECR_REGISTRY": f"{ACCOUNT}.dkr.ecr.eu-central-1.amazonaws.com"}
    ran = run.files(PLATFORM)("-s", "doctor", "--", "--json", "--only", "registry", env=env)
    (found,) = findings(ran).values()
    assert found["what"].count("there is no such repository; create it with: aws ecr") == 2


@pytest.mark.parametrize(
    ("env", "words"),
    [
        ({}, "no credentials for AWS"),
        (
            {"AWS_ACCESS_KEY_ID": "x", "AWS_SECRET_ACCESS_KEY": "marked-secret"},
            "AWS cannot be reached",
        ),
    ],
)
def test_no_credentials_and_nobody_there(
    run: InProcess, monkeypatch: pytest.MonkeyPatch, env: dict[str, str], words: str
) -> None:
    for name in [name for name in os.environ if name.startswith("AWS_")]:
        monkeypatch.delenv(name)
    fixed = {
        "AWS_REGION": "eu-central-1",
        "AWS_CONFIG_FILE": os.devnull,
        "AWS_SHARED_CREDENTIALS_FILE": os.devnull,
        "AWS_EC2_METADATA_DISABLED": "true",
        "AWS_ENDPOINT_URL": "http://127.0.0.1:9",
    }
    ran = run.files(PLATFORM)(
        "-s", "doctor", "--", "--only", "aws", "--timeout", "120", env={**fixed, **env}
    )
    assert ran.status == 1
    assert words in " ".join(ran.out.replace("│", " ").split())
    assert "marked-secret" not in ran.out + ran.log
    assert "Traceback" not in ran.log


def test_a_check_that_takes_too_long(run: InProcess, tmp_path_factory: Any) -> None:
    place = tmp_path_factory.mktemp("slow")
    (place / "bin").mkdir()
    program = place / "bin" / "pulumi"
    program.write_text("#!/bin/sh\nexec sleep 60\n")
    program.chmod(0o755)
    ran = run.files(PLATFORM)(
        "-s", "doctor", "--", "--json", "--only", "pulumi", "--timeout", "0.5",
        env={"PATH": f"{place}/bin{os.pathsep}{os.environ['PATH']}"},
    )  # fmt: skip
    (found,) = findings(ran).values()
    assert "0.5 s" in found["what"]
    assert found["remedy"]


INDEX = {
    "pyproject.toml": """
        [project]
        name = "x"
        version = "1"
        [tool.tradai-tasks.publish.codeartifact]
        domain = "tradai"
        repository = "py"
        region = "eu-central-1"
    """,
    "x.py": "",
}


def test_codeartifact_and_the_age_of_its_token(
    run: InProcess, monkeypatch: pytest.MonkeyPatch
) -> None:
    def asked(**env: str) -> dict[str, Any]:
        ran = run("-s", "doctor", "--", "--json", "--only", "codeartifact", env=env)
        assert "marked-" not in ran.out + ran.log
        return findings(ran)["codeartifact"]

    with codeartifact() as index:
        run.files(INDEX)
        for name, said in index.env.items():
            monkeypatch.setenv(name, said)
        file = run.home / "netrc"
        monkeypatch.setenv("NETRC", str(file))
        assert "no token is stored here (nox -s codeartifact-login" in asked()["what"]
        ran = run("-s", "codeartifact-login", "--", "--tool", "uv")
        assert ran.status == 0, ran.log
        good = asked()
        assert good["state"] == "ok"
        assert f"takes the token in {file}, written 0.0 h ago" in good["what"]
        index.tokens.clear()
        old = time.time() - 13 * 3600
        os.utime(file, (old, old))
        expired = asked()
        assert expired["state"] == "fault"
        assert (
            "is refused (status 401), written 13.0 h ago; one is good for 12 hours"
            in (expired["what"])
        )
        assert expired["remedy"] == "get a new one: nox -s codeartifact-login"
        by_variable = asked(UV_INDEX_PY_PASSWORD="marked-other")
        assert "the token in UV_INDEX_PY_PASSWORD is refused" in by_variable["what"]
        file.write_text("machine {")
        assert "no token is stored here" in asked()["what"]
        index.repository = "other"
        missing = asked()
        assert missing["state"] == "fault"
        assert "there is no repository 'py'" in missing["what"]


def test_an_environments_own_codeartifact_is_asked_too(
    run: InProcess, monkeypatch: pytest.MonkeyPatch
) -> None:
    def asked(*args: str) -> dict[str, Any]:
        ran = run("-s", "doctor", "--", "--json", "--only", "codeartifact", *args)
        return findings(ran)["codeartifact"]

    own = """
        [tool.tradai-tasks.deploy.environments.prod.codeartifact]
        domain = "tradai"
        repository = "gone"
        region = "eu-central-1"
        [tool.tradai-tasks.deploy.environments.dev]
        region = "eu-central-1"
    """
    with codeartifact() as index:
        run.files({**INDEX, "pyproject.toml": INDEX["pyproject.toml"] + own})
        for name, said in index.env.items():
            monkeypatch.setenv(name, said)
        monkeypatch.setenv("NETRC", str(run.home / "netrc"))
        found = asked()
        assert found["state"] == "fault"
        assert found["what"].startswith("prod: CodeArtifact tradai/gone: there is no repository")
        assert asked("--environment", "prod")["state"] == "fault"
        assert asked("--environment", "dev")["state"] == "ok"
        index.repository = "gone"
        assert asked()["what"].startswith("publish: CodeArtifact tradai/py: there is no")
        assert asked("--environment", "prod")["state"] == "ok"


@contextmanager
def model_registry(status: int, body: bytes) -> Iterator[str]:
    class Handler(QuietHandler):
        def do_GET(self) -> None:
            self.send_response(status)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

    with serving(Handler) as port:
        yield f"http://user:marked-secret@127.0.0.1:{port}"


@pytest.mark.parametrize(
    ("status", "body", "state", "words"),
    [
        (200, b"{}", "ok", "answers"),
        (200, b"<html>", "fault", "what answers is no MLflow server"),
        (401, b"", "fault", "refuses the credentials (status 401)"),
        (503, b"", "fault", "answers with status 503"),
    ],
)
def test_the_model_registry(
    run: InProcess, status: int, body: bytes, state: str, words: str
) -> None:
    with model_registry(status, body) as address:
        ran = run.files(STRATEGY)(
            "-s", "doctor", "--", "--json", "--only", "mlflow", "--timeout", "60",
            env={"MLFLOW_TRACKING_URI": address},
        )  # fmt: skip
    (found,) = findings(ran).values()
    assert found["state"] == state
    assert words in found["what"]
    assert "marked-secret" not in ran.out + ran.log


@pytest.mark.parametrize(
    ("env", "words"),
    [
        (
            {"MLFLOW_TRACKING_URI": ""},
            "neither MLFLOW_TRACKING_URI nor the setting mlflow.tracking-uri is set",
        ),
        ({"MLFLOW_TRACKING_URI": "http://127.0.0.1:9"}, "cannot be reached (ConnectError)"),
        ({"MLFLOW_TRACKING_URI": "file:///x"}, "no web address; it must begin with https://"),
    ],
)
def test_a_model_registry_that_is_not_there(
    run: InProcess, env: dict[str, str], words: str
) -> None:
    ran = run.files(STRATEGY)("-s", "doctor", "--", "--json", "--only", "mlflow", env=env)
    (found,) = findings(ran).values()
    assert found["state"] == "fault"
    assert words in found["what"]


def test_bad_arguments(run: InProcess) -> None:
    run.files(STRATEGY)
    for words, said in (
        (["--timeout", "0"], "--timeout: give seconds, more than 0 and at most 3600"),
        (["--only", "awz"], "--only awz: there is no such check; did you mean 'aws'?"),
        (["--environment", "prd"], "environment 'prd': there is none; did you mean 'prod'?"),
    ):
        ran = run("-s", "doctor", "--", *words)
        assert ran.status == 1
        assert said in ran.log


def test_locks_for_real(run: InProcess) -> None:
    files = {"pyproject.toml": '[project]\nname = "x"\nversion = "1"\nrequires-python = ">=3.11"\n'}
    run.files(files)
    bare = run("-s", "doctor", "--", "--json", "--only", "locks")
    assert findings(bare)["locks"]["what"] == "uv.lock: not there"
    lock = 'version = 1\nrevision = 3\nrequires-python = ">=3.11"\n\n[[package]]\nname = "x"\n'
    run.files({"uv.lock": f'{lock}version = "1"\nsource = {{ virtual = "." }}\n'})
    ran = run("-s", "doctor", "--", "--json", "--only", "locks", "--timeout", "120")
    assert findings(ran)["locks"]["state"] == "ok"
    run.files({"uv.lock": f'{lock}version = "2"\nsource = {{ virtual = "." }}\n'})
    stale = run("-s", "doctor", "--", "--json", "--only", "locks", "--timeout", "120")
    assert findings(stale)["locks"]["what"] == "uv.lock: stale"
    assert findings(stale)["locks"]["remedy"] == "update it with: nox -s lock"
