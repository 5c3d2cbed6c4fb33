"""Every way in which AWS says no is one line that says what to do."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from functools import partial
from typing import Any

import botocore.exceptions as boto
import pytest

from tradai_tasks.errors import (
    AwsCredentialsError,
    AwsDeniedError,
    AwsError,
    AwsExpiredError,
    AwsRegionError,
    AwsThrottledError,
    AwsUnreachableError,
    StoppedError,
)
from tradai_tasks.http_client import retry
from tradai_tasks.release.clients.aws import Aws, aws_error, pascal_case


def answered(code: str, message: str = "words\nof AWS") -> boto.ClientError:
    return boto.ClientError({"Error": {"Code": code, "Message": message}}, "UpdateService")


@pytest.mark.parametrize(
    ("error", "kind", "words"),
    [
        (boto.NoCredentialsError(), AwsCredentialsError, ["no credentials", "aws sso login"]),
        (
            boto.PartialCredentialsError(provider="env", cred_var="AWS_SECRET_ACCESS_KEY"),
            AwsCredentialsError,
            ["AWS_SECRET_ACCESS_KEY"],
        ),
        (boto.ProfileNotFound(profile="nope"), AwsCredentialsError, ["nope", "AWS_PROFILE"]),
        (boto.UnauthorizedSSOTokenError(), AwsExpiredError, ["expired", "aws sso login"]),
        (boto.NoRegionError(), AwsRegionError, ["AWS_REGION", "deploy.environments.<name>.region"]),
        (
            boto.EndpointConnectionError(endpoint_url="http://127.0.0.1:1"),
            AwsUnreachableError,
            ["cannot be reached", "127.0.0.1:1"],
        ),
        (
            boto.ReadTimeoutError(endpoint_url="http://127.0.0.1:1"),
            AwsUnreachableError,
            ["cannot be reached"],
        ),
        (answered("ExpiredTokenException"), AwsExpiredError, ["have expired"]),
        (answered("UnrecognizedClientException"), AwsCredentialsError, ["does not know these"]),
        (answered("ThrottlingException"), AwsThrottledError, ["throttles", "run it again"]),
        (answered("AccessDeniedException"), AwsDeniedError, ["the action ecs:UpdateService"]),
        (
            answered(
                "AccessDeniedException",
                "User: arn:aws:iam::1:user/x is not authorized to perform: iam:PassRole on y",
            ),
            AwsDeniedError,
            ["allow the action iam:PassRole"],
        ),
        (answered("Odd"), AwsError, ["ecs:UpdateService: Odd: words of AWS"]),
        (boto.ParamValidationError(report="bad"), AwsError, ["bad"]),
    ],
)
def test_each_error_is_one_line(error: Exception, kind: type[AwsError], words: list[str]) -> None:
    found = aws_error(error, "ecs", "update_service")
    assert type(found) is kind
    assert "\n" not in str(found)
    for word in words:
        assert word in str(found)


def test_the_code_of_an_answer_is_kept() -> None:
    assert (
        aws_error(answered("ServiceNotFoundException"), "ecs", "x").code
        == "ServiceNotFoundException"
    )
    assert aws_error(boto.ClientError({}, "X"), "ecs", "update_service").code == "Unknown"


def test_names_of_operations() -> None:
    assert pascal_case("list_versions_by_function") == "ListVersionsByFunction"


@pytest.fixture
def bare(monkeypatch: pytest.MonkeyPatch, tmp_path: object) -> Callable[[], None]:
    for name in ("AWS_REGION", "AWS_DEFAULT_REGION", "AWS_PROFILE", "AWS_DEFAULT_PROFILE"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("AWS_CONFIG_FILE", f"{tmp_path}/config")
    monkeypatch.setenv("AWS_SHARED_CREDENTIALS_FILE", f"{tmp_path}/credentials")
    return lambda: None


def test_no_region_anywhere(bare: object) -> None:
    with pytest.raises(AwsRegionError, match="no region is set"):
        Aws().call("ecs", "list_clusters")


def test_the_region_of_the_settings_comes_before_that_of_the_environment(
    bare: object, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("AWS_REGION", "eu-west-1")
    assert Aws().client("ecs").meta.region_name == "eu-west-1"
    assert Aws(region="eu-central-1").client("ecs").meta.region_name == "eu-central-1"


def test_a_profile_that_is_not_there(bare: object, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_PROFILE", "nope")
    with pytest.raises(AwsCredentialsError, match="nope"):
        Aws(region="eu-central-1").client("ecs")


def test_a_client_is_made_once(bare: object) -> None:
    aws = Aws(region="eu-central-1")
    assert aws.client("ecs") is aws.client("ecs")


def test_nobody_there(bare: object, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "x")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "y")
    monkeypatch.setenv("AWS_ENDPOINT_URL", "http://127.0.0.1:1")
    aws = Aws(region="eu-central-1", attempts=1)
    with pytest.raises(AwsUnreachableError, match="ecs:ListClusters: AWS cannot be reached"):
        list(aws.pages("ecs", "list_clusters", "clusterArns"))


class Client:
    """A client whose one operation does what a test says, request by request."""

    def __init__(self, *answers: Callable[[], dict[str, Any]]) -> None:
        self.answers = list(answers)

    def describe_services(self) -> dict[str, Any]:
        return self.answers.pop(0)()


def refused(status: int) -> dict[str, Any]:
    answer = {"Error": {"Code": "Oops"}, "ResponseMetadata": {"HTTPStatusCode": status}}
    raise boto.ClientError(answer, "DescribeServices")


def silent() -> dict[str, Any]:
    threading.Event().wait(20)
    return {}


def aws_of(*answers: Callable[[], dict[str, Any]], **given: Any) -> Aws:
    aws = Aws(region="eu-central-1", **given)
    aws._clients["ecs"] = Client(*answers)
    return aws


def test_what_may_pass_is_tried_again_and_all_else_is_not(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(retry, "_FIRST", 0.001)
    passing = aws_of(partial(refused, 503), partial(refused, 500), lambda: {"ok": 1})
    assert passing.call("ecs", "describe_services") == {"ok": 1}
    for aws, given in (
        (aws_of(partial(refused, 503), attempts=1), {}),
        (aws_of(partial(refused, 503)), {"once": True}),
        (aws_of(partial(refused, 400)), {}),
    ):
        with pytest.raises(AwsError, match="ecs:DescribeServices: Oops"):
            aws.call("ecs", "describe_services", **given)


def test_an_answer_has_a_deadline_as_a_whole_and_can_be_stopped() -> None:
    begin = time.monotonic()
    with pytest.raises(AwsUnreachableError, match=r"ecs:DescribeServices: no answer after 0\.05 s"):
        aws_of(silent, whole=0.05, attempts=1).call("ecs", "describe_services")
    stop = threading.Event()
    threading.Timer(0.05, stop.set).start()
    with pytest.raises(StoppedError):
        aws_of(silent, stop=stop).call("ecs", "describe_services")
    assert time.monotonic() - begin < 10


def test_in_haste_a_silent_service_is_asked_once() -> None:
    aws = aws_of(silent)
    with retry.in_haste(0.05):
        for _ in range(3):
            with pytest.raises(AwsUnreachableError, match=r"no answer after 0\.05 s"):
                aws.call("ecs", "describe_services")
    aws._clients["ecs"] = Client(lambda: {"ok": 1})
    assert aws.call("ecs", "describe_services") == {"ok": 1}
