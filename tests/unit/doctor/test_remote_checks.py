"""What the checks of remote things say where there is nothing to ask."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pytest

from tests.support.doctor_contexts import doctor_context
from tests.support.project import pyproject
from tradai_tasks.doctor import index, remote
from tradai_tasks.doctor.repository import DoctorContext
from tradai_tasks.errors import AwsDeniedError, AwsError, SettingsError
from tradai_tasks.release.clients.aws import Aws

SERVICE = {
    "pyproject.toml": '[tool.uv.workspace]\nmembers = ["services/*"]\n',
    "services/web/pyproject.toml": pyproject("web"),
    "services/web/Dockerfile": "",
    "lambdas/gaps/Dockerfile": "",
}
PROD = "[tool.tradai-tasks.deploy.environments.prod]\ncluster = 'main'\n"


def repository(
    files: Mapping[str, str], more: str = "", *environments: str, **env: str
) -> DoctorContext:
    made = {**files, "pyproject.toml": files["pyproject.toml"] + more}
    return doctor_context(made, env, environments=environments)


BARE = {"pyproject.toml": pyproject("x")}


@pytest.mark.parametrize(
    ("ask", "why"),
    [
        (remote.credentials, "nothing here is released to AWS"),
        (remote.registry, "no image to push"),
        (remote.services, "no service with a Dockerfile"),
        (remote.functions, "no lambda with a Dockerfile"),
        (remote.mlflow, "no strategy to register"),
        (index.codeartifact, "no publish.codeartifact in the settings"),
    ],
)
def test_what_does_not_apply_is_said(ask: Any, why: str) -> None:
    finding = ask(repository(BARE))
    assert (finding.state, finding.what) == ("n/a", why)


def test_without_an_environment_none_is_looked_into() -> None:
    assert "has a cluster" in remote.services(repository(SERVICE)).what
    assert "name one: --environment dev" in remote.functions(repository(SERVICE)).what


class Answers:
    """AWS as a test has it, by operation; an exception is raised."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, **answers: Any) -> None:
        self.asked: list[str] = []

        def call(aws: Aws, service: str, operation: str, /, **_: Any) -> Any:
            self.asked.append(operation)
            found = answers[operation]
            if isinstance(found, Exception):
                raise found
            return found

        monkeypatch.setattr(Aws, "call", call)


def test_what_uses_aws(monkeypatch: pytest.MonkeyPatch) -> None:
    Answers(monkeypatch, get_caller_identity={"Account": "1", "Arn": "arn:x"})
    host = "123456789012.dkr.ecr.eu-central-1.amazonaws.com"
    made = repository(SERVICE, PROD, "prod", ECR_REGISTRY=host)
    assert remote.credentials(made).what == "arn:x, for ECR, Lambda, ECS"
    assert remote.credentials(repository(SERVICE)).what == "arn:x, for Lambda"


def test_services_by_tens(monkeypatch: pytest.MonkeyPatch) -> None:
    files = dict(SERVICE)
    for number in range(23):
        files |= {
            f"services/s{number}/Dockerfile": "",
            f"services/s{number}/pyproject.toml": pyproject(f"s{number}"),
        }
    answers = Answers(monkeypatch, describe_services={"services": [], "failures": []})
    finding = remote.services(repository(files, PROD, "prod"))
    assert finding.state == "fault"
    assert finding.what.endswith("; and 19 more")
    assert answers.asked == ["describe_services"] * 3


def test_what_may_not_be_asked_is_no_success(monkeypatch: pytest.MonkeyPatch) -> None:
    denied = AwsDeniedError("denied", "AccessDeniedException")
    Answers(monkeypatch, describe_services=denied, get_function=denied)
    made = repository(SERVICE, PROD, "prod")
    for ask in (remote.services, remote.functions):
        with pytest.raises(AwsError):
            ask(made)


def test_a_function_that_is_missing_or_of_another_kind(monkeypatch: pytest.MonkeyPatch) -> None:
    gone = AwsError("gone", "ResourceNotFoundException")
    Answers(monkeypatch, get_function=gone)
    assert remote.functions(repository(SERVICE, PROD, "dev")).what == (
        "0 found in dev, 1 missing and skipped"
    )
    Answers(monkeypatch, get_function={"Configuration": {"PackageType": "Zip"}})
    finding = remote.functions(repository(SERVICE, PROD, "prod"))
    assert finding.what == "prod: 'gaps' is of a Zip file and takes no image"


def test_names_that_are_none_are_faults_of_the_settings() -> None:
    wrong = PROD + "services = { wep = 'x' }\n"
    with pytest.raises(SettingsError, match="did you mean 'web'"):
        remote.services(repository(SERVICE, wrong, "prod"))


STRATEGY = {
    "pyproject.toml": pyproject("root"),
    "strategies/momentum/pyproject.toml": pyproject("momentum"),
    "strategies/momentum/src/momentum/__init__.py": "",
}


def test_the_model_registry_is_named_by_where_its_address_comes_from() -> None:
    nowhere = remote.mlflow(repository(STRATEGY))
    assert nowhere.what == "neither MLFLOW_TRACKING_URI nor the setting mlflow.tracking-uri is set"
    down = "http://127.0.0.1:9"
    setting = f"[tool.tradai-tasks.mlflow]\ntracking-uri = '{down}'\n"
    by_setting = remote.mlflow(repository(STRATEGY, setting))
    assert by_setting.what.startswith("cannot be reached")
    assert by_setting.remedy == "start it, or fix the setting mlflow.tracking-uri"
    by_variable = remote.mlflow(repository(STRATEGY, setting, MLFLOW_TRACKING_URI=down))
    assert by_variable.remedy == "start it, or fix MLFLOW_TRACKING_URI"
